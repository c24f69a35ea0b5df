"""The settings of a training run. They are stored in the run's folder and in the model's header."""

from __future__ import annotations

import json
from dataclasses import dataclass, is_dataclass
from math import cos, pi
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from midtone.data.augment import Augmentation
from midtone.data.crops import CropModel
from midtone.data.synthesize import ErrorModel
from midtone.data.targets import TargetModel
from midtone.errors import UsageError
from midtone.network import NetworkConfig

Settings = TypeVar("Settings")
VALIDATION_EVS = (-3.0, -1.5, -1.0, 0.0, 1.0, 1.5)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One part of the schedule, with pictures of one size.

    size, batch:  pictures are ``size`` x ``size`` px; several processes share a batch
    steps, epochs: how long the stage lasts; one of the two is 0
    rate, final_rate: learning rates of Adam; the rate rises linearly over ``warmup`` steps and
                  falls along a cosine
    halve_every:  epochs after which the rate halves, instead of the cosine; 0 for the cosine
    finest:       the finest pyramid level that is trained. The coarse levels decide exposure and
                  colour at a small part of the cost, so they can be trained first, alone
    crops:        None cuts the paper's patches
    unchanged_others: photographs that are not well exposed are trained on unchanged; else they are
                  left out
    longest_side: photographs are kept in memory at this size, in px; None keeps their own
    per_image:    examples of each image in one epoch
    ema:          decay of the exponential moving average of the weights, which is what is exported;
                  0 exports the last weights. Where a stage begins to train further levels, the
                  average's memory of 1 / (1 - ema) steps must be short beside the stage
    spatial_dropout: share of the feature maps that the decoders do not get (Tompson et al. 2015)
    grid_loss:    weight of the loss after guided upsampling (``training.grid_loss``)
    adversarial:  weight of the adversarial loss, which begins after ``adversarial_after`` epochs
    discriminator_rate: learning rate of the discriminator; it falls as the network's does
    """

    size: int
    batch: int
    steps: int = 0
    epochs: int = 0
    rate: float = 1e-4
    final_rate: float = 0.0
    warmup: int = 0
    halve_every: int = 0
    finest: int = 1
    crops: CropModel | None = CropModel()
    augmentation: Augmentation = Augmentation()
    errors: ErrorModel = ErrorModel()
    targets: TargetModel = TargetModel()
    unchanged_others: bool = False
    longest_side: int | None = 320
    per_image: int = 1
    ema: float = 0.999
    spatial_dropout: float = 0.0
    grid_loss: float = 0.0
    adversarial: float = 0.0
    adversarial_after: int = 0
    discriminator_rate: float = 1e-5

    def __post_init__(self) -> None:
        if (self.steps > 0) == (self.epochs > 0):
            raise ValueError("a stage lasts either steps or epochs")
        if self.halve_every and not self.epochs:
            raise ValueError("the rate of a stage is halved every so many of its epochs")

    def epoch(self, examples: int) -> float:
        """Steps of one pass over the examples."""
        return examples / self.batch

    def length(self, examples: int) -> int:
        """Steps of the stage. examples: in one epoch."""
        return self.steps or max(1, int(self.epochs * self.epoch(examples)))

    def factor(self, step: int, examples: int) -> float:
        """Learning rate of step 0, 1, ..., ``length`` - 1, relative to ``rate``."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        if self.halve_every:
            return self.factor_at(step / (self.epochs * self.epoch(examples)))
        return self.factor_at((step - self.warmup) / max(1, self.length(examples) - self.warmup))

    def factor_at(self, done: float) -> float:
        """Learning rate relative to ``rate``, without warm-up, when a part of the stage is done."""
        if self.halve_every:
            return float(0.5 ** int(done * self.epochs / self.halve_every + 1e-9))
        last = self.final_rate / self.rate
        return last + (1 - last) * (1 + cos(pi * done)) / 2

    def step_cost(self, network: NetworkConfig) -> float:
        """Cost of a step relative to others: the convolutions of the levels that are trained."""
        return self.batch * sum(
            (network.channels[level] * (self.size >> level)) ** 2 * network.depth[level]
            for level in range(self.finest - 1, network.levels)
        )

    def uses_adversarial(self, step: int, examples: int) -> bool:
        """Whether the adversarial loss counts at step 0, 1, ... of the stage."""
        return self.adversarial > 0 and step >= self.adversarial_after * self.epoch(examples)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All settings of a run but the pictures.

    pyramid_weight: of the pyramid loss against the reconstruction loss
    clip:           largest norm of the gradient; None for no limit
    hold_out:       of this many photographs one validates, where the data have no such part
    validate_every: steps between validations
    reset_levels:   number of the finest sub-networks that begin without effect when a run starts
                    from another one's weights
    reset_optimizer: Adam's moments begin at zero in each stage
    """

    stages: tuple[Stage, ...]
    network: NetworkConfig = NetworkConfig()
    pyramid_weight: float = 1.0
    clip: float | None = 1.0
    seed: int = 1
    hold_out: int = 50
    validate_every: int = 500
    reset_levels: int = 0
    reset_optimizer: bool = False

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> Recipe:
        """Inverse of ``dataclasses.asdict``, also after JSON. Raises KeyError or TypeError."""
        return _build(cls, settings)


def load_recipe(name: str, known: dict[str, Recipe]) -> Recipe:
    """The recipe of that name, or in that .json file (every run's folder holds one).

    Raises UsageError.
    """
    if name in known:
        return known[name]
    path = Path(name)
    if path.suffix != ".json":
        raise UsageError(f"unknown recipe {name}; known are {', '.join(known)} and .json files")
    try:
        return Recipe.from_dict(json.loads(path.read_text("utf-8")))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{path}: not a recipe ({error})") from error


def _build(kind: type[Settings], settings: dict[str, Any]) -> Settings:
    """A dataclass, and the dataclasses within it, from plain types."""
    hints = get_type_hints(kind)
    if unknown := settings.keys() - hints.keys():
        raise KeyError(f"unknown setting {min(unknown)}")
    return kind(**{name: _convert(hints[name], value) for name, value in settings.items()})


def _convert(kind: Any, value: Any) -> Any:
    choices = [choice for choice in (kind, *get_args(kind)) if is_dataclass(choice)]
    if isinstance(value, dict):
        return _build(choices[0], value)  # type: ignore[arg-type]
    if isinstance(value, list | tuple):
        return tuple(_convert(choices[0] if choices else None, part) for part in value)
    return value
