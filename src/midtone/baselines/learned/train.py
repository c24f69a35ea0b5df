"""Training the learned baselines from scratch: one loop for all of them.

What a step does is in each method's file; here are the photographs' crops, the exposure errors that
make pairs of them, and the recipe of each method.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

Degrade = Callable[[np.ndarray, float], np.ndarray]
"""H x W x 3 uint8 and an exposure error in EV -> the same, exposed wrongly."""


class Training(Protocol):
    """A network with its optimizer and losses."""

    optimizer: torch.optim.Optimizer

    def step(self, image: Tensor, target: Tensor) -> dict[str, float]:
        """Learn from N x 3 x H x W in [0, 1], and from what they should be; returns the losses."""


@dataclass(frozen=True)
class Recipe:
    """How a method is trained.

    steps, batch:  number of steps, and crops in each
    crop:          side of a crop in pixels
    longest_side:  to which the photographs are reduced before they are cropped
    lowest_ev, highest_ev: exposure errors are drawn uniformly between them
    learning_rate: at the start; it falls to a tenth along half a cosine
    seed:          of the crops and errors
    """

    steps: int
    batch: int
    crop: int
    longest_side: int
    lowest_ev: float
    highest_ev: float
    learning_rate: float
    seed: int = 0


def crops(
    photographs: Sequence[np.ndarray], recipe: Recipe, degrade: Degrade
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches (input, target), N x 3 x crop x crop float32 in [0, 1].

    photographs: H x W x 3 uint8, well exposed; those smaller than a crop are left out
    """
    rng = np.random.default_rng(recipe.seed)
    large = [p for p in photographs if min(p.shape[:2]) >= recipe.crop]
    while True:
        pairs = [_pair(large[rng.integers(len(large))], recipe, degrade, rng) for _ in range(recipe.batch)]
        both = np.stack([np.stack(pair) for pair in pairs]).transpose(1, 0, 4, 2, 3)
        image, target = torch.from_numpy(np.ascontiguousarray(both)).float() / 255
        yield image, target


def _pair(
    photograph: np.ndarray, recipe: Recipe, degrade: Degrade, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A degraded crop and the crop, in one of eight orientations."""
    top, left = (rng.integers(side - recipe.crop + 1) for side in photograph.shape[:2])
    target = photograph[top : top + recipe.crop, left : left + recipe.crop]
    target = np.rot90(target, rng.integers(4))
    if rng.random() < 0.5:
        target = target[::-1]
    return degrade(target, rng.uniform(recipe.lowest_ev, recipe.highest_ev)), target


def run(
    training: Training,
    batches: Iterator[tuple[Tensor, Tensor]],
    recipe: Recipe,
    *,
    report: Callable[[int, dict[str, float]], object],
    every: int = 50,
) -> None:
    """Train for ``recipe.steps`` steps; ``report`` gets mean losses every so many of them."""
    sums: dict[str, float] = {}
    started = time.monotonic()
    for step in range(1, recipe.steps + 1):
        share = 0.55 + 0.45 * math.cos(math.pi * step / recipe.steps)
        for group in training.optimizer.param_groups:
            group["lr"] = share * recipe.learning_rate
        for name, value in training.step(*next(batches)).items():
            sums[name] = sums.get(name, 0) + value
        if step % every == 0 or step == recipe.steps:
            count = step % every or every
            means = {name: value / count for name, value in sums.items()}
            report(step, means | {"seconds": time.monotonic() - started})
            sums.clear()
