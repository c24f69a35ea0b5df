from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("torch")

from midtone.training.recipe import Recipe, Stage
from midtone.training.schedule import describe, schedule
from tiny_training import NETWORK

FIRST = Stage(size=32, batch=2, steps=3, rate=1e-3, warmup=2)
SECOND = Stage(size=64, batch=4, epochs=2, halve_every=1, adversarial=0.1, adversarial_after=1)


class Examples:
    """So many examples an epoch."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count


@pytest.fixture
def stages():
    recipe = Recipe(network=NETWORK, stages=(FIRST, SECOND))
    return schedule(recipe, [Examples(5), Examples(8)])


def test_stages_follow_one_another(stages):
    assert [(one.first, one.last) for one in stages] == [(0, 3), (3, 7)]
    assert [one.config.size for one in stages] == [32, 64]
    # A run that is resumed after five steps has two to do.
    assert [list(one.steps_from(5)) for one in stages] == [[], [5, 6]]


def test_rates_and_losses_count_from_the_beginning_of_the_stage(stages):
    first, second = stages
    assert first.rate(0) == pytest.approx(0.5e-3)
    assert [second.rate(step) for step in range(3, 7)] == [1e-4, 1e-4, 0.5e-4, 0.5e-4]
    assert [second.uses_adversarial(step) for step in range(3, 7)] == [False, False, True, True]


def test_a_line_for_each_stage(stages):
    lines = describe(stages)
    assert lines[0] == (
        "stage 1: 3 steps, 2 pictures of 32 px, levels 1 to 2, rate 0.001, 5 examples an epoch"
    )
    assert lines[1].startswith("stage 2: 4 steps, 4 pictures of 64 px")


def test_a_stage_has_at_least_one_step():
    recipe = Recipe(network=NETWORK, stages=(replace(SECOND, batch=100),))
    (only,) = schedule(recipe, [Examples(8)])
    assert only.last == 1
