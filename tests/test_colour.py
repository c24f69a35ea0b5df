from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageCms

from metadata import DISPLAY_P3
from midtone import colour

LINEAR = st.floats(0, 1, width=32)


@given(LINEAR)
def test_srgb_and_linear_light_are_inverse(value):
    assert colour.srgb_to_linear(colour.linear_to_srgb(np.float64(value))) == pytest.approx(
        value, abs=1e-6
    )


@given(LINEAR)
def test_luma_of_grey_is_the_grey(value):
    grey = np.full((1, 1, 3), value)
    for weights in (colour.REC601, colour.REC709):
        assert colour.luma(grey, weights)[0, 0] == pytest.approx(value, abs=1e-12)


def test_profiles_are_converted_in_float():
    image = np.random.default_rng(0).uniform(0.2, 0.8, (8, 9, 3)).astype(np.float32)
    there = colour.to_srgb(image, DISPLAY_P3)
    assert np.abs(there - image).max() > 0.01
    np.testing.assert_allclose(colour.from_srgb(there, DISPLAY_P3), image, atol=2e-4)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    np.testing.assert_allclose(colour.to_srgb(image, srgb), image, atol=1e-5)


def test_without_a_profile_nothing_changes():
    image = np.random.default_rng(0).random((3, 4, 3)).astype(np.float32)
    assert colour.to_srgb(image, None) is image
    assert colour.from_srgb(image, None) is image
    assert colour.from_srgb(image, None, 1).shape == (3, 4, 1)
    assert colour.to_srgb(image[..., :1], None).shape == (3, 4, 3)


def test_invalid_profiles_are_ignored():
    assert colour.usable_profile(b"no profile", "RGB") is None
    assert colour.usable_profile(None, "RGB") is None
    assert colour.usable_profile(DISPLAY_P3, "GRAY") is None
    assert colour.usable_profile(DISPLAY_P3, "RGB") == DISPLAY_P3


def test_values_below_black_are_continued_without_a_warning():
    below = np.array([-0.5, -0.001, 0.0], np.float32)
    np.testing.assert_allclose(colour.srgb_to_linear(below), below / 12.92)
    np.testing.assert_allclose(colour.linear_to_srgb(below), below * 12.92)
    assert colour.srgb_to_linear(below).dtype == np.float32
