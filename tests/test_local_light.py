from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtone.data.local_light import (
    LocalLight,
    draw_local_light,
    guided_filter,
    lighter_region,
    spot,
)


@pytest.fixture
def landscape():
    """A light sky above a dark ground, with a serrated horizon and noise."""
    rng = np.random.default_rng(0)
    horizon = 30 + 6 * (np.arange(80) // 8 % 2)
    sky = np.arange(60)[:, None] < horizon
    picture = np.where(sky, 200, 60) + rng.normal(0, 6, sky.shape)
    return np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[..., None], 3, 2), sky


def test_masks_follow_the_edges(landscape):
    image, sky = landscape
    masks = [lighter_region(image, np.random.default_rng(seed)) for seed in range(8)]
    for mask in masks:
        assert mask.shape == sky.shape
        assert mask.min() >= 0
        assert mask.max() <= 1
    means = np.mean([[mask[sky].mean(), mask[~sky].mean()] for mask in masks], 0)
    assert means[0] > means[1] + 0.4


def test_the_guided_filter_is_a_mean_without_edges_and_keeps_strong_ones():
    flat = np.full((20, 30), 0.5, np.float32)
    values = np.random.default_rng(0).random((20, 30), np.float32)
    smooth = guided_filter(flat, values, 4, 1e-2)
    assert smooth.std() < 0.3 * values.std()
    step = np.repeat((np.arange(30) > 14).astype(np.float32)[None], 20, 0)
    np.testing.assert_allclose(guided_filter(step, step, 4, 1e-6), step, atol=1e-3)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 100))
def test_spots_lie_between_zero_and_one(height, width, seed):
    mask = spot((height, width), np.random.default_rng(seed))
    assert mask.shape == (height, width)
    assert (mask >= 0).all()
    assert (mask <= 1).all()


def test_the_defaults_draw_nothing(landscape):
    rng = np.random.default_rng(0)
    assert all(draw_local_light(landscape[0], LocalLight(), rng) is None for _ in range(20))


def test_regions_differ_by_the_drawn_exposure(landscape):
    model = LocalLight(region_prob=1.0, region_ev=(0.5, 0.5))
    rng = np.random.default_rng(0)
    drawn = [draw_local_light(landscape[0], model, rng) for _ in range(20)]
    apart = [within - outside for _, outside, within in drawn]
    np.testing.assert_allclose(np.abs(apart), 0.5)
    assert min(apart) < 0 < max(apart)
