"""Neutral camera renderings, made from finished photographs.

Photographs on the web are finished: contrast and saturation were added. A camera's neutral file,
which is what is corrected, is flatter. ``render_neutral`` takes such finishing back, in part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from midtone import colour

_CODES = np.arange(256) / 255


@dataclass(frozen=True, kw_only=True)
class NeutralModel:
    """How neutral renderings are drawn.

    prob:       probability of a neutral rendering; 0 for none
    contrast:   largest part of the way along the inverse of the contrast curve 3 x^2 - 2 x^3
    black:      largest black point, in [0, 1]; every second rendering has black at 0
    gamma:      standard deviation of the logarithm of a gamma
    saturation: smallest and largest factor of the saturation
    """

    prob: float = 0.0
    contrast: float = 0.9
    black: float = 0.05
    gamma: float = 0.08
    saturation: tuple[float, float] = (0.6, 1.05)


def inverse_smoothstep(values: np.ndarray) -> np.ndarray:
    """x of y = 3 x^2 - 2 x^3, for y in [0, 1]: x = 1/2 - sin(asin(1 - 2 y) / 3)."""
    return np.asarray(0.5 - np.sin(np.arcsin(1 - 2 * values) / 3))


def render_neutral(image: np.ndarray, model: NeutralModel, rng: np.random.Generator) -> np.ndarray:
    """A finished photograph as a neutral rendering: H x W x 3 uint8 sRGB -> the same."""
    part = rng.uniform(0, model.contrast)
    curve = (1 - part) * _CODES + part * inverse_smoothstep(_CODES)
    black = rng.uniform(0, model.black) if rng.random() < 0.5 else 0.0
    curve = (black + (1 - black) * curve) ** np.exp(rng.normal(0, model.gamma))
    picture = (255 * curve).astype(np.float32)[image]
    luma = colour.luma(picture)[..., None]
    saturation = np.float32(rng.uniform(*model.saturation))
    picture = luma + saturation * (picture - luma)
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)
