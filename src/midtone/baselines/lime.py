"""LIME: low-light image enhancement via illumination map estimation (Guo, Li, Ling, TIP 2017)."""

from __future__ import annotations

import numpy as np

from midtone.baselines.smooth import differences, gaussian, smooth

_EPSILON = 1e-3


def lime(
    image: np.ndarray, alpha: float = 0.15, gamma: float = 0.8, sigma: float = 2.0
) -> np.ndarray:
    """H x W x 3 uint8 -> the same, underexposed photographs brightened.

    T^ = max over R, G, B (eq. 3); T minimises |T - T^|^2 + alpha sum W (dT)^2 / (|dT^| + e), the
    sped-up problem (eq. 19) with weights W = 1 / (|G_sigma * dT^| + e) (strategy III, eq. 21; the
    windowed sum over a constant kernel); the result is L / T^gamma. The paper's optional denoising
    (BM3D) is left out. Solved by ``smooth``.
    """
    light = image / 255
    brightest = light.max(2)
    across, down = (
        1 / ((np.abs(gaussian(step, sigma)) + _EPSILON) * (np.abs(step) + _EPSILON))
        for step in differences(brightest)
    )
    illumination = smooth(brightest, across, down, alpha)
    return relight(light, illumination, gamma)


def relight(light: np.ndarray, illumination: np.ndarray, gamma: float) -> np.ndarray:
    """light / illumination^gamma as uint8. light: H x W x 3 in [0, 1], illumination: H x W."""
    divisor = np.clip(illumination, _EPSILON, 1)[..., None] ** gamma
    return np.rint(255 * np.clip(light / divisor, 0, 1)).astype(np.uint8)
