"""The settings of a training run. They are stored in the run's folder and in the model's header."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from math import cos, pi
from pathlib import Path
from typing import Any

from midtone.data.crops import WindowModel
from midtone.data.synthesize import ErrorModel
from midtone.errors import UsageError
from midtone.network import NetworkConfig


@dataclass(frozen=True)
class Stage:
    """One part of the schedule, with patches of one size.

    size, batch: of the patches; with several processes the batch is shared out among them
    steps, epochs: how long it lasts; one of the two is 0
    rate, final_rate: of Adam; rises linearly over ``warmup`` steps and falls along a cosine
    halve_every: epochs after which the rate halves, in place of the cosine; 0 for the cosine
    finest:      the finest pyramid level that is trained: the coarse levels decide exposure and
                 colour and cost a small part of the time, so they can be trained first, alone
    errors, windows: how photographs are spoiled and cut; windows None cuts the paper's patches
    longest_side: photographs are kept in memory at this size; None keeps their own
    per_image:   windows of each image in one epoch
    ema:         decay of the moving average of the weights, which is what is exported; its memory
                 must be short beside a stage that changes untrained levels. 0: the last weights
    dropped:     share of the feature maps that the decoders do not get, so that the network learns
                 fewer pictures by heart (spatial dropout, Tompson et al. 2015)
    carried:     weight of the loss after guided upsampling (``training.carried``)
    adversarial: weight of the adversarial loss, which begins after ``adversarial_after`` epochs
    discriminator_rate: of its Adam; it falls as the network's does
    """

    size: int
    batch: int
    steps: int = 0
    rate: float = 1e-4
    final_rate: float = 0.0
    warmup: int = 0
    finest: int = 1
    errors: ErrorModel = ErrorModel()
    windows: WindowModel | None = WindowModel()
    longest_side: int | None = 320
    ema: float = 0.999
    dropped: float = 0.0
    carried: float = 0.0
    epochs: int = 0
    halve_every: int = 0
    per_image: int = 1
    adversarial: float = 0.0
    adversarial_after: int = 0
    discriminator_rate: float = 1e-5

    def __post_init__(self) -> None:
        if (self.steps > 0) == (self.epochs > 0):
            raise ValueError(f"a stage lasts either steps or epochs: {self}")

    def epoch(self, examples: int) -> float:
        """Steps of one pass over so many examples."""
        return examples / self.batch

    def length(self, examples: int) -> int:
        """Steps of the stage, with so many examples in one epoch."""
        return self.steps or max(1, int(self.epochs * self.epoch(examples)))

    def factor(self, step: int, examples: int) -> float:
        """Learning rate of step 0, 1, ..., ``length`` - 1, as a part of ``rate``."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        if self.halve_every:
            return float(0.5 ** int(step / (self.halve_every * self.epoch(examples))))
        done = (step - self.warmup) / max(1, self.length(examples) - self.warmup)
        last = self.final_rate / self.rate
        return last + (1 - last) * (1 + cos(pi * done)) / 2


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a run but the pictures.

    pyramid_weight: of the pyramid loss against the reconstruction loss
    clip:           largest norm of the gradient, or None
    hold_out:       every so many photographs one validates, where the data have no such part
    fresh_levels:   so many fine sub-networks begin anew when a run starts from another one
    fresh_adam:     Adam's moments begin anew in each stage
    """

    stages: tuple[Stage, ...]
    network: NetworkConfig = NetworkConfig()
    pyramid_weight: float = 1.0
    clip: float | None = 1.0
    seed: int = 1
    hold_out: int = 50
    validate_every: int = 500
    fresh_levels: int = 0
    fresh_adam: bool = False

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> Recipe:
        """Inverse of ``dataclasses.asdict``, also after JSON."""
        plain = _tuples(settings)
        stages = tuple(
            Stage(
                **stage
                | {
                    "errors": ErrorModel(**stage["errors"]),
                    "windows": WindowModel(**stage["windows"]) if stage["windows"] else None,
                }
            )
            for stage in plain["stages"]
        )
        return cls(**plain | {"stages": stages, "network": NetworkConfig(**plain["network"])})


def find(name: str) -> Recipe:
    """The recipe of that name, or in that .json file (every run's folder holds one).

    Raises UsageError.
    """
    if name in RECIPES:
        return RECIPES[name]
    path = Path(name)
    if path.suffix != ".json":
        raise UsageError(f"unknown recipe {name}; known are {', '.join(RECIPES)} and .json files")
    try:
        return Recipe.from_dict(json.loads(path.read_text("utf-8")))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{path}: is no recipe ({error})") from error


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(part) for key, part in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value


# Section 6 of the release: patches of growing size cut from the pictures as they are, the rate
# halved every so many epochs, the adversarial loss in the second half of the later stages. Its
# weight is 12 h w against sums over values in 0..255, that is 4 / 255 against means in [0, 1].
ADVERSARIAL = 4 / 255
_PAPER_STAGES = (
    Stage(128, 32, rate=1e-4, epochs=40, halve_every=20, per_image=10),
    Stage(256, 8, rate=1e-4, epochs=30, halve_every=10, per_image=6, adversarial_after=15),
    Stage(512, 4, rate=1e-4, epochs=20, halve_every=5, per_image=4, adversarial_after=5),
)


def _paper(adversarial: float) -> Recipe:
    stages = [
        replace(
            stage,
            windows=None,
            longest_side=None,
            ema=0.0,
            adversarial=adversarial if stage.adversarial_after else 0.0,
        )
        for stage in _PAPER_STAGES
    ]
    return Recipe(tuple(stages), clip=None, fresh_adam=True, validate_every=5000)


def _levels(count: int) -> NetworkConfig:
    full = NetworkConfig()
    return NetworkConfig(count, full.channels[-count:], full.depth[-count:])


RECIPES = {
    # The best model that a few hours on two cores give: coarse levels first.
    "cpu": Recipe(
        stages=(
            Stage(128, 16, 2000, 4e-4, 2e-4, warmup=200),
            Stage(256, 16, 12000, 4e-4, 2e-5, warmup=200, finest=3),
            Stage(256, 16, 500, 3e-4, 2e-4, warmup=100, finest=2, ema=0.99),
            Stage(256, 8, 3000, 2e-4, 2e-6, warmup=50, ema=0.995),
        ),
    ),
    "paper": _paper(ADVERSARIAL),
    "paper-no-adversarial": _paper(0.0),
    "paper-1-level": replace(_paper(ADVERSARIAL), network=_levels(1)),
    "paper-2-levels": replace(_paper(ADVERSARIAL), network=_levels(2)),
    "paper-no-pyramid-loss": replace(_paper(ADVERSARIAL), pyramid_weight=0.0),
}
