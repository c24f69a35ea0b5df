"""Contact sheets: rows of small pictures with a title, a caption and, if wanted, a histogram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_HISTOGRAM, _GAP, _HEAD = 40, 6, 34  # px


@dataclass(frozen=True)
class Tile:
    """One picture of a sheet: H x W x 3 uint8 with two lines of text above it."""

    title: str
    caption: str
    picture: np.ndarray


def contact_sheet(
    rows: Sequence[Sequence[Tile]], side: int = 256, *, histograms: bool = False
) -> np.ndarray:
    """Rows of tiles below one another on white: H x W x 3 uint8.

    side:       longest side of each picture; larger ones are reduced
    histograms: draw that of each picture below it
    Without any title and caption no room is left for them.
    """
    headed = any(tile.title or tile.caption for row in rows for tile in row)
    drawn = [
        np.hstack([_draw(tile, histograms, headed) for tile in _level(row, side)]) for row in rows
    ]
    width = max(row.shape[1] for row in drawn)
    return np.vstack(
        [np.pad(r, [(0, 0), (0, width - r.shape[1]), (0, 0)], constant_values=255) for r in drawn]
    )


def shrink(picture: np.ndarray, side: int) -> np.ndarray:
    """Reduce a picture so that its longest side is at most ``side`` px."""
    image = Image.fromarray(picture)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(image)


def histogram(picture: np.ndarray) -> np.ndarray:
    """Histograms of R, G and B over one another, as wide as the picture: 40 x W x 3 uint8."""
    width = picture.shape[1]
    drawn = np.full((_HISTOGRAM, width, 3), 255, np.uint8)
    counts = [np.bincount(picture[..., c].ravel(), minlength=256) for c in range(3)]
    # Clipped codes would flatten all the rest.
    top = max(1, *(int(np.sort(count)[-4]) for count in counts))
    codes = np.arange(width) * 256 // width
    height = np.arange(_HISTOGRAM)[::-1, None]
    for channel, count in enumerate(counts):
        filled = height < np.minimum(count[codes] / top, 1) * _HISTOGRAM
        for other in (c for c in range(3) if c != channel):
            drawn[..., other][filled] //= 2
    return drawn


def _level(row: Sequence[Tile], side: int) -> list[Tile]:
    """Tiles of a row with reduced pictures of one height, padded with white at the bottom."""
    small = [shrink(tile.picture, side) for tile in row]
    height = max(len(picture) for picture in small)
    padded = [np.pad(p, [(0, height - len(p)), (0, 0), (0, 0)], constant_values=255) for p in small]
    return [Tile(t.title, t.caption, p) for t, p in zip(row, padded, strict=True)]


def _draw(tile: Tile, histograms: bool, headed: bool) -> np.ndarray:
    head = Image.new("RGB", (tile.picture.shape[1], _HEAD), "white")
    pen = ImageDraw.Draw(head)
    pen.text((2, 2), tile.title, fill="black", font=ImageFont.load_default(12))
    pen.text((2, 17), tile.caption, fill=(90, 90, 90), font=ImageFont.load_default(11))
    parts = [tile.picture]
    if headed:
        parts.insert(0, np.asarray(head))
    if histograms:
        parts.append(histogram(tile.picture))
    return np.pad(np.vstack(parts), [(0, _GAP), (0, _GAP), (0, 0)], constant_values=255)
