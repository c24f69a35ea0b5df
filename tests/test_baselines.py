from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtone.baselines.auto_gamma import auto_gamma
from midtone.baselines.clahe import clahe
from midtone.baselines.dual import dual
from midtone.baselines.equalize import equalize
from midtone.baselines.fusion import fusion
from midtone.baselines.hqec import hqec
from midtone.baselines.lime import lime
from midtone.baselines.smooth import _solve_rows, smooth
from midtone.baselines.wvm import wvm
from midtone.data.synthesize import measured_curve

LIFTING = [lime, hqec, wvm]


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    rng = np.random.default_rng(0)
    base = np.cumsum(np.cumsum(rng.normal(0, 1, (90, 120, 3)), 0), 1)
    base = (base - base.min()) / np.ptp(base)
    return np.rint(255 * base).astype(np.uint8)


def exposed(scene: np.ndarray, ev: float) -> np.ndarray:
    return np.rint(measured_curve(ev)).astype(np.uint8)[scene]


def error(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other).mean())


@pytest.mark.parametrize("method", LIFTING, ids=lambda m: m.__name__)
def test_methods_for_dark_pictures_lift_them_and_make_bright_ones_worse(method, scene):
    dark, bright = exposed(scene, -2.5), exposed(scene, 1.5)
    assert error(method(dark), scene) < 0.8 * error(dark, scene)
    assert method(dark).mean() > dark.mean()
    assert error(method(bright), scene) >= 0.98 * error(bright, scene)


def test_dual_helps_both(scene):
    for ev in (-2.5, 1.5):
        image = exposed(scene, ev)
        assert error(dual(image), scene) < error(image, scene)


@pytest.mark.parametrize("method", [*LIFTING, dual, fusion], ids=lambda m: m.__name__)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (17, 33)])
def test_any_size_and_black_and_white(method, shape):
    for value in (0, 255):
        image = np.full((*shape, 3), value, np.uint8)
        result = method(image)
        assert result.shape == image.shape
        assert result.dtype == np.uint8


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 6), st.integers(0, 2**31))
def test_the_tridiagonal_systems_are_solved(count, columns, seed):
    rng = np.random.default_rng(seed)
    right, weights = rng.normal(size=(count, columns)), rng.random((count, columns)) * 50
    found = _solve_rows(right, weights)
    step = np.diff(np.eye(count), axis=0)
    for column in range(columns):
        matrix = np.eye(count) + step.T @ np.diag(weights[:-1, column]) @ step
        np.testing.assert_allclose(matrix @ found[:, column], right[:, column], atol=1e-9)


def test_smoothing_keeps_the_mean_and_lowers_the_variance():
    image = np.random.default_rng(0).random((30, 40))
    flat = np.ones_like(image)
    result = smooth(image, flat, flat, 10.0)
    assert result.mean() == pytest.approx(image.mean())
    assert result.std() < 0.5 * image.std()


@pytest.mark.parametrize("method", [equalize, clahe, auto_gamma])
def test_baselines_keep_shape_and_type(method, dark):
    result = method(dark)
    assert result.shape == dark.shape
    assert result.dtype == np.uint8
    assert result.mean() > dark.mean()


def test_equalising_flattens_the_histogram(dark):
    counts = np.histogram(equalize(dark), bins=8, range=(0, 256))[0]
    assert counts.max() < 2.5 * counts.min()


def test_auto_gamma_reaches_its_mean(dark, astronaut):
    for image in (dark, astronaut):
        luma = auto_gamma(image) @ [0.299, 0.587, 0.114] / 255
        assert luma.mean() == pytest.approx(0.46, abs=0.005)
