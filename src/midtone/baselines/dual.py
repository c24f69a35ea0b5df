"""Dual illumination estimation for robust exposure correction (Zhang, Nie, Zheng, CGF 2019)."""

from __future__ import annotations

import numpy as np

from midtone import exposure_fusion
from midtone.baselines.lime import relight
from midtone.baselines.smooth import differences, gaussian, smooth

_EPSILON = 1e-3


def dual(image: np.ndarray, strength: float = 0.15, gamma: float = 0.6) -> np.ndarray:
    """H x W x 3 uint8 -> the same, dark and bright parts corrected.

    The photograph and its inverse (section 3.1) are each brightened by an estimated illumination: L
    minimises |L - L'|^2 + lambda sum w (dL)^2, L' = max of R, G, B, with
    w = sum over 15 x 15 pixels of a Gaussian affinity (sigma 3) / (|dL'| + e) (eqs. 3-5),
    F = I / L^gamma, lambda 0.15, gamma 0.6. The input, the brightened photograph and the brightened
    inverse, inverted, are blended by exposure fusion (section 3.3). Solved by ``smooth``.
    """
    dark = lift(image, strength, gamma)
    bright = 255 - lift(255 - image, strength, gamma)
    fused = exposure_fusion.fuse([one.astype(np.float32) / 255 for one in (image, dark, bright)])
    return np.rint(255 * np.clip(fused, 0, 1)).astype(np.uint8)


def lift(image: np.ndarray, strength: float, gamma: float) -> np.ndarray:
    """Forward illumination estimation and relighting of an underexposed picture."""
    light = image / 255
    brightest = light.max(2)
    across, down = (
        gaussian(1 / (np.abs(step) + _EPSILON), 3.0) / (np.abs(step) + _EPSILON)
        for step in differences(brightest)
    )
    return relight(light, smooth(brightest, across, down, strength), gamma)
