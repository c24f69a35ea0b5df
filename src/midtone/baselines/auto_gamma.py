"""Automatic levels with gamma, as photo editors do it."""

from __future__ import annotations

import numpy as np

from midtone import colour


def auto_gamma(image: np.ndarray, tail: float = 0.005, mean: float = 0.46) -> np.ndarray:
    """Stretch ``tail`` of the values off each end, then x^g so that the mean luma is ``mean``.

    H x W x 3 uint8 -> the same; one stretch and one g for all channels.
    """
    counts = np.stack([np.bincount(image[..., c].ravel(), minlength=256) for c in range(3)])
    shares = counts / counts.sum(1, keepdims=True)
    cumulated = shares.mean(0).cumsum()
    low, high = np.searchsorted(cumulated, (tail, 1 - tail))
    codes = np.clip((np.arange(256) - low) / max(high - low, 1), 0, 1)
    smallest, largest = 0.05, 20.0
    for _ in range(40):
        gamma = np.sqrt(smallest * largest)
        if np.array(colour.REC601) @ (shares @ codes**gamma) > mean:
            smallest = gamma
        else:
            largest = gamma
    return np.rint(255 * codes**gamma).astype(np.uint8)[image]
