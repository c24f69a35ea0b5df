"""Local light: masks of parts of a picture that are exposed apart from the rest.

Light and shade (sky and ground, window and room, a face against the sky) follow the edges of a
picture; a lamp's glow or a vignette does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from midtone import colour

_LIGHTER = 0.8  # probability that the lighter region is the one exposed longer
_BALANCE = 0.6  # part of the difference by which the darker region is exposed shorter


@dataclass(frozen=True)
class LocalLight:
    """How local light is drawn. The defaults draw none.

    region_prob: probability that the lighter region of a picture is exposed apart from the rest
    region_ev:   smallest and largest difference of the two exposures, in EV
    spot_prob:   probability of a smooth spot of another exposure, where there is no such region
    spot_ev:     standard deviation of its exposure, in EV
    """

    region_prob: float = 0.0
    region_ev: tuple[float, float] = (0.4, 1.8)
    spot_prob: float = 0.0
    spot_ev: float = 0.5


def draw_local_light(
    image: np.ndarray, model: LocalLight, rng: np.random.Generator
) -> tuple[np.ndarray, float, float] | None:
    """Draw a mask of a region, H x W float32 in [0, 1], and what the exposure changes in EV.

    image: H x W x 3 uint8. Returns (mask, change outside the mask, change within), or None.
    """
    if rng.random() < model.region_prob:
        apart = rng.uniform(*model.region_ev) * (1 if rng.random() < _LIGHTER else -1)
        return lighter_region(image, rng), -_BALANCE * apart, (1 - _BALANCE) * apart
    if rng.random() < model.spot_prob:
        return spot(image.shape[:2], rng), 0.0, float(rng.normal(0, model.spot_ev))
    return None


def lighter_region(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mask of what is lighter than a random quantile: H x W x 3 uint8 -> H x W float32 in [0, 1].

    The mask of the blurred luma is smoothed along the picture's edges by a guided filter (He, Sun
    and Tang 2013).
    """
    luma = colour.luma(image.astype(np.float32)) / np.float32(255)
    radius = max(2, round(rng.uniform(0.02, 0.08) * max(luma.shape)))
    blurred = blur(luma, radius)
    mask = (blurred > np.quantile(blurred, rng.uniform(0.25, 0.75))).astype(np.float32)
    return np.clip(guided_filter(luma, mask, radius, float(10 ** rng.uniform(-4, -2))), 0, 1)


def guided_filter(guide: np.ndarray, values: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    """Smooth ``values`` along the edges of ``guide`` (He, Sun and Tang 2013): H x W float each.

    radius: of the box that local means are taken over, in pixels. epsilon: a larger one, in units
    of the guide's variance, smooths across weaker edges.
    """
    mean, target = blur(guide, radius), blur(values, radius)
    covariance = blur(guide * values, radius) - mean * target
    slope = covariance / (blur(guide * guide, radius) - mean * mean + np.float32(epsilon))
    return blur(slope, radius) * guide + blur(target - slope * mean, radius)


def spot(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A Gaussian spot in the picture or beside it: H x W float32 in [0, 1]."""
    rows, columns = (np.linspace(-0.5, 0.5, side, dtype=np.float32) for side in shape)
    centre, radius = rng.uniform(-0.7, 0.7, 2), rng.uniform(0.2, 0.6)
    distance = np.hypot(rows[:, None] - centre[0], columns - centre[1]) / radius
    return np.asarray(np.exp(-(distance**2) / 2), np.float32)


def blur(image: np.ndarray, radius: int) -> np.ndarray:
    """Box filter of 2 radius + 1 px along both axes, borders reflected: H x W -> the same."""
    for _ in range(2):  # each pass filters the rows of the transposed picture
        width = min(radius, image.shape[0] - 1)
        padded = np.pad(image, ((width + 1, width), (0, 0)), mode="symmetric")
        sums = np.cumsum(padded, 0, dtype=np.float64)
        image = ((sums[2 * width + 1 :] - sums[: -2 * width - 1]) / (2 * width + 1)).T
    return image.astype(np.float32)
