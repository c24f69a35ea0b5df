"""Sequences: what is the same for all, what changes smoothly, and what stays as it was."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from metadata import camera_exif
from midtone import CorrectionOptions, colour
from midtone.colour import expose
from midtone.errors import UsageError
from midtone.photo import Metadata, Photo, capture
from midtone.sequence.smooth import SIGMA, smoothing_weights


def brightness(image) -> float:
    return float(colour.log_luminance(np.asarray(image) / 255).mean())


distinct = st.lists(st.integers(-40, 40), min_size=2, max_size=60, unique=True)


@given(distinct, st.data(), st.floats(0.5, 30))
def test_weights_keep_linear_changes(positions, data, sigma):
    at = data.draw(st.sampled_from(positions))
    values = np.array(positions, float)
    weights = smoothing_weights(values, at, sigma)
    assert weights.sum() == pytest.approx(1, abs=1e-6)
    if (np.abs(weights) > 0).sum() > 1:
        assert weights @ values == pytest.approx(at, abs=1e-5)
    np.testing.assert_allclose(smoothing_weights(values + 7, at + 7, sigma), weights, atol=1e-6)


def test_weights_smooth_noise_and_keep_a_single_picture():
    noise = np.random.default_rng(0).standard_normal(300)
    calm = [smoothing_weights(np.arange(300), at, SIGMA) @ noise for at in range(300)]
    assert np.abs(np.diff(calm)).mean() < 0.03 * np.abs(np.diff(noise)).mean()
    assert smoothing_weights(np.array([5.0]), 5, 8).tolist() == [1]


@given(st.floats(-3, 3), st.floats(-3, 0))
def test_exposing_adds_up_and_never_leaves_the_range(ev, less):
    image = np.linspace(0, 1, 30, dtype=np.float32).reshape(-1, 1, 3)
    exposed = expose(image, ev)
    assert exposed.min() >= 0
    assert exposed.max() <= 1
    np.testing.assert_allclose(
        expose(expose(image, less), -less), image, atol=2e-4, err_msg="nothing clipped: it returns"
    )


@pytest.fixture(scope="module")
def lapse(astronaut) -> list[np.ndarray]:
    """14 frames of one scene in fading light, whose exposure flickers."""
    scene = np.asarray(Image.fromarray(astronaut[:256]).resize((160, 80))) / 255
    flicker = np.random.default_rng(3).uniform(-0.4, 0.4, 14)
    return [
        np.rint(255 * expose(scene, ev - 1.5 - 0.05 * number)).astype(np.uint8)
        for number, ev in enumerate(flicker)
    ]


def test_smooth_removes_flicker_and_keeps_a_steady_change(corrector, lapse):
    def flicker(frames):  # second differences: a steady change does not count
        return np.abs(np.diff([brightness(frame) for frame in frames], 2)).mean()

    smooth = corrector.correct_sequence(lapse, together="smooth")
    assert flicker(smooth) < 0.4 * flicker([corrector(frame) for frame in lapse])
    assert flicker(smooth) < 0.15 * flicker(lapse)
    assert brightness(smooth[6]) > brightness(lapse[6]) + 0.3


def test_same_is_one_function_of_the_colour(corrector, lapse):
    """A pixel's result depends on its colour alone: not on its place, not on the picture."""
    first, second = corrector.correct_sequence([lapse[0], lapse[1][::-1].copy()])
    found = {}
    for before, after in ((lapse[0], first), (lapse[1][::-1], second)):
        for source, result in zip(before.reshape(-1, 3), after.reshape(-1, 3), strict=True):
            result = result.astype(int)
            assert np.abs(found.setdefault(tuple(source), result) - result).max() <= 1
    assert len(found) < 2 * lapse[0][..., 0].size


def test_same_brings_brackets_to_one_exposure(corrector, lapse, astronaut):
    scene = np.asarray(Image.fromarray(astronaut).resize((160, 160)))[:80] / 255
    darker = [0, 1, 2]
    brackets = [
        Photo(
            np.rint(255 * expose(scene, -1 - ev)).astype(np.uint8),
            metadata=Metadata(exif=camera_exif((1, 30 * 2**ev))),
        )
        for ev in darker
    ]
    corrected = corrector.correct_sequence(brackets)
    levels = [brightness(one.pixels) for one in corrected]
    assert np.ptp(levels) < 0.2
    without = [dataclasses.replace(one, metadata=Metadata()) for one in brackets]
    assert np.ptp([brightness(one.pixels) for one in corrector.correct_sequence(without)]) > 0.5


@pytest.mark.parametrize("together", ["same", "smooth"])
def test_mixed_sizes_kinds_and_profiles(corrector, lapse, together):
    grey = lapse[2][:40, :60, 1]
    image = Image.fromarray(lapse[3]).rotate(90, expand=True)
    sixteen = lapse[4].astype(np.uint16) * 257
    mixed = [lapse[0], grey, image, sixteen]
    corrected = corrector.correct_sequence(mixed, together=together)
    for before, after in zip(mixed, corrected, strict=True):
        assert type(before) is type(after)
        assert np.shape(before) == np.shape(after)
        assert np.asarray(after).mean() > np.asarray(before).mean()


@pytest.mark.parametrize("together", ["same", "smooth"])
def test_one_picture_and_none(corrector, lapse, together):
    (alone,) = corrector.correct_sequence(lapse[:1], together=together)
    single = corrector(lapse[0])
    assert np.abs(alone.astype(int) - single).mean() < 8
    assert corrector.correct_sequence([], together=together) == []


def test_strength_and_min_error(corrector, lapse):
    same = corrector.correct_sequence(lapse[:3], CorrectionOptions(0), together="smooth")
    np.testing.assert_array_equal(same, lapse[:3])
    kept = corrector.correct_sequence(lapse[:3], CorrectionOptions(min_error=9))
    np.testing.assert_array_equal(kept, lapse[:3])
    with pytest.raises(UsageError, match="together must be one of same, smooth"):
        corrector.correct_sequence(lapse, together="both")
    with pytest.raises(UsageError, match="2 scales for a model of 4"):
        corrector.correct_sequence(lapse, CorrectionOptions(scales=(1, 1)))
    with pytest.raises(UsageError, match="one image, not for 2"):
        corrector.correct_sequence([np.stack(lapse[:2])])


def test_capture_times_are_in_the_order_of_their_text():
    times = [
        capture.time(camera_exif(when="2026:11:26 18:30:00", fraction=fraction))
        for fraction in (None, "05", "25", "3")
    ]
    assert times == sorted(times)
    assert capture.time(camera_exif(when="0000:00:00 00:00:00")) is None
    assert capture.time(camera_exif()) is None
    for broken in (None, b"", b"Exif\0\0", b"II*\0", camera_exif()[:40]):
        assert capture.time(broken) is None
        assert capture.exposure(broken) is None


def test_exposures_are_in_stops():
    usual = capture.exposure(camera_exif())
    assert capture.exposure(camera_exif(seconds=(1, 30))) == pytest.approx(usual + 1)
    assert capture.exposure(camera_exif(stop=(8, 1))) == pytest.approx(usual - 2)
    assert capture.exposure(camera_exif(sensitivity=800)) == pytest.approx(usual + 2)
    assert capture.exposure(camera_exif(stop=(0, 1))) is None  # a lens without contacts
    assert capture.exposure(camera_exif(seconds=(1, 0))) is None
