"""Full-reference measures. Images are H x W x 3 float in [0, 1]."""

from __future__ import annotations

import numpy as np

_SIGMA, _TAPS = 1.5, 11
_C1, _C2 = 0.01**2, 0.03**2


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
    if min(image.shape[:2]) < _TAPS:
        raise ValueError(f"SSIM needs sides of at least {_TAPS} pixels, got {image.shape[:2]}")
    x, y = image.astype(np.float64), reference.astype(np.float64)
    mean_x, mean_y = _blur(x), _blur(y)
    var_x = _blur(x * x) - mean_x**2
    var_y = _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    similarity = ((2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)) / (
        (mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2)
    )
    return float(similarity.mean())


def _check(image: np.ndarray, reference: np.ndarray) -> None:
    if image.shape != reference.shape:
        raise ValueError(f"images of different shapes: {image.shape} and {reference.shape}")


def _blur(image: np.ndarray) -> np.ndarray:
    offset = np.arange(_TAPS) - _TAPS // 2
    taps = np.exp(-(offset**2) / (2 * _SIGMA**2))
    taps /= taps.sum()
    for _ in range(2):
        length = image.shape[0] - _TAPS + 1
        image = sum(tap * image[start : start + length] for start, tap in enumerate(taps)).swapaxes(
            0, 1
        )
    return image
