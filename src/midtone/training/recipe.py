"""The settings of a training run. They are stored in the run's folder and in the model's header."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import cos, pi

from midtone.data.patches import WindowModel
from midtone.data.synthesize import ErrorModel
from midtone.network import NetworkConfig


@dataclass(frozen=True)
class Stage:
    """One part of the schedule, with patches of one size.

    The learning rate rises linearly over ``warmup`` steps to ``rate`` and falls along a cosine to
    ``final_rate``. ``finest`` is the finest pyramid level that is trained: the coarse levels decide
    exposure and colour and cost a small part of the time, so they can be trained first, alone.
    ``errors`` and ``windows`` say how photographs are spoiled and cut; they are kept in memory at
    ``longest_side`` px. ``ema`` is the decay of the moving average of the weights, which is what is
    exported: its memory must be short beside a stage that changes untrained levels.
    """

    size: int
    batch: int
    steps: int
    rate: float
    final_rate: float
    warmup: int = 0
    finest: int = 1
    errors: ErrorModel = ErrorModel()
    windows: WindowModel = WindowModel()
    longest_side: int = 448
    ema: float = 0.999

    def rate_at(self, step: int) -> float:
        """Learning rate of step 0, 1, ..., steps - 1 of this stage."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.final_rate + (self.rate - self.final_rate) * (1 + cos(pi * done)) / 2


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run but the photographs.

    clip:      largest norm of the gradient
    hold_out:  every so many photographs one validates
    """

    stages: tuple[Stage, ...]
    network: NetworkConfig = NetworkConfig()
    pyramid_weight: float = 1.0
    clip: float = 1.0
    seed: int = 1
    hold_out: int = 50
    validate_every: int = 500


_LOOSE = WindowModel((0.55, 1.0), square_share=0.6, turned_share=0, saturation=(1, 1))
_WIDE = ErrorModel(
    bands=(
        (0.20, -0.15, 0.15),
        (0.25, -1.6, -0.15),
        (0.25, 0.15, 1.6),
        (0.18, -4.0, -1.6),
        (0.12, 1.6, 2.8),
    ),
    camera_share=0.3,
    black_share=0.4,
    balance=0.02,
    contrast=0.05,
    noise_share=0.4,
    jpeg_share=0.4,
)
_MIDDLE = replace(
    _WIDE,
    bands=(
        (0.20, -0.15, 0.15),
        (0.28, -1.6, -0.15),
        (0.28, 0.15, 1.6),
        (0.14, -4.0, -1.6),
        (0.10, 1.6, 2.5),
    ),
    camera_share=0.2,
    black_share=0.25,
    balance=0.01,
    contrast=0.03,
)
_NARROWER = replace(
    _MIDDLE,
    bands=(
        (0.16, -0.15, 0.15),
        (0.30, -1.6, -0.15),
        (0.30, 0.15, 1.6),
        (0.15, -4.0, -1.6),
        (0.09, 1.6, 2.5),
    ),
    camera_share=0.12,
    black_share=0.15,
    contrast=0.02,
    noise_share=0.3,
    jpeg_share=0.3,
)
_NARROW = ErrorModel(
    bands=(
        (0.14, -0.15, 0.15),
        (0.15, -0.8, -0.15),
        (0.19, -1.7, -0.8),
        (0.13, 0.15, 0.8),
        (0.17, 0.8, 1.7),
        (0.14, -4.0, -1.7),
        (0.08, 1.7, 2.5),
    ),
    camera_share=0.06,
    black_share=0.05,
    noise_share=0.2,
    jpeg_share=0.25,
)
_SECOND = ErrorModel(
    bands=(
        (0.16, -0.15, 0.15),
        (0.10, -0.8, -0.15),
        (0.24, -1.7, -0.8),
        (0.10, 0.15, 0.8),
        (0.24, 0.8, 1.7),
        (0.10, -4.0, -1.7),
        (0.06, 1.7, 2.5),
    ),
    camera_share=0.06,
    black_share=0.04,
)
_VARIED = WindowModel(coverage=(0.7, 1.0), saturation=(0.7, 1.5))

RECIPES = {
    # All levels at 128 px, then the two coarse levels alone and at last all of them at 256 px, the
    # size at which the model runs.
    "cpu": Recipe(
        stages=(
            Stage(128, 16, steps=2000, rate=4e-4, final_rate=2e-4, warmup=200),
            Stage(256, 24, steps=8000, rate=4e-4, final_rate=5e-5, warmup=100, finest=3),
            Stage(256, 8, steps=2000, rate=1.5e-4, final_rate=5e-6, warmup=100),
        ),
    ),
    # What made the first default model: the same plan, found while it ran (runs/first.md).
    "first": Recipe(
        stages=(
            Stage(
                128,
                16,
                2000,
                4e-4,
                2.57e-4,
                warmup=200,
                errors=_WIDE,
                windows=_LOOSE,
                longest_side=640,
            ),
            Stage(
                256,
                16,
                1500,
                3e-4,
                2.62e-4,
                100,
                finest=3,
                errors=_WIDE,
                windows=_LOOSE,
                longest_side=640,
            ),
            Stage(
                256, 16, 2000, 4e-4, 3.2e-4, warmup=100, finest=3, errors=_MIDDLE, windows=_LOOSE
            ),
            Stage(
                256, 24, 1500, 4e-4, 3.06e-4, warmup=100, finest=3, errors=_NARROWER, windows=_LOOSE
            ),
            Stage(256, 24, 2750, 3e-4, 3.2e-5, warmup=50, finest=3, errors=_NARROW, windows=_LOOSE),
            Stage(256, 16, steps=500, rate=1.2e-4, final_rate=1.05e-4, warmup=50, finest=2),
            Stage(256, 8, steps=600, rate=1.5e-4, final_rate=2e-6, warmup=10, ema=0.99),
        ),
        validate_every=150,
    ),
    # What made the second default model from the coarse levels of the first (runs/second.md).
    "second": Recipe(
        stages=(
            Stage(256, 16, 9000, 4e-4, 2e-5, 200, 3, _SECOND, _VARIED, 320),
            Stage(256, 16, 500, 3e-4, 2e-4, 100, 2, _SECOND, _VARIED, 320, ema=0.99),
            Stage(256, 8, 2600, 2e-4, 2e-6, 50, 1, _SECOND, _VARIED, 320, ema=0.995),
        ),
    ),
    "smoke": Recipe(
        stages=(Stage(size=128, batch=2, steps=4, rate=1e-4, final_rate=1e-5),),
        hold_out=2,
        validate_every=2,
    ),
}
