from __future__ import annotations

import numpy as np
import pytest

from midtone import postprocess

from conftest import DATA

STRETCH = np.load(DATA / "histogram_stretch.npz")
FUSION = np.load(DATA / "exposure_fusion.npz")


@pytest.mark.parametrize("case", ["h3", "flat"])
def test_stretch_equals_the_reference(case):
    image = STRETCH[f"{case}_input"]
    image = image / 255 if image.dtype == np.uint8 else image
    limits = postprocess.stretch_limits(image)
    np.testing.assert_allclose(limits, STRETCH[f"{case}_limits"], rtol=0, atol=1e-12)
    stretched = postprocess.stretch(image, *limits[:, 0])
    np.testing.assert_allclose(stretched, STRETCH[f"{case}_output"], rtol=0, atol=1e-6)


def test_contrast_stretch_fills_the_range_without_a_colour_cast(astronaut):
    dull = 0.3 + 0.4 * astronaut / 255
    result = postprocess.contrast_stretch(dull)
    assert result.min() < 0.01
    assert result.max() > 0.99
    inside = ((result > 0.01) & (result < 0.99)).all(2)
    slope = np.ptp(result[inside], axis=1) / np.maximum(np.ptp(dull[inside], axis=1), 1e-9)
    spread = slope[np.ptp(dull[inside], axis=1) > 0.05]
    assert np.ptp(spread) < 1e-6


def test_fusion_weights_equal_the_reference():
    images = [FUSION["image1"] / 255, FUSION["image2"] / 255]
    weights = postprocess.fusion_weights(images)
    np.testing.assert_allclose(weights.sum(-1), 1)
    np.testing.assert_allclose(weights[..., 0], FUSION["weights"], rtol=0, atol=1e-5)


def test_fusing_an_image_with_itself_gives_the_image(astronaut):
    image = astronaut[:201, :333] / 255
    np.testing.assert_allclose(postprocess.exposure_fusion([image, image]), image, atol=1e-9)


def test_fusion_lies_between_dark_and_bright(astronaut):
    image = astronaut / 255
    fused = postprocess.exposure_fusion([image**2.5, image**0.4])
    assert (image**2.5).mean() < fused.mean() < (image**0.4).mean()


@pytest.mark.parametrize("error", [-4, -1, -0.3, 0, 0.4, 1.5, 3])
def test_the_further_off_the_nearer_to_the_usual_brightness(astronaut, error):
    image = (astronaut[::4, ::4] / 255).astype(np.float32) ** (1.4 if error < 0 else 0.7)
    found = postprocess.usual_brightness(image, error)
    assert found.dtype == np.float32
    off, was = (abs(postprocess.luma(one).mean() - 0.45) for one in (found, image))
    if not error:
        np.testing.assert_array_equal(found, image)
    elif abs(error) >= 2:
        assert off < 0.01  # the gamma is found on luma, and applied to R, G and B
    else:
        assert off < was


def test_black_stays_black():
    black = np.zeros((8, 8, 3), np.float32)
    np.testing.assert_array_equal(postprocess.usual_brightness(black, -4), black)
    assert postprocess.usual_brightness(black + np.float32(1e-4), -4).max() <= 0.0101


def test_blown_whites_come_back_neutral_and_bright():
    before = np.ones((2, 2, 3), np.float32)
    before[0, 0] = 0.5, 1, 1  # clipped in two channels: that it is cyan is still known
    after = np.full((2, 2, 3), (0.5, 0.6, 0.7), np.float32)
    found = postprocess.neutral_whites(after, before)
    np.testing.assert_array_equal(found[0, 0], after[0, 0])
    np.testing.assert_allclose(found[1, 1], 0.8, rtol=1e-6)
    light = postprocess.neutral_whites(
        np.full((1, 1, 3), (0.9, 0.92, 1.0), np.float32), before[1:, 1:]
    )
    assert np.ptp(light) < 1e-6
    assert light.min() > 0.9


def test_exposure_error_counts_stops_of_linear_light():
    linear = np.full((4, 4, 3), 0.1)
    srgb = [1.055 * light ** (1 / 2.4) - 0.055 for light in (linear, 2 * linear)]
    assert postprocess.exposure_error(*srgb) == pytest.approx(-1)
    assert postprocess.exposure_error(*srgb[::-1]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("factor", "share"), [(1.05, 0), (0.95, 0), (1.18, None), (2.0, 1), (0.4, 1)]
)
def test_what_is_nearly_right_is_left_alone(factor, share):
    before = np.random.default_rng(0).uniform(0.1, 0.4, (20, 30, 3)).astype(np.float32)
    found = (postprocess.spare(factor * before, before) - before) / (factor * before - before)
    assert np.ptp(found) < 1e-3
    if share is None:
        assert 0 < found.mean() < 1
    else:
        assert found.mean() == pytest.approx(share, abs=1e-3)


def test_light_that_moves_from_place_to_place_is_not_spared():
    before = np.full((20, 30, 3), 0.4, np.float32)
    after = before.copy()
    after[:10], after[10:] = 0.2, 0.7
    np.testing.assert_allclose(postprocess.spare(after, before), after, atol=1e-6)
