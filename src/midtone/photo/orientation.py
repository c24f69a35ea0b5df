"""Pictures turned upright, by one of the eight orientations of EXIF (EXIF 2.32, table 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from midtone.photo import exif, xmp
from midtone.photo.metadata import Metadata
from midtone.photo.photo import Photo

_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


def orientation_of(metadata: Metadata) -> int:
    """The orientation in EXIF, or in XMP if EXIF has none; 1 if neither has one."""
    found = exif.orientation(metadata.exif) if metadata.exif else None
    if found is None and metadata.xmp:
        found = xmp.orientation(metadata.xmp)
    return found if found in _UPRIGHT else 1


def upright(photo: Photo, orientation: int | None = None) -> Photo:
    """The photograph turned, and its metadata after that.

    orientation: 1 to 8; by default that in its metadata
    """
    turn = _UPRIGHT.get(orientation_of(photo.metadata) if orientation is None else orientation)
    pixels, alpha = photo.pixels, photo.alpha
    if turn:
        pixels = np.ascontiguousarray(turn(pixels))
        alpha = None if alpha is None else np.ascontiguousarray(turn(alpha))
    metadata = photo.metadata.normalize_orientation((pixels.shape[1], pixels.shape[0]))
    return replace(photo, pixels=pixels, alpha=alpha, metadata=metadata)
