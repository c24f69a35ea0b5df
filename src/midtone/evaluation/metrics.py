"""Full-reference measures. Images are H x W x 3 float in [0, 1]; others raise ValueError."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

WINDOW = 11
"""Side of SSIM's Gaussian window in pixels; smaller images have no SSIM."""
_SIGMA = 1.5
_C1, _C2 = 0.01**2, 0.03**2
_STRIP = 16  # rows
_BEYOND = 0.5  # predictions are not clipped


def psnr(image: np.ndarray, reference: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB, over all values; infinite for equal images."""
    _check(image, reference)
    error = np.mean((image.astype(np.float64) - reference) ** 2)
    return float(-10 * np.log10(error)) if error else float("inf")


def ssim(image: np.ndarray, reference: np.ndarray) -> float:
    """Structural similarity (Wang et al. 2004), mean over R, G and B.

    Gaussian window of 11 taps, sigma 1.5, K1 = 0.01, K2 = 0.03, population covariance, only where
    the window fits. Raises ValueError for sides below 11 pixels.
    """
    _check(image, reference)
    if min(image.shape[:2]) < WINDOW:
        raise ValueError(f"SSIM needs sides of at least {WINDOW} pixels, got {image.shape[:2]}")
    return _similarity(image, reference, _blur)


def ssim_luma(image: np.ndarray, reference: np.ndarray) -> float:
    """SSIM as `ssim`, of the BT.601 luma 16..235 on the scale 0..255, not rounded."""
    _check(image, reference)
    return ssim(_luma(image), _luma(reference))


def ssim_volume(image: np.ndarray, reference: np.ndarray) -> float:
    """SSIM with H x W x 3 taken as a volume, as MATLAB's ``ssim(A, B)`` does for RGB images.

    The window is 11 x 11 x 11, so it reaches over the channels too; borders are replicated and
    every value counts. Higher than `ssim` by some 0.1.
    """
    _check(image, reference)
    edge = ((WINDOW // 2, WINDOW // 2), (WINDOW // 2, WINDOW // 2), (0, 0))
    return _similarity(np.pad(image, edge, "edge"), np.pad(reference, edge, "edge"), _blur_volume)


# What tables may call SSIM: published values of one method differ by 0.1 with the definition.
SSIM = {"channels": ssim, "luma": ssim_luma, "volume": ssim_volume}


def _similarity(
    image: np.ndarray, reference: np.ndarray, blur: Callable[[np.ndarray], np.ndarray]
) -> float:
    """Mean over every place where the window fits, by strips that stay in the cache."""
    total, count = 0.0, 0
    for top in range(0, image.shape[0] - WINDOW + 1, _STRIP):
        rows = slice(top, top + _STRIP + WINDOW - 1)
        x, y = image[rows].astype(np.float64), reference[rows].astype(np.float64)
        mean_x, mean_y = blur(x), blur(y)
        var_x = blur(x * x) - mean_x**2
        var_y = blur(y * y) - mean_y**2
        covariance = blur(x * y) - mean_x * mean_y
        similarity = ((2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)) / (
            (mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2)
        )
        total, count = total + float(similarity.sum()), count + similarity.size
    return total / count


def _luma(image: np.ndarray) -> np.ndarray:
    return (16 + image @ np.array([65.481, 128.553, 24.966]))[..., None] / 255


def _check(image: np.ndarray, reference: np.ndarray) -> None:
    """Raise ValueError for what would give a wrong figure instead of none."""
    if image.shape != reference.shape:
        raise ValueError(f"images of different shapes: {image.shape} and {reference.shape}")
    for one in (image, reference):
        if one.dtype.kind != "f":
            raise ValueError(
                f"images are compared as float in [0, 1], not {one.dtype}; divide by 255"
            )
        if not one.size or not -_BEYOND <= one.min() <= one.max() <= 1 + _BEYOND:
            raise ValueError("an image to compare is empty, holds NaN or lies outside [0, 1]")


@cache
def _taps() -> np.ndarray:
    offset = np.arange(WINDOW) - WINDOW // 2
    taps = np.exp(-(offset**2) / (2 * _SIGMA**2))
    return taps / taps.sum()


def _blur(image: np.ndarray) -> np.ndarray:
    for _ in range(2):
        length = image.shape[0] - WINDOW + 1
        image = sum(
            tap * image[start : start + length] for start, tap in enumerate(_taps())
        ).swapaxes(0, 1)
    return image


def _blur_volume(image: np.ndarray) -> np.ndarray:
    edge, image = WINDOW // 2, _blur(image)
    channels = np.arange(image.shape[2])
    mixing = np.zeros((len(channels), len(channels)))
    for offset, tap in zip(range(-edge, edge + 1), _taps(), strict=True):
        mixing[np.clip(channels + offset, 0, channels[-1]), channels] += tap
    return image @ mixing
