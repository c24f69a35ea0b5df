from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from midtone.data.augment import (
    Augmentation,
    apply_gamma,
    augment,
    balance_channels,
    collage,
    saturate,
)

IMAGES = arrays(np.uint8, (8, 9, 3))


@given(IMAGES)
def test_the_defaults_change_nothing(image):
    np.testing.assert_array_equal(augment(image, Augmentation(), np.random.default_rng(0)), image)


@given(IMAGES)
def test_neutral_settings_of_each_part_change_nothing(image):
    np.testing.assert_array_equal(saturate(image, 1.0), image)
    np.testing.assert_array_equal(apply_gamma(image, 1.0), image)
    np.testing.assert_array_equal(balance_channels(image, np.array([2.0, 2.0, 2.0])), image)


@given(IMAGES, st.floats(0.5, 2.0))
def test_a_gamma_keeps_black_white_and_order(image, gamma):
    result = apply_gamma(image, gamma)
    assert set(result[image == 0]) <= {0}
    assert set(result[image == 255]) <= {255}
    assert (np.diff(result.ravel()[np.argsort(image, axis=None)].astype(int)) >= 0).all()


@given(IMAGES)
def test_no_saturation_is_grey(image):
    assert np.ptp(saturate(image, 0.0), axis=2).max() == 0


def test_a_shuffle_keeps_the_values_of_each_pixel(astronaut):
    model = Augmentation(channel_shuffle_prob=1.0)
    result = augment(astronaut[::16, ::16], model, np.random.default_rng(1))
    np.testing.assert_array_equal(np.sort(result, 2), np.sort(astronaut[::16, ::16], 2))


@given(st.integers(0, 1000))
def test_collages_keep_at_least_half_of_the_first_picture(seed):
    one, other = np.zeros((30, 40, 3), np.uint8), np.full((10, 12, 3), 200, np.uint8)
    mixed = collage(one, other, np.random.default_rng(seed))
    assert 0.15 < (mixed == 200).mean() <= 0.5
