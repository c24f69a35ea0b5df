from __future__ import annotations

import itertools

import pytest

pytest.importorskip("torch")

from midtone.errors import UsageError
from midtone.training.recipe import Stage, load_recipe
from midtone.training.recipes import RECIPES


def test_rate_rises_linearly_and_falls_along_a_cosine():
    stage = Stage(size=128, batch=16, steps=100, rate=2.0, final_rate=0.2, warmup=10)
    factors = [stage.factor(step, 1000) for step in range(100)]
    assert factors[:3] == pytest.approx([0.1, 0.2, 0.3])
    assert max(factors) == pytest.approx(1.0)
    assert factors[-1] == pytest.approx(0.1, abs=0.01)
    assert all(a >= b for a, b in itertools.pairwise(factors[10:]))


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"stages": [{}]}', '{"stages": [], "colour": 1}', '{"stages": [{"size": 1}]}'],
)
def test_unusable_recipes_are_named(text, tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"recipe\.json: not a recipe"):
        load_recipe(str(path), RECIPES)


def test_missing_recipes_are_named(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_recipe(str(tmp_path / "none.json"), RECIPES)
    with pytest.raises(UsageError, match="unknown recipe none; known are default, paper"):
        load_recipe("none", RECIPES)


def test_a_stage_lasts_steps_or_epochs():
    for settings in ({}, {"steps": 1, "epochs": 1}):
        with pytest.raises(ValueError, match="either steps or epochs"):
            Stage(size=32, batch=2, **settings)
