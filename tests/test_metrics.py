from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from midtone.evaluation.metrics import SSIM, psnr, ssim, ssim_luma, ssim_volume


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
@pytest.mark.parametrize("measure", [psnr, *SSIM.values()])
def test_images_of_another_range_are_refused(measure, image, message):
    with pytest.raises(ValueError, match=message):
        measure(image, image)


def test_ssim_of_luma_and_volume_equal_independent_ones(astronaut):
    good = astronaut[:120, :90] / 255
    noisy = np.clip(good**0.8 + np.random.default_rng(0).normal(0, 0.05, good.shape), 0, 1)
    planes = [(16 + image @ [65.481, 128.553, 24.966]) / 255 for image in (noisy, good)]
    expected = structural_similarity(
        *planes, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim_luma(noisy, good) == pytest.approx(expected, abs=1e-10)

    def blur(image):
        return ndimage.gaussian_filter(image, 1.5, mode="nearest", radius=5)

    x, y = blur(noisy), blur(good)
    var_x, var_y = blur(noisy**2) - x**2, blur(good**2) - y**2
    both = blur(noisy * good) - x * y
    similar = (2 * x * y + 1e-4) * (2 * both + 9e-4)
    similar /= (x**2 + y**2 + 1e-4) * (var_x + var_y + 9e-4)
    assert ssim_volume(noisy, good) == pytest.approx(similar.mean(), abs=1e-10)
    assert ssim(noisy, good) < ssim_volume(noisy, good)
    for measure in SSIM.values():
        assert measure(good, good) == pytest.approx(1)
        assert measure(good, noisy) == pytest.approx(measure(noisy, good))
