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
from torch import Tensor, nn

from midtone.baselines.learned import (
    deep_upe,
    dpe,
    dpe_training,
    dped,
    hdrcnn,
    retinexnet,
    rht,
    vgg,
    zero_dce,
)
from midtone.errors import UsageError

Degrade = Callable[[np.ndarray, float], np.ndarray]
"""H x W x 3 uint8 and an exposure error in EV -> the same, exposed wrongly."""


class Training(Protocol):
    """A network with its optimizer and losses."""

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """The network's optimizer, whose learning rate the loop sets."""

    def step(self, image: Tensor, target: Tensor) -> dict[str, float]:
        """Learn from N x 3 x H x W in [0, 1], and from what they should be; returns the losses."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a method is trained.

    steps, batch:  number of steps, and crops in each
    crop:          side of a crop in pixels
    longest_side:  to which photographs are reduced before they are cropped; None leaves them
    lowest_ev, highest_ev: exposure errors are drawn uniformly between them
    learning_rate: at the start; it falls to a tenth along half a cosine
    seed:          of the crops and errors
    """

    steps: int
    batch: int
    crop: int
    longest_side: int | None
    lowest_ev: float
    highest_ev: float
    learning_rate: float
    seed: int = 0


# The first three are ours: minutes on a CPU; the weights in the package were made so. The others
# are the papers', for a GPU.
RECIPES = {
    "zero-dce": Recipe(
        steps=250,
        batch=8,
        crop=64,
        longest_side=96,
        lowest_ev=-1.5,
        highest_ev=1.5,
        learning_rate=1e-3,
    ),
    "retinexnet": Recipe(
        steps=1500,
        batch=8,
        crop=48,
        longest_side=320,
        lowest_ev=-2.5,
        highest_ev=-0.3,
        learning_rate=1e-3,
    ),
    "deep-upe": Recipe(
        steps=300,
        batch=4,
        crop=256,
        longest_side=448,
        lowest_ev=-1.5,
        highest_ev=0.0,
        learning_rate=5e-4,
    ),
    **dict.fromkeys(
        ("dped-iphone", "dped-blackberry", "dped-sony"),
        Recipe(
            steps=20_000,
            batch=50,
            crop=dped.PATCH,
            longest_side=640,
            lowest_ev=-1.5,
            highest_ev=1.5,
            learning_rate=5e-4,
        ),
    ),
    **dict.fromkeys(
        ("dpe-hdr", "dpe-ufivek", "dpe-sfivek"),
        Recipe(
            steps=100_000,
            batch=3,
            crop=dpe.SIDE,
            longest_side=None,
            lowest_ev=-1.5,
            highest_ev=1.5,
            learning_rate=1e-5,
        ),
    ),
    "hdrcnn-reinhard": Recipe(
        steps=100_000,
        batch=8,
        crop=320,
        longest_side=None,
        lowest_ev=0.0,
        highest_ev=0.0,
        learning_rate=5e-5,
    ),
}


def start(method: str, network: nn.Module, recipe: Recipe, features: vgg.VGG | None) -> Training:
    """The training of a network that ``networks.DEFINITIONS`` built.

    features: VGG-19 for DPED, which needs it; VGG-16 for HDR CNN, which begins with it
    Raises UsageError for DPED without them, and for a method that has no training.
    """
    rate = recipe.learning_rate
    if isinstance(network, zero_dce.ZeroDCE):
        return zero_dce.Training(network, rate)
    if isinstance(network, retinexnet.RetinexNet):
        return retinexnet.Training(network, recipe.steps * 2 // 3, rate)
    if isinstance(network, deep_upe.DeepUPE):
        return deep_upe.Training(network, rate)
    if isinstance(network, dpe.DPE):
        paired = method == "dpe-sfivek"
        return (dpe_training.Supervised if paired else dpe_training.Unpaired)(network, rate)
    if isinstance(network, rht.HDRCNNAlone):
        return hdrcnn.Training(network.hdrcnn, features, rate)
    if isinstance(network, dped.DPED):
        if features is None:
            raise UsageError(f"{method} is trained with VGG-19's features: give their file, --vgg")
        return dped.Training(network, features, rate)
    raise UsageError(f"{method} cannot be trained with midtone; train {', '.join(RECIPES)}")


def crops(
    photographs: Sequence[np.ndarray], recipe: Recipe, degrade: Degrade
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches (input, target), N x 3 x crop x crop float32 in [0, 1].

    photographs: H x W x 3 uint8, well exposed; those smaller than a crop are left out
    Raises UsageError if none is left.
    """
    rng = np.random.default_rng(recipe.seed)
    large = [p for p in photographs if min(p.shape[:2]) >= recipe.crop]
    if not large:
        raise UsageError(f"no photograph has {recipe.crop} pixels on both sides")
    while True:
        chosen = rng.integers(len(large), size=recipe.batch)
        pairs = [_pair(large[number], recipe, degrade, rng) for number in chosen]
        both = np.stack([np.stack(pair) for pair in pairs]).transpose(1, 0, 4, 2, 3)
        image, target = torch.from_numpy(np.ascontiguousarray(both)).float() / 255
        yield image, target


def _pair(
    photograph: np.ndarray, recipe: Recipe, degrade: Degrade, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A degraded crop and the crop, in one of eight orientations."""
    top, left = (rng.integers(side - recipe.crop + 1) for side in photograph.shape[:2])
    target = photograph[top : top + recipe.crop, left : left + recipe.crop]
    target = np.rot90(target, int(rng.integers(4)))
    if rng.random() < 0.5:
        target = target[::-1]
    return degrade(target, rng.uniform(recipe.lowest_ev, recipe.highest_ev)), target


def run(
    training: Training,
    batches: Iterator[tuple[Tensor, Tensor]],
    recipe: Recipe,
    *,
    device: str = "cpu",
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
        image, target = (crop.to(device) for crop in next(batches))
        for name, value in training.step(image, target).items():
            sums[name] = sums.get(name, 0) + value
        if step % every == 0 or step == recipe.steps:
            count = step % every or every
            means = {name: value / count for name, value in sums.items()}
            report(step, means | {"seconds": time.monotonic() - started})
            sums.clear()
