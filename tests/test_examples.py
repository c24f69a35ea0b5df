from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from midtone.data.augment import Augmentation
from midtone.data.crops import CropModel
from midtone.data.pairs import read_pairs
from midtone.data.synthesize import NO_ERRORS, ErrorModel
from midtone.data.targets import TargetModel
from midtone.training.examples import PairExamples, PhotographExamples, degrade


@pytest.fixture
def images(astronaut):
    return [np.roll(astronaut[:120:2, :160:2], 20 * number, 1) for number in range(5)]


def test_examples_depend_on_their_number_alone(images):
    examples = PhotographExamples(photographs=images, size=32, seed=3)
    forwards = [examples[number] for number in range(7)]
    backwards = [examples[number] for number in reversed(range(7))][::-1]
    for one, two in zip(forwards, backwards, strict=True):
        np.testing.assert_array_equal(one, two)
        assert one[0].shape == one[1].shape


@pytest.mark.parametrize("per_image", [1, 3])
def test_every_photograph_comes_equally_often_in_an_epoch(per_image):
    images = [np.full((30, 40, 3), 40 * n, np.uint8) for n in range(5)]
    examples = PhotographExamples(photographs=images, size=16, seed=0, per_image=per_image)
    assert len(examples) == 5 * per_image
    for epoch in range(3):
        numbers = range(epoch * len(examples), (epoch + 1) * len(examples))
        means = [round(examples[n][1].mean() / 40) for n in numbers]
        assert sorted(means) == sorted(per_image * [0, 1, 2, 3, 4])


def test_patches_are_cut_without_a_resize(images):
    examples = PhotographExamples(photographs=images, size=16, seed=0, crops=None, errors=NO_ERRORS)
    source, target = examples[0]
    assert source.shape == (16, 16, 3)
    np.testing.assert_array_equal(source, target)


@pytest.mark.parametrize(
    ("settings", "colours"),
    [({}, 1), ({"gamma": 0.5}, 30), ({"channel_shuffle_prob": 1.0}, 6)],
)
def test_input_and_target_are_augmented_alike(settings, colours):
    image = np.full((40, 40, 3), (40, 90, 160), np.uint8)
    examples = PhotographExamples(
        photographs=[image],
        size=32,
        seed=0,
        errors=NO_ERRORS,
        augmentation=Augmentation(**settings),
    )
    seen = set()
    for number in range(40):
        source, target = examples[number]
        np.testing.assert_array_equal(source, target)
        seen.add(tuple(map(int, target[0, 0])))
    assert len(seen) == colours if colours < 30 else len(seen) >= colours


def test_collages_show_two_photographs():
    images = [np.full((40, 40, 3), value, np.uint8) for value in (60, 180)]
    examples = PhotographExamples(
        photographs=images,
        size=32,
        seed=0,
        errors=NO_ERRORS,
        augmentation=Augmentation(collage_prob=1.0),
    )
    kinds = {len(np.unique(examples[number][1])) for number in range(20)}
    assert kinds == {1, 2}


def test_unchanged_inputs_are_their_target(astronaut):
    targets = TargetModel(levels_part=0.5, brightness_part=(0.5, 0.5))
    rng = np.random.default_rng(0)
    source, target = degrade(astronaut, ErrorModel(unchanged_prob=1.0), targets, rng)
    np.testing.assert_array_equal(source, astronaut)
    np.testing.assert_array_equal(target, astronaut)


def test_other_photographs_come_unchanged_in_a_band_of_exposures(images):
    examples = PhotographExamples(
        photographs=images[:2],
        well_exposed=[False, False],
        size=16,
        seed=0,
        crops=CropModel(coverage=(1.0, 1.0), square_share=0.0),
        errors=ErrorModel(unchanged_ev=1.0),
    )
    drawn = [examples[number] for number in range(20)]
    for source, target in drawn:
        np.testing.assert_array_equal(source, target)
    means = [target.mean() for _, target in drawn]
    assert min(means) < images[0].mean() < max(means) - 20


@pytest.fixture
def pairs(tmp_path, images):
    for number, target in enumerate(images[:3]):
        for name, image in (("input", target // 2), ("reference", target)):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(image).save(tmp_path / name / f"{number}.png")
    return read_pairs(tmp_path).pairs


@pytest.mark.parametrize("crops", [None, CropModel()])
def test_both_images_of_a_pair_are_cut_alike(pairs, crops):
    examples = PairExamples(pairs=pairs, size=32, seed=1, crops=crops, per_image=2)
    assert len(examples) == 6
    for number in range(6):
        source, target = examples[number]
        np.testing.assert_array_equal(source, target // 2)
