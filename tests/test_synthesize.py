from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtone.colour import srgb_to_linear
from midtone.data.local_light import LocalLight
from midtone.data.neutral import NeutralModel
from midtone.data.synthesize import (
    NO_ERRORS,
    Camera,
    ErrorModel,
    camera_curve,
    draw_camera,
    draw_ev,
    expose,
    measured_curve,
    synthesize,
)


def test_no_error_is_no_change(astronaut):
    np.testing.assert_allclose(measured_curve(0), np.arange(256))
    np.testing.assert_allclose(camera_curve(0), np.arange(256))
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(synthesize(astronaut, 0, NO_ERRORS, rng), astronaut)


def test_measured_curves_are_those_of_the_paper():
    # Three points of data/ev_curves.json: mid grey at -1.5 and +1, white at -1.5.
    assert measured_curve(-1.5)[128] == pytest.approx(65.775)
    assert measured_curve(1.0)[128] == pytest.approx(181.362)
    assert measured_curve(-1.5)[255] == pytest.approx(245.086)


@given(st.floats(-4.5, 4.5))
def test_curves_are_increasing(ev):
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
def test_errors_are_reproducible_and_within_their_bands(astronaut, ev):
    one, two = (synthesize(astronaut, ev, ErrorModel(), np.random.default_rng(3)) for _ in "ab")
    np.testing.assert_array_equal(one, two)
    assert one.dtype == np.uint8
    assert one.shape == astronaut.shape
    if ev:
        assert np.sign(one.mean() - astronaut.mean()) == np.sign(ev)


def test_noise_is_stronger_where_there_is_more_light():
    flat = np.repeat(np.array([20, 200], np.uint8), 20000).reshape(2, -1, 1).repeat(3, 2)
    model = replace(NO_ERRORS, noise_prob=1, shot=0.02, read=0)
    noisy = srgb_to_linear(synthesize(flat, 0, model, np.random.default_rng(1)) / 255)
    assert noisy[1].std() > 2 * noisy[0].std() > 0


def test_the_measured_camera_is_the_measured_curve(astronaut):
    rng = np.random.default_rng(0)
    for ev in (-1.5, 1.0):
        np.testing.assert_array_equal(
            synthesize(astronaut, ev, NO_ERRORS, rng), expose(astronaut, ev)
        )


@given(st.integers(0, 2**32), st.floats(-4, 3), st.floats(0, 1))
def test_cameras_keep_the_order_of_codes_and_of_exposures(seed, ev, more):
    model = ErrorModel(camera_prob=0.5, black_prob=0.5, bright_lights_prob=0.5, contrast=0.1)
    camera = draw_camera(model, np.random.default_rng(seed))
    table = camera.table(ev)
    assert table.shape == (256, 3)
    assert (table >= 0).all()
    assert (table <= 255).all()
    assert (np.diff(table, axis=0) >= -1e-9).all()
    without_lights = replace(camera, lights=0.0, black=0.0)
    assert without_lights.table(ev + more).mean() >= without_lights.table(ev).mean() - 1e-6


def test_bright_lights_stay_bright_in_dark_pictures_alone():
    plain, lit = Camera(), Camera(lights=1.0, lights_exponent=6.0)
    assert lit.table(-3)[255, 0] == pytest.approx(255)
    assert lit.table(-3)[60, 0] == pytest.approx(plain.table(-3)[60, 0], abs=1)
    np.testing.assert_array_equal(lit.table(1), plain.table(1))


def test_black_can_be_pulled_down():
    raised, pulled = Camera().table(1.5), Camera(black=1.0).table(1.5)
    assert raised[0, 0] > 20
    assert pulled[0, 0] == pytest.approx(0)
    assert pulled[255, 0] == pytest.approx(raised[255, 0], abs=0.1)


@pytest.mark.parametrize(
    "part",
    [
        {"neutral": NeutralModel(prob=1.0)},
        {"light": LocalLight(region_prob=1.0)},
        {"light": LocalLight(spot_prob=1.0, spot_ev=2.0)},
        {"camera_prob": 1.0},
        {"noise_prob": 1.0, "shot": 0.02},
        {"jpeg_prob": 1.0},
    ],
    ids=lambda part: next(iter(part)),
)
def test_each_part_changes_the_picture(astronaut, part):
    image = astronaut[::4, ::4]
    whole = synthesize(image, -1.0, replace(NO_ERRORS, **part), np.random.default_rng(2))
    assert whole.dtype == np.uint8
    assert whole.shape == image.shape
    assert np.abs(whole.astype(int) - expose(image, -1.0)).max() > 2
