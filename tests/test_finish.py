from __future__ import annotations

import numpy as np
import pytest

from midtone import finish

from conftest import DATA

STRETCH = np.load(DATA / "histogram_stretch.npz")
FUSION = np.load(DATA / "exposure_fusion.npz")


@pytest.mark.parametrize("case", ["h3", "flat"])
def test_stretch_equals_the_reference(case):
    image = STRETCH[f"{case}_input"]
    image = image / 255 if image.dtype == np.uint8 else image
    limits = finish.stretch_limits(image)
    np.testing.assert_allclose(limits, STRETCH[f"{case}_limits"], rtol=0, atol=1e-12)
    stretched = finish.stretch(image, *limits[:, 0])
    np.testing.assert_allclose(stretched, STRETCH[f"{case}_output"], rtol=0, atol=1e-6)


def test_contrast_stretch_fills_the_range_without_a_colour_cast(astronaut):
    dull = 0.3 + 0.4 * astronaut / 255
    result = finish.contrast_stretch(dull)
    assert result.min() < 0.01
    assert result.max() > 0.99
    inside = ((result > 0.01) & (result < 0.99)).all(2)
    slope = np.ptp(result[inside], axis=1) / np.maximum(np.ptp(dull[inside], axis=1), 1e-9)
    spread = slope[np.ptp(dull[inside], axis=1) > 0.05]
    assert np.ptp(spread) < 1e-6


def test_fusion_weights_equal_the_reference():
    images = [FUSION["image1"] / 255, FUSION["image2"] / 255]
    weights = finish.fusion_weights(images)
    np.testing.assert_allclose(weights.sum(-1), 1)
    np.testing.assert_allclose(weights[..., 0], FUSION["weights"], rtol=0, atol=1e-5)


def test_fusing_an_image_with_itself_gives_the_image(astronaut):
    image = astronaut[:201, :333] / 255
    np.testing.assert_allclose(finish.exposure_fusion([image, image]), image, atol=1e-9)


def test_fusion_lies_between_dark_and_bright(astronaut):
    image = astronaut / 255
    fused = finish.exposure_fusion([image**2.5, image**0.4])
    assert (image**2.5).mean() < fused.mean() < (image**0.4).mean()
