"""Folders of good photographs: found, judged, split, kept in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from midtone import colour
from midtone.errors import PhotoError
from midtone.photo import writable_as


def find_photos(folder: Path) -> list[Path]:
    """Image files below a folder, sorted by name."""
    return sorted(p for p in folder.rglob("*") if writable_as(p))


def hold_out(paths: Sequence[Path], every: int) -> tuple[list[Path], list[Path]]:
    """Split into (training, validation): every ``every``-th file of the sorted list validates."""
    training = [p for i, p in enumerate(paths) if i % every != every - 1]
    return training, list(paths[every - 1 :: every])


def well_exposed(image: np.ndarray) -> bool:
    """Whether a photograph is fit to be a target: H x W x 3 uint8 sRGB.

    A photograph taken as it should be is neither dark nor bright on the whole and uses most of the
    range; what the network is shown as right it will copy.
    """
    luma = colour.luma(image / 255)
    low, high = np.percentile(luma, (1, 99))
    return bool(0.26 <= luma.mean() <= 0.68 and low <= 0.27 and high >= 0.66)


def decode(path: Path, longest_side: int | None = None) -> np.ndarray:
    """H x W x 3 uint8, upright, no longer than ``longest_side`` px.

    Raises PhotoError for what is no image.
    """
    with _opened(path) as opened:
        image = ImageOps.exif_transpose(opened.convert("RGB"))
    if longest_side:
        image.thumbnail((longest_side, longest_side), Image.Resampling.BICUBIC)
    return np.array(image)


def size_of(path: Path) -> tuple[int, int]:
    """(H, W) of an image file as it is seen upright, from its header. Raises PhotoError."""
    with _opened(path) as opened:
        width, height = opened.size
        turned = opened.getexif().get(ExifTags.Base.Orientation, 1) >= 5
    return (width, height) if turned else (height, width)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An image file; whatever is wrong with it is a PhotoError."""
    try:
        with Image.open(path) as opened:
            yield opened
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PhotoError(f"{path}: cannot be read as a photograph ({error})") from error


@dataclass(frozen=True)
class Photographs:
    """Decoded photographs in memory, H x W x 3 uint8 each."""

    images: list[np.ndarray]

    @classmethod
    def read(
        cls, paths: Iterable[Path], longest_side: int | None = None, *, chosen: bool = False
    ) -> Photographs:
        """Decode, no longer than ``longest_side`` px; ``chosen``: only the ``well_exposed``."""
        images = (decode(path, longest_side) for path in paths)
        return cls([image for image in images if not chosen or well_exposed(image)])

    def __len__(self) -> int:
        return len(self.images)

    def at_least(self, size: int) -> Photographs:
        """Those with both sides at least ``size`` px."""
        return Photographs([image for image in self.images if min(image.shape[:2]) >= size])
