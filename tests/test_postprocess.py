from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtone import colour, postprocess
from midtone.errors import UsageError
from midtone.postprocess import (
    STEPS,
    ExposureTrim,
    KeepGrey,
    NeutralizeClippedHighlights,
    ProtectHighlights,
    ShrinkByConfidence,
    ShrinkToMeanLuma,
    apply_steps,
    confidence_of,
    exposure_error,
)


def image_with_error(astronaut, ev: float) -> tuple[np.ndarray, np.ndarray]:
    """A prediction, and the reference whose exposure it corrects by ``ev``."""
    prediction = (astronaut[::4, ::4] / 255).astype(np.float32)
    linear = colour.srgb_to_linear(prediction)
    return prediction, colour.linear_to_srgb(np.clip(linear * 2.0**ev, 0, 1)).astype(np.float32)


@pytest.mark.parametrize("ev", [-4.0, -1.0, -0.3, 0.0])
def test_the_larger_the_error_the_nearer_to_the_mean_luma(astronaut, ev):
    prediction, reference = image_with_error(astronaut, ev)
    prediction = prediction**2
    step = ShrinkToMeanLuma(target=0.45, low=0.0, high=2.0)
    error = abs(exposure_error(reference, prediction))
    result = step(prediction, reference)
    assert result.dtype == np.float32
    before, after = (abs(colour.luma(one).mean() - 0.45) for one in (prediction, result))
    share = min(1, error / 2)
    assert after == pytest.approx((1 - share) * before, abs=0.02)


def test_a_white_ground_does_not_darken_what_stands_on_it(astronaut):
    prediction, reference = image_with_error(astronaut, 1.0)
    ground = np.ones((64, prediction.shape[1], 3), np.float32)
    step, counting_it = (ShrinkToMeanLuma(high=1e-6, clipped_weight=weight) for weight in (0, 1))
    alone = step(prediction, reference)
    framed = np.vstack([prediction, ground]), np.vstack([reference, ground])
    np.testing.assert_allclose(step(*framed)[: len(alone)], alone, atol=1e-4)
    darker = counting_it(*framed)[: len(alone)]
    assert colour.luma(darker).mean() < colour.luma(alone).mean() - 0.05
    np.testing.assert_array_equal(step(prediction, np.ones_like(prediction)), prediction)


def test_black_stays_black():
    black = np.zeros((8, 8, 3), np.float32)
    step = ShrinkToMeanLuma()
    np.testing.assert_array_equal(step(black, black), black)
    assert step(black + np.float32(1e-4), black + 1).max() <= 0.0101


def test_clipped_highlights_come_back_neutral_and_bright():
    before = np.ones((2, 2, 3), np.float32)
    before[0, 0] = 0.5, 1, 1  # clipped in two channels: its hue is still known
    after = np.full((2, 2, 3), (0.5, 0.6, 0.7), np.float32)
    step = NeutralizeClippedHighlights(floor=0.8)
    result = step(after, before)
    np.testing.assert_array_equal(result[0, 0], after[0, 0])
    np.testing.assert_allclose(result[1, 1], 0.8, rtol=1e-6)
    light = step(np.full((1, 1, 3), (0.9, 0.92, 1.0), np.float32), before[1:, 1:])
    assert np.ptp(light) < 1e-6
    assert light.min() > 0.9


@pytest.mark.parametrize(("factor", "floor"), [(0.75, 0.98), (0.02, 0.85)])
def test_white_stays_white_unless_the_whole_image_is_overexposed(factor, floor):
    before = np.full((8, 8, 3), 0.7, np.float32)
    before[0, 0] = 1
    step = NeutralizeClippedHighlights(floor=0.98, far_floor=0.85)
    result = step(factor * before, before)
    np.testing.assert_allclose(result[0, 0], floor, rtol=1e-5)
    np.testing.assert_array_equal(result[1:], factor * before[1:])


def test_exposure_error_counts_stops_of_linear_light():
    linear = np.full((4, 4, 3), 0.1)
    srgb = [colour.linear_to_srgb(light) for light in (linear, 2 * linear)]
    assert exposure_error(*srgb) == pytest.approx(-1)
    assert exposure_error(*srgb[::-1]) == pytest.approx(1)


@given(
    sizes=st.lists(st.floats(0, 10), min_size=2, max_size=2),
    half=st.floats(0.01, 3),
    slope=st.floats(0.5, 6),
)
def test_confidence_rises_with_the_size_of_the_correction(sizes, half, slope):
    small, large = (confidence_of(size, half, slope) for size in sorted(sizes))
    assert 0 <= small <= large <= 1
    assert confidence_of(half, half, slope) == pytest.approx(0.5)


@pytest.mark.parametrize("factor", [0.4, 0.9, 1.1, 2.0])
def test_a_correction_is_shrunk_by_its_confidence(factor):
    before = np.random.default_rng(0).uniform(0.1, 0.4, (20, 30, 3)).astype(np.float32)
    step = ShrinkByConfidence(half=0.5, slope=2.0)
    shrunk, confidence = apply_steps([step], factor * before, before)
    shares = (shrunk - before) / (factor * before - before)
    np.testing.assert_allclose(shares, confidence, atol=1e-3)
    change = np.abs(colour.log_luminance(factor * before) - colour.log_luminance(before)).mean()
    assert confidence == pytest.approx(confidence_of(float(change), 0.5, 2.0))


def test_a_change_of_the_light_across_the_image_is_no_small_correction():
    before = np.full((20, 30, 3), 0.4, np.float32)
    after = before.copy()
    after[:10], after[10:] = 0.2, 0.7  # the mean stays, each half changes by more than an EV
    assert ShrinkByConfidence().with_confidence(after, before)[1] > 0.8


def test_grey_is_kept_only_where_the_whole_input_is_grey():
    rng = np.random.default_rng(0)
    prediction = rng.random((5, 6, 3)).astype(np.float32)
    grey = np.repeat(rng.random((5, 6, 1)), 3, 2).astype(np.float32)
    assert np.ptp(KeepGrey()(prediction, grey), axis=2).max() == 0
    grey[0, 0, 0] += 0.1
    assert KeepGrey()(prediction, grey) is prediction


@pytest.mark.parametrize(
    "step",
    [
        ShrinkToMeanLuma(high=float("inf")),
        NeutralizeClippedHighlights(low=float("inf")),
        ShrinkByConfidence(half=0),
        KeepGrey(enabled=False),
    ],
    ids=lambda step: type(step).__name__,
)
def test_each_step_has_a_value_that_switches_it_off(step, astronaut):
    rng = np.random.default_rng(1)
    reference = np.ones((6, 7, 3), np.float32)
    prediction = rng.uniform(-0.2, 1.2, (6, 7, 3)).astype(np.float32)
    np.testing.assert_array_equal(step(prediction, reference), prediction)


@pytest.mark.parametrize("name", STEPS)
def test_steps_survive_a_file(name):
    step = STEPS[name]()
    assert postprocess.from_dict(postprocess.to_dict(step)) == step


def test_unknown_steps_are_named():
    with pytest.raises(UsageError, match=r"unknown step in .*sharpen"):
        postprocess.from_dict({"step": "sharpen"})


evs = st.floats(-3, 3)
colours = st.tuples(*[st.floats(0, 1)] * 3)


def trimmed(colour_: tuple[float, ...], ev: float) -> np.ndarray:
    image = np.array(colour_, np.float32).reshape(1, 1, 3)
    return ExposureTrim(ev)(image, image)[0, 0]


@given(evs)
def test_a_trim_keeps_black_white_and_the_order_of_greys(ev):
    greys = np.linspace(0, 1, 256, dtype=np.float32).reshape(1, -1, 1).repeat(3, 2)
    result = ExposureTrim(ev)(greys, greys)[0]
    np.testing.assert_allclose(result[0], 0, atol=1e-7)
    np.testing.assert_allclose(result[-1], 1, atol=1e-6)
    assert (np.diff(result, axis=0) >= 0).all()
    assert (np.ptp(result, axis=1) < 1e-6).all()
    assert (result[1:-1] > greys[0, 1:-1]).all() or ev < 0.01


@given(colours, evs, evs)
def test_trims_add_up_for_greys(values, one, two):
    grey = (values[0],) * 3
    together = trimmed(tuple(trimmed(grey, one)), two)
    np.testing.assert_allclose(together, trimmed(grey, one + two), atol=0.02)


@given(colours, evs)
def test_a_trim_changes_luminance_by_the_equation_and_keeps_hue(values, ev):
    before = colour.srgb_to_linear(np.array(values))
    after = colour.srgb_to_linear(trimmed(values, ev).astype(float))
    luminance = before @ np.array(colour.REC709)
    assert after @ np.array(colour.REC709) == pytest.approx(1 - (1 - luminance) ** 2**ev, abs=1e-4)
    # The channels' distances from their mean keep their proportions.
    one, two = before - before.mean(), after - after.mean()
    np.testing.assert_allclose(np.cross(one, two), 0, atol=1e-4)


def test_a_trim_is_its_ev_in_the_shadows():
    ratio = colour.srgb_to_linear(trimmed((0.05,) * 3, 1.0)) / colour.srgb_to_linear(0.05)
    assert np.log2(ratio) == pytest.approx(1, abs=0.01)


@given(st.floats(0.2, 1), st.floats(0, 1))
def test_protected_highlights_keep_the_order_of_tones(gamma, amount):
    greys = np.linspace(0, 1, 256).reshape(1, -1, 1).repeat(3, 2)
    brightened = greys**gamma
    result = ProtectHighlights(amount)(brightened, greys)
    assert (np.diff(result, axis=1) >= 0).all()
    assert (result <= brightened + 1e-12).all()
    assert (result >= greys - 1e-12).all()


def test_what_is_not_brightened_is_not_touched_by_protect_highlights(astronaut):
    image = (astronaut[::4, ::4] / 255).astype(np.float32)
    np.testing.assert_array_equal(ProtectHighlights()(image**2, image), image**2)


def test_steps_of_the_user_are_off_at_zero(astronaut):
    image = (astronaut[::4, ::4] / 255).astype(np.float32)
    for step in (ExposureTrim(), ProtectHighlights(0)):
        assert step(image, image**2) is image
