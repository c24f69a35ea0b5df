from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from midtone import pyramid
from midtone.pyramid import BINOMIAL, BURT_ADELSON

from conftest import DATA

GOLDEN = np.load(DATA / "pyramids.npz")
images = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(
    lambda size: arrays(np.float64, (*size, 3), elements=st.floats(0, 1))
)
taps = st.sampled_from([BURT_ADELSON, BINOMIAL])


@pytest.mark.parametrize("case", sorted({key.split("__")[0] for key in GOLDEN}))
def test_decomposition_equals_the_reference(case):
    image = GOLDEN[f"{case}__input"]
    image = image / 255 if image.dtype == np.uint8 else image
    for number, level in enumerate(pyramid.split(image, 4, BINOMIAL), start=1):
        np.testing.assert_allclose(level, GOLDEN[f"{case}__lap{number}"], rtol=0, atol=1e-6)


@given(images, st.integers(1, 7), taps)
def test_reconstruction_is_exact(image, levels, taps):
    merged = pyramid.merge(pyramid.split(image, levels, taps), taps)
    assert merged.shape == image.shape
    np.testing.assert_allclose(merged, image, rtol=0, atol=1e-6)


@given(st.integers(1, 50), st.integers(1, 50), st.floats(0, 1, width=32), taps)
def test_a_constant_image_has_no_detail(height, width, value, taps):
    *details, coarse = pyramid.split(np.full((height, width), value), 4, taps)
    assert max(np.abs(detail).max() for detail in details) < 1e-12
    np.testing.assert_allclose(coarse, value)


@given(images, taps)
def test_tensors_and_arrays_agree(image, taps):
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None]
    for ours, theirs in zip(
        pyramid.split(image, 3, taps), pyramid.split(tensor, 3, taps), strict=True
    ):
        np.testing.assert_allclose(theirs[0].permute(1, 2, 0).numpy(), ours, atol=1e-12)


def test_sizes_halve_and_round_up():
    sizes = [pyramid.size(level) for level in pyramid.gaussian(np.zeros((37, 50)), 4)]
    assert sizes == [(37, 50), (19, 25), (10, 13), (5, 7)]


def test_wrong_use_is_refused():
    with pytest.raises(ValueError, match="can be enlarged"):
        pyramid.up(np.zeros((4, 4)), (9, 8))
    with pytest.raises(ValueError, match="five symmetric"):
        pyramid.down(np.zeros((4, 4)), (0.1, 0.2, 0.3, 0.2, 0.2))
    with pytest.raises(ValueError, match="at least one level"):
        pyramid.split(np.zeros((4, 4)), 0)
