from __future__ import annotations

import json
from dataclasses import asdict

import pytest

pytest.importorskip("torch")

from midtone.network import CoarseToFine, count_parameters
from midtone.training.recipe import load_recipe
from midtone.training.recipes import RECIPES


def test_paper_schedule():
    first, second, third = RECIPES["paper"].stages
    assert [(s.size, s.batch, s.epochs) for s in (first, second, third)] == [
        (128, 32, 40),
        (256, 8, 30),
        (512, 4, 20),
    ]
    assert first.length(3200) == 4000
    assert [first.factor(step, 3200) for step in (0, 1999, 2000, 3999)] == [1, 1, 0.5, 0.5]
    assert [second.factor(epoch * 100, 800) for epoch in (0, 10, 29)] == [1, 0.5, 0.25]
    assert [third.factor(epoch * 100, 400) for epoch in (0, 5, 10, 19)] == [1, 0.5, 0.25, 0.125]
    assert not any(first.uses_adversarial(step, 3200) for step in (0, 3999))
    assert [second.uses_adversarial(step, 800) for step in (1499, 1500)] == [False, True]
    assert [third.uses_adversarial(step, 400) for step in (499, 500)] == [False, True]


def test_paper_networks():
    sizes = {name: count_parameters(CoarseToFine(r.network)) for name, r in RECIPES.items()}
    assert sizes["paper"] == sizes["default"] == 7_015_449
    assert sizes["paper-1-level"] == 4_365_915
    assert sizes["paper-2-levels"] == 4_365_915 + 1_083_675 + 39


def test_default_begins_at_random_and_trains_the_coarse_levels():
    recipe = RECIPES["default"]
    assert {stage.finest for stage in recipe.stages} == {3}
    assert not recipe.reset_levels
    last = recipe.stages[-1]
    assert last.errors.unchanged_prob == 0.15
    assert last.targets.brightness_part == (0.1, 0.5)
    assert last.unchanged_others


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_survive_json(name, tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(asdict(RECIPES[name])))
    assert load_recipe(str(path), {}) == RECIPES[name] == load_recipe(name, RECIPES)
    assert all(s.size % RECIPES[name].network.multiple == 0 for s in RECIPES[name].stages)
