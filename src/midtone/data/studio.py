"""Pictures with a plain ground: products on white, portraits on black, printed pages.

Their mean brightness is far from that of other photographs although they are well exposed. There
are few of them among openly licensed photographs, so they are composed: a part of a photograph is
cut out along a random outline and set on a plain ground, or on a page with lines of text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from midtone.data.local_light import blur

_PURE = 0.6  # probability of a pure white or black ground
_TINT = 0.01  # standard deviation of the channels of a ground that is not pure


@dataclass(frozen=True)
class StudioModel:
    """How often photographs are set on a plain ground. The defaults change nothing.

    white_prob: probability of a white ground, between 0.88 and 1
    black_prob: probability of a black ground, between 0 and 0.07
    page_prob:  probability of a page with text and the photograph as its illustration
    unchanged_prob: probability that such a picture comes without an exposure error
    """

    white_prob: float = 0.0
    black_prob: float = 0.0
    page_prob: float = 0.0
    unchanged_prob: float = 0.5


def draw_studio(
    image: np.ndarray, model: StudioModel, rng: np.random.Generator
) -> np.ndarray | None:
    """Set a photograph on a plain ground, or None: H x W x 3 uint8 -> the same."""
    kind = rng.random()
    if kind < model.white_prob:
        return on_ground(image, _ground(1.0, 0.88, rng), rng)
    kind -= model.white_prob
    if kind < model.black_prob:
        return on_ground(image, _ground(0.0, 0.07, rng), rng)
    kind -= model.black_prob
    if kind < model.page_prob:
        return on_page(image, _ground(1.0, 0.88, rng), rng)
    return None


def on_ground(image: np.ndarray, ground: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A part of a photograph before a plain ground, with a soft shadow on a light one.

    image: H x W x 3 uint8. ground: the colour, 3 values in [0, 1].
    """
    mask = blur(_outline(image.shape[:2], rng), 1)
    shape = max(image.shape)
    shadow = np.roll(blur(mask, max(2, round(rng.uniform(0.02, 0.1) * shape))), shape // 40, 0)
    light = 1 - rng.uniform(0, 0.35) * rng.integers(2) * shadow
    behind = 255 * ground.astype(np.float32) * light[..., None]
    return np.rint(behind + mask[..., None] * (image - behind)).astype(np.uint8)


def on_page(image: np.ndarray, paper: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A page with lines of text and a photograph on a part of it.

    image: H x W x 3 uint8. paper: its colour, 3 values in [0, 1].
    """
    height, width = image.shape[:2]
    page = np.ones((height, width), np.float32)
    margin = round(rng.uniform(0.04, 0.12) * width)
    pitch = max(3, round(rng.uniform(0.015, 0.05) * height))
    ink = rng.uniform(0, 0.35)
    for top in range(margin, height - margin - pitch, pitch):
        if rng.random() < 0.12:
            continue  # between paragraphs
        end = width - margin if rng.random() < 0.8 else int(rng.uniform(0.3, 0.9) * width)
        strokes = rng.random(max(0, end - margin)) < 0.55
        page[top : top + max(1, pitch // 2), margin : margin + strokes.size][:, strokes] = ink
    printed = 255 * page[..., None] * paper.astype(np.float32)
    if rng.random() < 0.5:
        high, wide = (max(1, round(rng.uniform(0.2, 0.5) * side)) for side in (height, width))
        top, left = rng.integers(0, height - high + 1), rng.integers(0, width - wide + 1)
        picture = Image.fromarray(np.ascontiguousarray(image)).resize((wide, high))
        printed[top : top + high, left : left + wide] = np.asarray(picture)
    return np.rint(printed).astype(np.uint8)


def _ground(pure: float, other: float, rng: np.random.Generator) -> np.ndarray:
    """A colour between ``pure`` and ``other``, 3 values in [0, 1]; neutral if it is pure."""
    if rng.random() < _PURE:
        return np.full(3, pure)
    return np.clip(pure + (other - pure) * rng.random() + rng.normal(0, _TINT, 3), 0, 1)


def _outline(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A filled random outline, H x W float32 of 0 and 1: a circle with harmonics, stretched."""
    rows, columns = (np.linspace(-1, 1, side, dtype=np.float32) for side in shape)
    centre, half = rng.normal(0, 0.12, 2), rng.uniform(0.35, 0.85, 2)
    vertical, horizontal = (rows[:, None] - centre[0]) / half[0], (columns - centre[1]) / half[1]
    angle = np.arctan2(vertical, horizontal)
    radius = np.ones(shape, np.float32)
    for harmonic in range(2, 6):
        size, phase = rng.normal(0, 0.25 / harmonic), rng.uniform(0, 2 * np.pi)
        radius += np.float32(size) * np.cos(harmonic * angle + np.float32(phase))
    if rng.random() < 0.3:  # a box
        distance = np.maximum(np.abs(vertical), np.abs(horizontal))
    else:
        distance = np.hypot(vertical, horizontal)
    return (distance < radius).astype(np.float32)
