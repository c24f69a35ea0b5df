"""Photographs as they are measured: files and ``Photo`` -> H x W x 3 uint8 sRGB."""

from __future__ import annotations

import os

import numpy as np

from midtone import colour, photo
from midtone.photo import Photo
from midtone.preprocess import resize


def read_srgb(source: str | os.PathLike[str], longest_side: int | None = None) -> np.ndarray:
    """Decode a file as ``midtone fix`` does, and convert it as ``srgb_codes`` does.

    Raises PhotoError.
    """
    return srgb_codes(photo.read(source), longest_side)


def srgb_codes(image: Photo, longest_side: int | None = None) -> np.ndarray:
    """sRGB codes of a photograph: H x W x 3 uint8, its longest side at most ``longest_side`` px.

    Grey becomes R = G = B, a colour profile is applied, 16 bits are rounded to 8.
    """
    pixels = image.pixels
    side = max(pixels.shape[:2])
    if (
        image.icc is None
        and pixels.dtype == np.uint8
        and (not longest_side or side <= longest_side)
    ):
        return np.repeat(pixels, 3, 2) if pixels.shape[2] == 1 else pixels
    small = resize(pixels, min(side, longest_side or side))
    return photo.to_8_bit(colour.to_srgb(small, image.icc))
