"""WVM: a weighted variational model for simultaneous reflectance and illumination estimation.

Fu, Zeng, Huang, Zhang, Ding, CVPR 2016.
"""

from __future__ import annotations

import cv2
import numpy as np

from midtone.baselines.smooth import differences, smooth

_ITERATIONS = 8
_DARKEST = 1 / 255


def wvm(
    image: np.ndarray, c1: float = 0.01, c2: float = 0.1, step: float = 1.0, gamma: float = 2.2
) -> np.ndarray:
    """H x W x 3 uint8 -> the same, underexposed photographs brightened.

    On the value channel V of HSV, s = log V: minimise
    |r + l - s|^2 + c1 |e^r dr|_1 + c2 |e^l dl|_2^2 subject to r <= 0 and l >= s (eq. 7),
    alternating (algorithm 1): the first norm is split off and shrunk, r and l follow from linear
    systems whose weights are those of the iteration before. The result has
    V' = e^r (e^l)^(1 / gamma) (section 4.2). Linear systems by ``smooth``, eight iterations.
    """
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    value = np.maximum(hsv[..., 2] / 255, _DARKEST)
    logarithm = np.log(value)
    light, reflectance = logarithm.copy(), np.zeros_like(logarithm)
    errors = (np.zeros_like(value), np.zeros_like(value))
    for _ in range(_ITERATIONS):
        weight = np.exp(reflectance)
        gradients = [weight * d for d in differences(reflectance)]
        parts = [_shrink(g + e, 1 / (2 * step)) for g, e in zip(gradients, errors, strict=True)]
        errors = tuple(e + g - p for e, g, p in zip(errors, gradients, parts, strict=True))
        pull = [weight * (p - e) for p, e in zip(parts, errors, strict=True)]
        right = logarithm - light + c1 * step * _divergence(*pull)
        squared = weight**2
        reflectance = np.minimum(smooth(right, squared, squared, c1 * step), 0)
        squared = np.exp(2 * light)
        light = np.maximum(smooth(logarithm - reflectance, squared, squared, c2), logarithm)
    brightened = np.exp(reflectance) * np.exp(np.minimum(light, 0)) ** (1 / gamma)
    hsv[..., 2] = np.rint(255 * np.clip(brightened, 0, 1))
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


def _shrink(values: np.ndarray, threshold: float) -> np.ndarray:
    return np.sign(values) * np.maximum(np.abs(values) - threshold, 0)


def _divergence(across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """The transpose of ``differences``."""
    result = -across - down
    result[:, 1:] += across[:, :-1]
    result[1:] += down[:-1]
    return result
