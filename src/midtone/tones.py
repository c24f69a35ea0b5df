"""Tone statistics: what a picture's histogram tells of its exposure.

The coarsest sub-network sees a picture of 32 x 32 pixels, in which the floor of the blacks and the
ceiling of the whites are blurred away. They tell more of an exposure error than anything else
(benchmarks/EXPERIMENTS.md), so models may take them as a further input. Not in the paper.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SHARES = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0)  # fmt: skip  # noqa: E501
QUANTILES = 4 * len(SHARES)
COUNT = 3 * QUANTILES
# EV of the measured curves, and the code values to which each brings black and white
_BLACKS = (-1.5, -1.0, 0.0, 1.0, 1.5), (1.8, 1.5, 0.0, 16.2, 36.7)
_WHITES = (-1.5, -1.0, 0.0), (245.1, 250.6, 255.0)
# Of 305 training photographs, 99 % have less white (4.2 %) when they are rendered at +1.5 EV.
_MOST_WHITE, _BRIGHT = 0.05, 0.5


def describe(picture: np.ndarray, count: int = COUNT) -> np.ndarray:
    """Quantiles of R, G, B and of (R + 2 G + B) / 4: h x w x 3 float in [0, 1] -> (count,) float32.

    A quantile is the smallest 8-bit code that the given share of the pixels does not exceed; share
    0 is the smallest one there is. First the 68 codes c as they are, c / 255; then on scales that
    are fine near black, log2(1 + c) / 8, and near white, log2(256 - c) / 8: a black of 1 or of 2
    codes tells much. Models of before 26 November 2026 take the first 68 alone.
    """
    codes = np.rint(np.clip(picture, 0, 1) * 255).astype(np.int64).reshape(-1, 3)
    luma = (codes[:, 0] + 2 * codes[:, 1] + codes[:, 2] + 2) // 4
    wanted = np.maximum(np.ceil(np.array(SHARES) * len(codes)), 1)
    found = np.concatenate(
        [
            np.searchsorted(np.cumsum(np.bincount(values, minlength=256)), wanted)
            for values in (*codes.T, luma)
        ]
    )
    scales = (found / 255, np.log2(1 + found) / 8, np.log2(256 - found) / 8)
    return np.concatenate(scales)[:count].astype(np.float32)


def choose(
    picture: np.ndarray,
    plain: np.ndarray,
    ask: Callable[[], np.ndarray],
    error: Callable[[np.ndarray], float],
) -> np.ndarray | None:
    """A model's answer that knows the statistics, or None if it is not to be believed.

    picture: h x w x 3 float in [0, 1]; plain: the answer that does not know them; ask: gives the
    one that does; error: the exposure error, in EV, that an answer supposes. Both of the errors
    must be ``trusted``.
    """
    if trusted(picture, error(plain)):
        told = ask()
        if trusted(picture, error(told)):
            return told
    return None


def trusted(picture: np.ndarray, error: float) -> bool:
    """Whether the statistics may be believed: could a rendering so far off have made the picture?

    picture: h x w x 3 float in [0, 1]; error: its exposure error, in EV. The measured curves raise
    the blacks and, where they darken, lower the whites, and where they brighten they roll off, so
    that little becomes white. A picture with deeper blacks, lights that are brighter, or large
    white parts comes from elsewhere, and what its histogram would say of a rendering misleads.
    Looked at: the 0.1 % quantile of each pixel's darkest channel and the 99.9 % quantile of its
    brightest, and the share of pixels that are white in all channels.
    """
    codes = np.rint(255 * picture)
    darkest = np.quantile(codes.min(2), 0.001)
    brightest = np.quantile(codes.max(2), 0.999)
    white = (codes.min(2) >= 255).mean() if error > _BRIGHT else 0.0
    return bool(
        darkest >= np.rint(0.9 * np.interp(error, *_BLACKS))
        and brightest <= np.interp(error, *_WHITES) + 1.5
        and white < _MOST_WHITE
    )
