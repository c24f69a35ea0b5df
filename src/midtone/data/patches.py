"""Training examples drawn from a folder of good photographs, wrongly exposed on the fly.

Example ``n`` depends on the seed and on ``n`` alone, so a resumed run sees what an uninterrupted
one would have seen, whatever the number of loader processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from midtone.data.synthesize import ErrorModel, draw_ev, synthesize

_SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp"}


@dataclass(frozen=True)
class WindowModel:
    """How windows are cut from a photograph.

    coverage:     smallest and largest side of a window, as a part of the photograph's side
    square_share: square windows that fill the patch; the others keep the photograph's aspect ratio
                  and are padded by reflection, as the network's input is when it corrects a photo
    turned_share: windows upside down, so that fewer photographs are learned by heart
    saturation:   smallest and largest factor of a window's saturation, before it is spoiled
    """

    coverage: tuple[float, float] = (0.8, 1.0)
    square_share: float = 0.3
    turned_share: float = 0.2
    saturation: tuple[float, float] = (0.6, 1.3)


def find_photos(folder: Path) -> list[Path]:
    """Image files below a folder, sorted by name."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in _SUFFIXES)


def well_exposed(image: np.ndarray) -> bool:
    """Whether a photograph is fit to be a target: H x W x 3 uint8 sRGB.

    A photograph taken as it should be is neither dark nor bright on the whole and uses most of the
    range; what the network is shown as right it will copy.
    """
    luma = image @ np.array([0.299, 0.587, 0.114]) / 255
    low, high = np.percentile(luma, (1, 99))
    return bool(0.26 <= luma.mean() <= 0.68 and low <= 0.27 and high >= 0.66)


def hold_out(paths: Sequence[Path], every: int) -> tuple[list[Path], list[Path]]:
    """Split into (training, validation): every ``every``-th file of the sorted list validates."""
    training = [p for i, p in enumerate(paths) if i % every != every - 1]
    return training, list(paths[every - 1 :: every])


class Photographs:
    """Decoded photographs, H x W x 3 uint8, kept in memory, no longer than ``longest_side`` px.

    ``chosen`` leaves out those that are not ``well_exposed``.
    """

    def __init__(self, paths: Sequence[Path], longest_side: int, *, chosen: bool = False) -> None:
        self.images: list[np.ndarray] = []
        for path in paths:
            with Image.open(path) as opened:
                image = ImageOps.exif_transpose(opened.convert("RGB"))
            image.thumbnail((longest_side, longest_side), Image.Resampling.BICUBIC)
            if not chosen or well_exposed(np.asarray(image)):
                self.images.append(np.array(image))

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Examples:
    """Pairs (wrongly exposed, well exposed), each size x size x 3 uint8, by number."""

    photographs: Photographs
    size: int
    seed: int
    errors: ErrorModel = ErrorModel()
    windows: WindowModel = WindowModel()

    def __len__(self) -> int:
        return len(self.photographs)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        epoch, place = divmod(number, len(self.photographs))
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.photographs))
        rng = np.random.default_rng((self.seed, epoch, place))
        window = cut_window(self.photographs.images[order[place]], self.windows, rng)
        window = fit(window, self.size)
        wrong = synthesize(window, draw_ev(self.errors, rng), self.errors, rng)
        return pad_square(wrong), pad_square(window)


def cut_window(image: np.ndarray, model: WindowModel, rng: np.random.Generator) -> np.ndarray:
    """A random window, mirrored half of the time, sometimes turned, with other colours."""
    height, width = image.shape[:2]
    coverage = rng.uniform(*model.coverage)
    if rng.random() < model.square_share:
        height_out = width_out = max(1, round(coverage * min(height, width)))
    else:
        height_out, width_out = max(1, round(coverage * height)), max(1, round(coverage * width))
    top = rng.integers(0, height - height_out, endpoint=True)
    left = rng.integers(0, width - width_out, endpoint=True)
    window = image[top : top + height_out, left : left + width_out]
    window = window[:, ::-1] if rng.random() < 0.5 else window
    window = window[::-1] if rng.random() < model.turned_share else window
    low, high = model.saturation
    if low < high:
        colour = ImageEnhance.Color(Image.fromarray(np.ascontiguousarray(window)))
        window = np.asarray(colour.enhance(rng.uniform(low, high)))
    return window


def fit(image: np.ndarray, size: int) -> np.ndarray:
    """Resize so that the longest side is ``size``."""
    height, width = image.shape[:2]
    scale = size / max(height, width)
    shape = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(image).resize(shape, Image.Resampling.BICUBIC))


def pad_square(image: np.ndarray) -> np.ndarray:
    """Reflect at the bottom or at the right until both sides are equal."""
    height, width = image.shape[:2]
    size = max(height, width)
    return np.pad(image, ((0, size - height), (0, size - width), (0, 0)), mode="symmetric")
