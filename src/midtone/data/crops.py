"""Crops of photographs: the paper's patches, and crops that cover most of a photograph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from midtone import colour

_TRIES = 200


@dataclass(frozen=True)
class CropModel:
    """How crops that cover most of a photograph are drawn.

    coverage:     smallest and largest side of a crop, relative to the photograph's side; (1, 1)
                  takes whole photographs
    square_share: probability of a square crop, which fills the patch; the others keep the
                  photograph's aspect ratio and are padded as the network's input is
    vertical_flip_prob: probability of a crop upside down. Every second crop is mirrored.
    """

    coverage: tuple[float, float] = (0.8, 1.0)
    square_share: float = 0.3
    vertical_flip_prob: float = 0.2


@dataclass(frozen=True)
class Crop:
    """A part of a photograph in pixels, mirrored or upside down."""

    top: int
    left: int
    height: int
    width: int
    mirrored: bool = False
    flipped: bool = False

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Cut the crop out of an H x W x C image."""
        part = image[self.top : self.top + self.height, self.left : self.left + self.width]
        part = part[:, ::-1] if self.mirrored else part
        return part[::-1] if self.flipped else part


def draw_crop(shape: tuple[int, int], model: CropModel, rng: np.random.Generator) -> Crop:
    """Draw a crop of an image of ``shape`` = (H, W)."""
    height, width = shape
    coverage = rng.uniform(*model.coverage)
    if rng.random() < model.square_share:
        rows = columns = max(1, round(coverage * min(height, width)))
    else:
        rows, columns = max(1, round(coverage * height)), max(1, round(coverage * width))
    return Crop(
        *draw_position(shape, rows, columns, rng),
        rows,
        columns,
        mirrored=rng.random() < 0.5,
        flipped=rng.random() < model.vertical_flip_prob,
    )


def draw_position(
    shape: tuple[int, int], rows: int, columns: int, rng: np.random.Generator
) -> tuple[int, int]:
    """Draw top and left of a crop of rows x columns px in an image of ``shape`` = (H, W)."""
    top = rng.integers(0, shape[0] - rows, endpoint=True)
    return int(top), int(rng.integers(0, shape[1] - columns, endpoint=True))


def draw_patch(target: np.ndarray, size: int, rng: np.random.Generator) -> Crop | None:
    """Draw a size x size crop that the paper's rules accept, mirrored half of the time.

    target: the well exposed image, H x W x 3 uint8. None after 200 rejected crops, or if the image
    is smaller than the patch.
    """
    height, width = target.shape[:2]
    if min(height, width) < size:
        return None
    for _ in range(_TRIES):
        top, left = draw_position((height, width), size, size, rng)
        if is_acceptable(target[top : top + size, left : left + size]):
            return Crop(top, left, size, size, mirrored=rng.random() < 0.5)
    return None


def is_acceptable(patch: np.ndarray) -> bool:
    """Whether a patch is neither dark, nor bright, nor flat (the authors' release).

    patch: H x W x 3 uint8. Its mean must lie within 0.02 / 3 and 0.98, and the mean magnitude of
    the Sobel gradient of its luma (unnormalised kernels, edges replicated) be at least 0.06.
    """
    mean = patch.mean() / 255
    return bool(0.02 / 3 <= mean <= 0.98 and mean_gradient(patch) >= 0.06)


def mean_gradient(patch: np.ndarray) -> float:
    """Mean Sobel gradient magnitude of the luma of an H x W x 3 uint8 patch, luma in [0, 1]."""
    luma = np.pad(colour.luma(patch / 255), 1, mode="edge")
    smooth = luma[:, :-2] + 2 * luma[:, 1:-1] + luma[:, 2:]
    vertical = smooth[2:] - smooth[:-2]
    smooth = luma[:-2] + 2 * luma[1:-1] + luma[2:]
    horizontal = smooth[:, 2:] - smooth[:, :-2]
    return float(np.hypot(horizontal, vertical).mean())
