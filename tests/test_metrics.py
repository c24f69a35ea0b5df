from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from midtone.evaluation.metrics import SSIM, psnr, ssim, ssim_luma, ssim_volume
from midtone.evaluation.niqe import luma


def test_metrics_equal_an_independent_implementation(astronaut):
    good = astronaut[:201, :333] / 255
    noisy = np.clip(good**0.8 + np.random.default_rng(0).normal(0, 0.05, good.shape), 0, 1)
    assert psnr(noisy, good) == pytest.approx(peak_signal_noise_ratio(good, noisy, data_range=1))
    expected = structural_similarity(
        noisy, good, channel_axis=2, data_range=1, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False,
    )  # fmt: skip
    assert ssim(noisy, good) == pytest.approx(expected, abs=1e-10)


def test_laws_of_the_metrics(astronaut):
    image = astronaut[:64, :64] / 255
    assert psnr(image, image) == float("inf")
    assert ssim(image, image) == pytest.approx(1)
    assert psnr(image * 0, image * 0 + 0.1) == pytest.approx(20)
    with pytest.raises(ValueError, match="different shapes"):
        psnr(image, image[1:])
    with pytest.raises(ValueError, match="at least 11"):
        ssim(image[:5], image[:5])


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((16, 16, 3), 9, np.uint8), "not uint8; divide by 255"),
        (np.full((16, 16, 3), 9.0), "outside"),
        (np.full((16, 16, 3), np.nan), "NaN"),
        (np.zeros((0, 16, 3)), "empty"),
    ],
)
def test_luma_of_neither_codes_nor_floats_is_refused(astronaut):
    with pytest.raises(ValueError, match="not uint16"):
        luma(astronaut.astype(np.uint16))
