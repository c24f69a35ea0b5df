from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from midtone.evaluation.niqe import luma, niqe

# The release's own program under GNU Octave, 4 px shaved; the spread is what the order of summation
# does to it where pixels are flat.
RELEASE = {
    "chelsea": (2.6893130155949425, 1e-8),
    "coins": (3.977689139862129, 1e-8),
    "grass": (6.34190684292763, 1e-8),
    "gravel": (4.289538826864805, 1e-8),
    "coffee": (4.079629037774152, 1e-3),
    "camera": (3.147786177340117, 4e-3),
}


@pytest.mark.parametrize("name", RELEASE)
def test_equals_the_release(name):
    expected, tolerance = RELEASE[name]
    assert niqe(getattr(data, name)()) == pytest.approx(expected, abs=tolerance)


def test_white_areas_do_not_break_it(astronaut):
    edge = astronaut.copy()
    edge[:, 300:] = 255
    assert 2 < niqe(edge) < 8


def test_noise_is_unnatural(astronaut):
    noise = np.random.default_rng(0).normal(0, 30, astronaut.shape)
    noisy = np.clip(astronaut + noise, 0, 255).astype(np.uint8)
    assert niqe(noisy) > niqe(astronaut) + 1


def test_luma_is_rounded_half_up_and_floats_are_codes(astronaut):
    assert luma(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)).tolist() == [[16, 235]]
    assert np.array_equal(luma(astronaut), luma(astronaut / 255))


def test_images_that_are_too_small_are_refused(astronaut):
    with pytest.raises(ValueError, match="two blocks"):
        niqe(astronaut[:150, :190])


def test_luma_of_neither_codes_nor_floats_is_refused(astronaut):
    with pytest.raises(ValueError, match="not uint16"):
        luma(astronaut.astype(np.uint16))
