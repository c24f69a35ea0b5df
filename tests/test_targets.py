from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from midtone.data.targets import MEAN_LUMA, TargetModel, keep_whites, normalize_target

IMAGES = arrays(np.uint8, (8, 10, 3))
PARTS = st.floats(0, 1)


@given(IMAGES, st.floats(-4, 4))
def test_the_defaults_change_nothing(image, ev):
    np.testing.assert_array_equal(normalize_target(image, TargetModel(), ev), image)
    np.testing.assert_array_equal(keep_whites(image, image, 0.0), image)


@given(IMAGES, st.floats(-4, 4), PARTS, PARTS, PARTS)
def test_it_is_one_increasing_curve(image, ev, levels, near, far):
    model = TargetModel(levels_part=levels, brightness_part=(near, far))
    result = normalize_target(image, model, ev).ravel()[np.argsort(image, axis=None)]
    assert (np.diff(result.astype(int)) >= 0).all()


def test_levels_and_brightness_move_part_of_the_way(astronaut):
    flat = (60 + astronaut // 2).astype(np.uint8)
    half, whole = (normalize_target(flat, TargetModel(levels_part=p), 1.0) for p in (0.5, 1.0))
    spread = [np.ptp(np.quantile(i / 255, (0.005, 0.995))) for i in (flat, half, whole)]
    assert spread[0] < spread[1] < spread[2]
    assert spread[2] == pytest.approx(1, abs=0.03)
    dark = (astronaut // 3).astype(np.uint8)
    full = TargetModel(brightness_part=(0.0, 1.0))
    means = [normalize_target(dark, full, ev)[..., 1].mean() / 255 for ev in (0.5, 2.0, 3.0, 4.0)]
    assert means[0] == pytest.approx(dark[..., 1].mean() / 255)  # none within 1 EV
    assert means[0] < means[1] < means[2] == means[3] < MEAN_LUMA + 0.05


@given(IMAGES, IMAGES, st.floats(0.5, 1))
def test_whites_are_raised_where_the_input_is_white(target, source, floor):
    result = keep_whites(target, source, floor)
    white = source.min(2) >= 253
    assert (result[white] >= np.rint(255 * floor) - 1).all()
    assert (result >= target).all()
    dark = source.min(2) <= 239
    np.testing.assert_array_equal(result[dark], target[dark])
