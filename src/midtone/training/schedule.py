"""The stages of a recipe with the steps and the examples that they have on one data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from midtone.pipeline import PipelineConfig
from midtone.training.examples import Examples
from midtone.training.loader import input_config
from midtone.training.recipe import Recipe, Stage


@dataclass(frozen=True, kw_only=True)
class ScheduledStage:
    """A stage, its examples, and its steps in the run: ``first`` to ``last`` - 1.

    config: how its pictures become the network's input
    """

    stage: Stage
    examples: Examples
    first: int
    last: int
    config: PipelineConfig

    def steps_from(self, done: int) -> range:
        """Steps that are left when ``done`` steps of the run are done."""
        return range(max(done, self.first), self.last)

    def rate(self, step: int) -> float:
        """Learning rate of the network at a step of the run."""
        return self.stage.rate * self.stage.factor(step - self.first, len(self.examples))

    def uses_adversarial(self, step: int) -> bool:
        """Whether the adversarial loss counts at a step of the run."""
        return self.stage.uses_adversarial(step - self.first, len(self.examples))


def schedule(recipe: Recipe, examples: Sequence[Examples]) -> list[ScheduledStage]:
    """Schedule the stages of a recipe, one after the other. examples: of each stage."""
    scheduled: list[ScheduledStage] = []
    for stage, own in zip(recipe.stages, examples, strict=True):
        first = scheduled[-1].last if scheduled else 0
        scheduled.append(
            ScheduledStage(
                stage=stage,
                examples=own,
                first=first,
                last=first + stage.length(len(own)),
                config=input_config(recipe.network, stage.size, stage.finest),
            )
        )
    return scheduled


def describe(scheduled: Sequence[ScheduledStage]) -> list[str]:
    """A line for each stage."""
    return [
        f"stage {number}: {one.last - one.first} steps, {one.stage.batch} pictures of "
        f"{one.stage.size} px, levels {one.stage.finest} to {one.config.levels}, rate "
        f"{one.stage.rate:g}, {len(one.examples)} examples an epoch"
        for number, one in enumerate(scheduled, start=1)
    ]
