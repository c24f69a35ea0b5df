"""Contrast stretching by the histogram of an image."""

from __future__ import annotations

import numpy as np

_BINS = 65536


def limits(image: np.ndarray, tail: float = 0.01) -> np.ndarray:
    """Low and high limit of each channel: 2 x 3, for an H x W x 3 float image.

    From 65,536 bins of the values clipped to [0, 1]: the first whose cumulated share exceeds
    ``tail``, and the first whose share reaches 1 - ``tail``; (0, 1) where these are equal.
    """
    found = np.empty((2, 3))
    for channel in range(3):
        codes = np.floor(np.clip(image[..., channel], 0, 1) * (_BINS - 1) + 0.5).astype(np.intp)
        share = np.cumsum(np.bincount(codes.ravel(), minlength=_BINS)) / codes.size
        low, high = np.argmax(share > tail), np.argmax(share >= 1 - tail)
        found[:, channel] = (0, 1) if low == high else (low / (_BINS - 1), high / (_BINS - 1))
    return found


def stretch(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """Map [low, high] to [0, 1], the same for all channels; outside values become 0 and 1."""
    return np.clip((image - low) / (high - low), 0, 1)
