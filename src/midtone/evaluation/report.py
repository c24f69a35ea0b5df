"""The worst and the best images of a method, as a contact sheet and an HTML page.

Both show the pictures that the benchmark kept; nothing is run again.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from midtone.evaluation.contact_sheet import Tile, contact_sheet, histogram
from midtone.evaluation.results import Row
from midtone.evaluation.results_folder import INPUT, REFERENCE, THUMBNAIL, read_picture


@dataclass(frozen=True)
class Case:
    """One image: the input, every method's result and the reference, side by side."""

    name: str
    tiles: tuple[Tile, ...]


def cases(rows: Sequence[Row], out: Path, count: int) -> list[Case]:
    """The ``count`` worst and the ``count`` best images of the first method, by mean PSNR.

    out: folder of the benchmark
    """
    found = []
    for image in choose(rows, count):
        some = {row.method: row for row in rows if row.image == image}
        captions = {method: _caption(row) for method, row in some.items()}
        shown = [("input", INPUT, captions.pop("input", ""))]
        shown += [(method, method, caption) for method, caption in captions.items()]
        shown.append(("reference", REFERENCE, ""))
        tiles = []
        for title, folder, caption in shown:
            picture = read_picture(out, folder, image)
            if picture is not None:
                tiles.append(Tile(title, caption, picture))
        if tiles:
            found.append(Case(image, tuple(tiles)))
    return found


def choose(rows: Sequence[Row], count: int) -> list[str]:
    """Names of the worst images of the rows' first method, then of its best, each once."""
    first = [row for row in rows if row.method == rows[0].method]
    names = [row.image for row in sorted(first, key=lambda row: (row.mean.psnr, row.image))]
    return list(dict.fromkeys(names[:count] + names[::-1][:count]))


def contact_sheet_of(found: Sequence[Case]) -> np.ndarray:
    """All cases below one another with histograms: H x W x 3 uint8."""
    return contact_sheet([case.tiles for case in found], THUMBNAIL, histograms=True)


def page(found: Sequence[Case], table: str, title: str) -> str:
    """An HTML page with the table and the cases; the pictures are inside it."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'>",
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>",
        f"<h1>{html.escape(title)}</h1><pre>{html.escape(table)}</pre>",
    ]
    for case in found:
        parts.append(f"<h2>{html.escape(case.name)}</h2><div class=case>")
        for tile in case.tiles:
            label = f"<b>{html.escape(tile.title)}</b> {html.escape(tile.caption)}"
            what = html.escape(f"{case.name}, {tile.title}")
            parts.append(
                f"<figure><figcaption>{label}</figcaption>"
                f"<img alt='{what}' src='{_data(tile.picture)}'>"
                f"<img class=histogram alt='' src='{_data(histogram(tile.picture))}'></figure>"
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


def _caption(row: Row) -> str:
    return f"{row.mean.psnr:.1f} dB  {row.mean.ssim:.3f}"
