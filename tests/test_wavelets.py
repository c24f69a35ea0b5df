"""The pyramid by its laws; tests/test_ma.py compares the features with the original program's."""

from __future__ import annotations

import numpy as np
import pytest

from midtone.evaluation.wavelets import resize, steerable_pyramid


def test_a_grating_is_in_the_band_of_its_orientation():
    rows, columns = np.mgrid[:64, :64]
    for grating, best in ((np.cos(columns * np.pi / 3), 0), (np.cos(rows * np.pi / 3), 3)):
        _, bands = steerable_pyramid(grating)
        energies = [np.square(band).sum() for band in bands[0]]
        assert np.argmax(energies) == best
        assert energies[best] > 2 * energies[(best + 2) % 6]


def test_a_flat_plane_has_no_detail():
    high, bands = steerable_pyramid(np.full((48, 56), 90.0))
    assert high.shape == (48, 56)
    assert [len(scale) for scale in bands] == [6, 6]
    for band in (high, *bands[0], *bands[1]):
        np.testing.assert_allclose(band, 0, atol=1e-9)


def test_enlarging_keeps_a_constant_and_the_middle_of_a_ramp():
    np.testing.assert_allclose(resize(np.full((5, 7), 3.0), (11, 15)), 3)
    ramp = np.tile(np.arange(8.0)[:, None], (1, 4))
    enlarged = resize(ramp, (16, 4))
    assert enlarged[8, 0] - enlarged[7, 0] == pytest.approx(0.5)
