"""Exposure fusion of one photograph with itself at other exposures."""

from __future__ import annotations

import numpy as np

from midtone import exposure_fusion

_EVS = (-1.5, 0.0, 1.5)


def fusion(image: np.ndarray) -> np.ndarray:
    """H x W x 3 uint8 -> the same.

    The photograph is rendered at -1.5, 0 and +1.5 EV by a gain in linear light (x^2.2, clipped) and
    the three are blended by exposure fusion (Mertens, Kautz, Van Reeth, Pacific Graphics 2007).
    """
    linear = (image.astype(np.float32) / 255) ** 2.2
    exposures = [np.clip(linear * 2.0**ev, 0, 1) ** (1 / 2.2) for ev in _EVS]
    fused = exposure_fusion.fuse(exposures)
    return np.rint(255 * np.clip(fused, 0, 1)).astype(np.uint8)
