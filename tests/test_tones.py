from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from midtone import Corrector, photo, tones
from midtone.data.synthesize import measured_curve
from midtone.network import CoarseToFine, NetworkConfig

SMALL = NetworkConfig(2, (4, 4), (1, 2), tones=tones.COUNT)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 2**31))
def test_quantiles_are_those_of_the_codes(height, width, seed):
    codes = np.random.default_rng(seed).integers(0, 256, (height, width, 3))
    picture = (codes / 255).astype(np.float32)
    found = tones.describe(picture, tones.QUANTILES).reshape(4, -1)
    for channel in range(3):
        values = codes[..., channel].ravel()
        wanted = np.quantile(values, tones.SHARES, method="inverted_cdf")
        np.testing.assert_allclose(found[channel], wanted / 255, atol=1e-6)
    assert (np.diff(found, axis=1) >= 0).all()


def test_scales_are_fine_near_black_and_near_white():
    picture = np.repeat(np.array([0, 1, 127, 254, 255])[:, None, None] / 255, 3, 2)
    plain, low, high = tones.describe(picture).reshape(3, 4, -1)[:, 0]
    np.testing.assert_array_equal(plain, tones.describe(picture, tones.QUANTILES)[: len(plain)])
    black, one, grey, white = (np.argmin(abs(plain - c / 255)) for c in (0, 1, 127, 255))
    assert low[one] - low[black] > 20 * (plain[one] - plain[black])
    assert low[grey] == pytest.approx(7 / 8)
    assert high[black] == low[white] == 1
    assert high[white] == low[black] == 0


def test_order_of_the_pixels_does_not_matter():
    picture = np.random.default_rng(0).random((30, 40, 3), np.float32)
    np.testing.assert_array_equal(tones.describe(picture), tones.describe(picture[::-1, ::-1]))


def test_steering_begins_by_doing_nothing_and_can_be_learned():
    network = CoarseToFine(SMALL)
    levels = [torch.rand(2, 3, 16, 16), torch.rand(2, 3, 8, 8)]
    dark, bright = torch.zeros(2, tones.COUNT), torch.ones(2, tones.COUNT)
    results = [network(*levels, tones=given)[0] for given in (dark, bright)]
    torch.testing.assert_close(*results)
    results[0].sum().backward()
    last = network.subnetworks[-1].steer.layers[-1]
    assert last.weight.grad.abs().sum() > 0
    assert network.subnetworks[0].steer is None
    with torch.no_grad():
        last.weight.normal_()
    results = [network(*levels, tones=given)[0] for given in (dark, bright)]
    assert (results[0] - results[1]).abs().max() > 1e-3


def test_a_network_that_needs_tones_says_so():
    with pytest.raises(ValueError, match="tone statistics"):
        CoarseToFine(SMALL)(torch.rand(1, 3, 16, 16), torch.rand(1, 3, 8, 8))


@given(st.floats(-1.5, 1.5), st.integers(0, 2**31))
def test_statistics_of_a_rendering_are_trusted_at_its_own_error(ev, seed):
    codes = np.random.default_rng(seed).integers(0, 256, (20, 30, 3))
    rendered = measured_curve(ev).astype(np.float32)[codes] / np.float32(255)
    assert tones.trusted(rendered, ev)


@given(st.floats(0.7, 4) | st.floats(-4, -0.7), st.integers(0, 2**31))
def test_statistics_of_a_wrong_picture_with_black_in_it_are_not_trusted(ev, seed):
    picture = np.random.default_rng(seed).random((40, 50, 3), np.float32)
    picture[:2] = 0
    assert not tones.trusted(picture, ev)


def test_lights_and_whites_that_no_rendering_has_are_not_trusted():
    codes = np.random.default_rng(0).integers(0, 256, (40, 50, 3))
    dark = measured_curve(-1.5).astype(np.float32)[codes] / np.float32(255)
    assert tones.trusted(dark, -1.5)
    dark[:2] = 1  # a lamp
    assert not tones.trusted(dark, -1.5)
    bright = measured_curve(1.5).astype(np.float32)[codes] / np.float32(255)
    bright[:1] = 1  # 2.5 % of the picture
    assert tones.trusted(bright, 1.5)
    bright[:4] = 1
    assert not tones.trusted(bright, 1.5)
    good = (codes / 255).astype(np.float32)
    good[:4] = 1
    assert tones.trusted(good, 0)


class _Told:
    """A model that halves what it sees if it is told tone statistics, and else does nothing."""

    def __init__(self, model):
        self.info = replace(model.info, tones=tones.COUNT, finest=1, levels=1)

    def run(self, levels, tones=None):
        return levels[0] * np.where(tones.any(1), 0.5, 1.0).astype(np.float32)[:, None, None, None]


@pytest.mark.parametrize(("black", "factor"), [(0, 1.0), (60, 0.5)])
def test_the_corrector_uses_statistics_where_they_can_be_trusted(black, factor):
    corrector = Corrector()
    corrector.model = _Told(corrector.model)
    image = np.random.default_rng(0).integers(black, 256, (64, 64, 3), np.uint8)
    image[:8] = black
    plan = corrector.plan(photo.from_array(image))
    inner = plan.before.min(2) < 0.9  # whites are kept bright
    np.testing.assert_allclose(plan.after[inner], factor * plan.before[inner], atol=1e-3)
