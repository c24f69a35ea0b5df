from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from midtone.errors import UsageError
from midtone.training.dataset import open_dataset
from midtone.training.recipe import Stage
from tiny_training import TINY, write_photos

PATCHES = Stage(size=32, batch=2, epochs=1, crops=None, per_image=2, longest_side=None)


def opened(folder, recipe=TINY):
    warnings: list[str] = []
    return open_dataset(folder, recipe, warnings.append), warnings


def test_photographs_are_split_and_few_are_warned_of(photos):
    dataset, warnings = opened(photos)
    assert [len(examples) for examples in dataset.examples] == [5, 5]
    assert len(dataset.checks) == 1
    assert warnings == ["5 photographs are few: the network will overfit below 500"]


def test_photographs_that_are_left_out_are_named(tmp_path, astronaut):
    folder = tmp_path / "photos"
    write_photos(folder, astronaut)
    (folder / "broken.jpg").write_text("no photograph")
    Image.fromarray(astronaut[:90, :120] // 4).save(folder / "0dark.png")
    first, second = TINY.stages
    recipe = replace(TINY, stages=(first, replace(second, unchanged_others=True)))
    dataset, warnings = opened(folder, recipe)
    assert "broken.jpg" in warnings[0]
    assert warnings[1].startswith("1 of 6 photographs are dark, bright or flat")
    assert "0dark.png" in warnings[1]
    assert [len(examples) for examples in dataset.examples] == [5, 6]


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (None, "no such folder"),
        (0, "holds neither photographs nor pairs"),
        (2, "2 of 2 files are readable photographs; training needs at least 4"),
        (4, "3 of 3 photographs are well exposed; training needs at least 4"),
    ],
)
def test_too_few_photographs_are_refused(tmp_path, astronaut, count, message):
    folder = tmp_path / "photos"
    if count is not None:
        write_photos(folder, astronaut, count)
    with pytest.raises(UsageError, match=message):
        opened(folder)


@pytest.fixture
def pairs(tmp_path, astronaut):
    """Two scenes of 80 x 60 px, six of 40 x 30, and some that are none."""
    root = tmp_path / "pairs" / "training"
    for number, scene in enumerate("abcdefgh"):
        image = Image.fromarray(astronaut[: 60 if number < 2 else 30, : 80 if number < 2 else 40])
        for folder, name in (("INPUT_IMAGES", f"{scene}_N1"), ("GT_IMAGES", scene)):
            (root / folder).mkdir(parents=True, exist_ok=True)
            image.save(root / folder / f"{name}.png")
    return tmp_path / "pairs"


def test_pairs_are_checked(pairs):
    inputs = pairs / "training" / "INPUT_IMAGES"
    Image.new("RGB", (70, 60)).save(inputs / "c_N1.png")
    (inputs / "d_N1.png").write_text("no image")
    recipe = replace(TINY, stages=(replace(PATCHES, size=16),), hold_out=8)
    dataset, warnings = opened(pairs, recipe)
    assert any("c_N1.png: is not of the size of c.png; left out" in w for w in warnings)
    assert any("d_N1.png" in w for w in warnings)
    assert len(dataset.examples[0]) == 2 * 5  # one of eight validates
    assert {check.group for check in dataset.checks} == {"-1.0"}


def test_a_stage_that_loses_most_pairs_is_warned_of_and_an_empty_one_refused(pairs):
    recipe = replace(TINY, stages=(PATCHES,), hold_out=8)
    dataset, warnings = opened(pairs, recipe)
    assert warnings == [
        "2 of 7 pairs are 32 px wide and high or larger; the stage of 32 px patches leaves out the "
        "others"
    ]
    assert len(dataset.examples[0]) == 4
    large = replace(recipe, stages=(PATCHES, replace(PATCHES, size=64)))
    with pytest.raises(UsageError, match="0 of 7 pairs are 64 px wide and high or larger, too few"):
        opened(pairs, large)


def test_examples_of_pairs_are_those_pairs(pairs):
    recipe = replace(TINY, stages=(PATCHES,), hold_out=8)
    source, target = opened(pairs, recipe)[0].examples[0][0]
    np.testing.assert_array_equal(source, target)
