"""A training run of seconds, for the tests of the modules around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from midtone.network import NetworkConfig
from midtone.training.loop import RunOptions, RunResult, train
from midtone.training.recipe import Recipe, Stage

NETWORK = NetworkConfig(levels=2, channels=(4, 4), depth=(2, 2))
COARSE = NetworkConfig(levels=3, channels=(4, 4, 4), depth=(1, 1, 2))
TINY = Recipe(
    network=NETWORK,
    stages=(
        Stage(size=32, batch=2, steps=3, rate=1e-3, finest=2, spatial_dropout=0.2),
        Stage(size=32, batch=2, steps=3, rate=1e-3, warmup=2, adversarial=4 / 255, grid_loss=0.1),
    ),
    hold_out=6,
    validate_every=1000,
)


def one_stage(network: NetworkConfig, **settings: Any) -> Recipe:
    """A recipe of a single short stage."""
    given: dict[str, Any] = {"size": 32, "batch": 2, "steps": 2, "rate": 1e-3, "longest_side": 48}
    return Recipe(
        stages=(Stage(**given | settings),), network=network, hold_out=6, validate_every=1000
    )


def run(photos: Path, out: Path, recipe: Recipe = TINY, **options: Any) -> RunResult:
    """Train in this process."""
    return train(photos, out, recipe, RunOptions(workers=0, **options))


def write_photos(folder: Path, image: np.ndarray, count: int = 6) -> None:
    """Write photographs of 120 x 90 px."""
    folder.mkdir()
    for number in range(count):
        part = np.roll(image[:90, :120], 20 * number, 1)
        Image.fromarray(part).save(folder / f"{number}.png")
