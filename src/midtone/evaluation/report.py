"""Results to look at: one picture, and an HTML report that needs no other file."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from midtone.data.pairs import Pair
from midtone.errors import Error
from midtone.evaluation.benchmark import Protocol, Row, load
from midtone.evaluation.methods import Method

_HISTOGRAM, _GAP, _HEAD = 40, 6, 34


@dataclass(frozen=True)
class Case:
    """One image as every method left it: (title, caption, H x W x 3 uint8) side by side."""

    name: str
    pictures: list[tuple[str, str, np.ndarray]]


def choose(rows: Sequence[Row], protocol: Protocol, method: str, count: int) -> list[str]:
    """The ``count`` worst images of a method by mean PSNR, then its best, without repetition."""
    scored = sorted(
        (float(np.mean([float(row[f"psnr_{e}"]) for e in protocol.experts])), row["image"])
        for row in rows
        if row["method"] == method
    )
    names = [name for _, name in scored]
    return list(dict.fromkeys(names[:count] + names[::-1][:count]))


def cases(
    pairs: dict[str, Pair],
    names: Sequence[str],
    methods: Sequence[Method],
    rows: Sequence[Row],
    protocol: Protocol,
    side: int,
) -> list[Case]:
    """Run the methods again on the chosen images, and make the results ``side`` px small."""
    captions = {(row["method"], row["image"]): _caption(row, protocol) for row in rows}
    found = []
    for name in names:
        pair = pairs[name]
        image, references = load(pair, protocol)
        pictures = [("input", "", image)]
        for method in methods:
            try:
                result = method(image, pair.input, protocol.longest_side)
            except Error:
                continue  # has been said when it was measured
            if method.name == "input":
                pictures[0] = ("input", captions.get(("input", name), ""), image)
            else:
                pictures.append((method.name, captions.get((method.name, name), ""), result))
        pictures += [(f"reference {e}" if e != "reference" else e, "", r) for e, r in references.items()][:1]  # fmt: skip  # noqa: E501
        found.append(Case(name, [(t, c, _small(p, side)) for t, c, p in pictures]))
    return found


def draw(found: Sequence[Case]) -> np.ndarray:
    """All cases below one another, a histogram under each picture: H x W x 3 uint8."""
    rows = []
    for case in found:
        columns = []
        for title, caption, picture in case.pictures:
            head = Image.new("RGB", (picture.shape[1], _HEAD), "white")
            pen = ImageDraw.Draw(head)
            pen.text((2, 2), title, fill="black", font=ImageFont.load_default(12))
            pen.text((2, 17), caption, fill=(90, 90, 90), font=ImageFont.load_default(11))
            columns.append(np.vstack([np.asarray(head), picture, histogram(picture)]))
            columns.append(np.full((columns[-1].shape[0], _GAP, 3), 255, np.uint8))
        rows.append(np.hstack(columns))
    width = max(row.shape[1] for row in rows)
    return np.vstack(
        [
            np.pad(row, [(0, _GAP), (0, width - row.shape[1]), (0, 0)], constant_values=255)
            for row in rows
        ]
    )


def histogram(picture: np.ndarray) -> np.ndarray:
    """Of R, G and B, over one another, as wide as the picture: 40 x W x 3 uint8."""
    width = picture.shape[1]
    drawn = np.full((_HISTOGRAM, width, 3), 255, np.uint8)
    counts = [np.bincount(picture[..., c].ravel(), minlength=256) for c in range(3)]
    # Clipped codes would flatten all the rest.
    top = max(1, *(int(np.sort(count)[-4]) for count in counts))
    codes = np.arange(width) * 256 // width
    height = np.arange(_HISTOGRAM)[::-1, None]
    for channel, count in enumerate(counts):
        filled = height < np.minimum(count[codes] / top, 1) * _HISTOGRAM
        others = [c for c in range(3) if c != channel]
        for other in others:
            drawn[..., other][filled] //= 2
    return drawn


def report(found: Sequence[Case], table: str, title: str) -> str:
    """A page with the tables and the cases; the pictures are inside it."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'>",
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>",
        f"<h1>{html.escape(title)}</h1><pre>{html.escape(table)}</pre>",
    ]
    for case in found:
        parts.append(f"<h2>{html.escape(case.name)}</h2><div class=case>")
        for name, caption, picture in case.pictures:
            label = f"<b>{html.escape(name)}</b> {html.escape(caption)}"
            parts.append(
                f"<figure><figcaption>{label}</figcaption>"
                f"<img alt='{html.escape(case.name)}, {html.escape(name)}' src='{_data(picture)}'>"
                f"<img class=histogram alt='' src='{_data(histogram(picture))}'></figure>"
            )
        parts.append("</div>")
    return "\n".join(parts) + "</html>\n"


_STYLE = """
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}
body{margin:2rem auto;max-width:110rem;padding:0 1rem}
pre{overflow-x:auto}
.case{display:flex;gap:.5rem;overflow-x:auto}
figure{margin:0;flex:none}
figure img{display:block}
.histogram{margin-top:2px}
"""


def _data(picture: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _caption(row: Row, protocol: Protocol) -> str:
    psnr, ssim = (
        np.mean([float(row[f"{score}_{expert}"]) for expert in protocol.experts])
        for score in ("psnr", "ssim")
    )
    return f"{psnr:.1f} dB  {ssim:.3f}"


def _small(picture: np.ndarray, side: int) -> np.ndarray:
    image = Image.fromarray(picture)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(image)
