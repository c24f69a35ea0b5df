from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st

from midtone.data.crops import (
    Crop,
    CropModel,
    draw_crop,
    draw_patch,
    is_acceptable,
    mean_gradient,
)

from conftest import DATA

SIDES = st.integers(1, 400)


@given(SIDES, SIDES, st.integers(0, 2**32))
def test_crops_lie_within_the_photograph_and_cover_most_of_it(height, width, seed):
    model = CropModel(coverage=(0.8, 1.0), square_share=0.3)
    crop = draw_crop((height, width), model, np.random.default_rng(seed))
    assert 0 <= crop.top <= height - crop.height
    assert 0 <= crop.left <= width - crop.width
    assert min(crop.height, crop.width) >= 0.8 * min(height, width) - 1
    if crop.height != crop.width:
        assert crop.height / height == pytest.approx(crop.width / width, abs=1 / min(height, width))


def test_whole_photographs_can_be_taken():
    model = CropModel(coverage=(1.0, 1.0), square_share=0.0, vertical_flip_prob=0.0)
    crop = draw_crop((30, 50), model, np.random.default_rng(0))
    assert (crop.top, crop.left, crop.height, crop.width, crop.flipped) == (0, 0, 30, 50, False)


def test_crops_are_mirrored_and_flipped():
    image = np.arange(12).reshape(3, 4, 1)
    part = image[1:3, 1:4]
    np.testing.assert_array_equal(Crop(1, 1, 2, 3).cut(image), part)
    np.testing.assert_array_equal(Crop(1, 1, 2, 3, mirrored=True).cut(image), part[:, ::-1])
    np.testing.assert_array_equal(Crop(1, 1, 2, 3, flipped=True).cut(image), part[::-1])


@pytest.mark.parametrize(
    "name",
    [
        *("rocket", "coffee", "astronaut", "chelsea"),
        *("coffeedark", "coffeelow", "rocketbright", "chelseabright"),
    ],
)
def test_patches_are_accepted_as_in_the_release(name):
    known = np.load(DATA / "patch_accept.npz")
    source = next(n for n in ("rocket", "coffee", "astronaut", "chelsea") if name.startswith(n))
    image = known[f"{name}_table"][getattr(skimage.data, source)()]
    for (row, column), accepted, stats in zip(
        known[f"{name}_pos"], known[f"{name}_accept"], known[f"{name}_stats"], strict=True
    ):
        patch = image[row - 1 :, column - 1 :][:128, :128]
        assert patch.mean() / 255 == pytest.approx(stats[1], abs=1e-12)
        assert mean_gradient(patch) == pytest.approx(stats[2], abs=1e-12)
        assert is_acceptable(patch) == accepted


def test_no_patch_of_a_flat_or_small_image():
    rng = np.random.default_rng(0)
    assert draw_patch(np.full((300, 300, 3), 128, np.uint8), 128, rng) is None
    assert draw_patch(np.zeros((100, 300, 3), np.uint8), 128, rng) is None
