from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtone.data.synthesize import (
    ErrorModel,
    camera_curve,
    draw_ev,
    measured_curve,
    synthesize,
)

QUIET = ErrorModel(
    camera_share=0, black_share=0, balance=0, contrast=0, noise_share=0, jpeg_share=0
)


def test_no_error_is_no_change(astronaut):
    np.testing.assert_allclose(measured_curve(0), np.arange(256))
    np.testing.assert_allclose(camera_curve(0), np.arange(256))
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(synthesize(astronaut, 0, QUIET, rng), astronaut)


def test_measured_curves_are_those_of_the_paper():
    # Three points of facts/ev_curves.json: mid grey at -1.5 and +1, white at -1.5.
    assert measured_curve(-1.5)[128] == pytest.approx(65.775)
    assert measured_curve(1.0)[128] == pytest.approx(181.362)
    assert measured_curve(-1.5)[255] == pytest.approx(245.086)


@given(st.floats(-4.5, 4.5))
def test_curves_never_fall(ev):
    assert (np.diff(measured_curve(ev)) >= -1e-9).all()
    assert (np.diff(camera_curve(ev)) >= -1e-9).all()


@given(st.floats(-4, 3), st.floats(0.05, 1))
def test_more_light_is_brighter(ev, more):
    assert measured_curve(ev + more).mean() > measured_curve(ev).mean()


@given(st.integers(0, 2**32))
def test_drawn_errors_lie_within_their_bands(seed):
    model = ErrorModel()
    ev = draw_ev(model, np.random.default_rng(seed))
    assert any(low <= ev <= high for _, low, high in model.bands)


@pytest.mark.parametrize("ev", [-4.0, -1.0, 0.0, 1.5])
def test_errors_are_reproducible_and_as_asked(astronaut, ev):
    one, two = (synthesize(astronaut, ev, ErrorModel(), np.random.default_rng(3)) for _ in "ab")
    np.testing.assert_array_equal(one, two)
    assert one.dtype == np.uint8
    assert one.shape == astronaut.shape
    if ev:
        assert np.sign(one.mean() - astronaut.mean()) == np.sign(ev)


def test_noise_is_stronger_where_there_is_more_light():
    flat = np.repeat(np.array([20, 200], np.uint8), 20000).reshape(2, -1, 1).repeat(3, 2)
    model = ErrorModel(
        camera_share=0, black_share=0, balance=0, contrast=0, noise_share=1, jpeg_share=0,
        shot=0.02, read=0,
    )  # fmt: skip
    from midtone.data.synthesize import _to_linear

    noisy = _to_linear(synthesize(flat, 0, model, np.random.default_rng(1)) / 255)
    assert noisy[1].std() > 2 * noisy[0].std() > 0
