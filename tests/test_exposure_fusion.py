from __future__ import annotations

import numpy as np

from midtone import exposure_fusion

from conftest import DATA

REFERENCE = np.load(DATA / "exposure_fusion.npz")


def test_fusion_weights_equal_the_reference():
    images = [REFERENCE["image1"] / 255, REFERENCE["image2"] / 255]
    weights = exposure_fusion.fusion_weights(images)
    np.testing.assert_allclose(weights.sum(-1), 1)
    np.testing.assert_allclose(weights[..., 0], REFERENCE["weights"], rtol=0, atol=1e-5)


def test_fusing_an_image_with_itself_gives_the_image(astronaut):
    image = astronaut[:201, :333] / 255
    np.testing.assert_allclose(exposure_fusion.fuse([image, image]), image, atol=1e-9)


def test_fusion_lies_between_dark_and_bright(astronaut):
    image = astronaut / 255
    fused = exposure_fusion.fuse([image**2.5, image**0.4])
    assert (image**2.5).mean() < fused.mean() < (image**0.4).mean()
