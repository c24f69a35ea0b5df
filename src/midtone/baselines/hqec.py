"""HQEC: high-quality exposure correction of underexposed photos (Zhang et al., ACM MM 2018)."""

from __future__ import annotations

import numpy as np

from midtone.baselines.lime import relight
from midtone.baselines.smooth import differences, smooth

_EPSILON = 1e-3
_ITERATIONS = 4


def hqec(image: np.ndarray, strength: float = 0.3, gamma: float = 0.55) -> np.ndarray:
    """H x W x 3 uint8 -> the same, underexposed photographs brightened.

    Written from the paper's abstract, which casts exposure correction as Retinex illumination
    estimation under three constraints ("perceptually bidirectional similarity"): colours stay in
    range, textures are not weaker than before, exposure is even. Here: S >= max of R, G, B (so no
    colour clips) and S <= 1 (so nothing darkens, and no gradient weakens), with an edge-aware
    smooth S found by alternating smoothing and projection; the result is I / S^gamma. The paper's
    solver and constants are not reproduced: strength and gamma are ours.
    """
    light = image / 255
    brightest = light.max(2)
    illumination = brightest
    for _ in range(_ITERATIONS):
        across, down = (1 / (np.abs(step) + 10 * _EPSILON) for step in differences(illumination))
        illumination = smooth(illumination, across, down, strength)
        illumination = np.clip(illumination, brightest, 1)
    return relight(light, illumination, gamma)
