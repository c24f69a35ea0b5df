from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midtone.bilateral_grid import (
    Fitter,
    GridConfig,
    blend_with_identity,
    fit,
    identity,
    slice_grid,
)
from midtone.bilateral_grid import slice as slicing
from midtone.errors import UsageError

from conftest import DATA

GOLDEN = np.load(DATA / "guided_upsampling.npz")


def smooth_correction(image: np.ndarray, gamma: float = 0.6) -> np.ndarray:
    """A tone curve, a colour cast and a bright spot."""
    rows, columns = image.shape[:2]
    x = (np.arange(columns) + 0.5) / columns
    y = ((np.arange(rows) + 0.5) / rows)[:, None]
    spot = 1 + 0.35 * np.exp(-((x - 0.3) ** 2 + (y - 0.6) ** 2) / (2 * 0.18**2))
    cast = np.array([1.08, 1, 0.92])[: image.shape[2]]
    return np.clip(image, 0, 1) ** gamma * cast * spot[..., None]


def reduced(image: np.ndarray, step: int) -> np.ndarray:
    rows, columns = (side // step * step for side in image.shape[:2])
    blocks = image[:rows, :columns].reshape(rows // step, step, columns // step, step, -1)
    return blocks.mean((1, 3))


@pytest.mark.parametrize("name", ["gamma_13", "gamma_22"])
def test_the_grid_equals_the_reference(name):
    expected = GOLDEN[name]
    grid = fit(GOLDEN["low_in"], GOLDEN["low_out"], shape=expected.shape[:3])
    np.testing.assert_allclose(grid, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("part", "rows", "columns"),
    [("crop", slice(300, 348), slice(480, 544)), ("corner", slice(-24, None), slice(-24, None))],
)
def test_slicing_equals_the_reference(part, rows, columns):
    # A pixel's result depends on its place and value alone, so the rest may be black.
    image = np.zeros((667, 1000, 3), np.float32)
    image[rows, columns] = GOLDEN[f"{part}_u8"] / np.float32(255)
    result = slice_grid(GOLDEN["gamma_22"], image)[rows, columns]
    np.testing.assert_allclose(result, GOLDEN[part], rtol=0, atol=1e-4)


def test_square_cells_are_as_good_as_the_papers_grid(astronaut):
    full = astronaut[100:443] / 255
    before = reduced(full, 3)
    target = smooth_correction(full)
    after = reduced(target, 3)
    square = GridConfig(nodes=24)
    assert square.shape(*before.shape[:2]) == (16, 24, 8)
    assert GridConfig().shape(*before.shape[:2]) == (22, 22, 8)

    def error(config: GridConfig) -> float:
        result = slice_grid(fit(before, after, config), full)
        return float(((result - target) ** 2).mean())

    assert 10 * np.log10(error(square) / error(GridConfig())) < 0.1


def test_a_transposed_image_has_a_transposed_grid(astronaut):
    before = reduced(astronaut[:300] / 255, 4)
    after = smooth_correction(before)
    config = GridConfig(nodes=24)
    grid = fit(before, after, config)
    transposed = fit(before.swapaxes(0, 1), after.swapaxes(0, 1), config)
    np.testing.assert_array_equal(transposed.swapaxes(0, 1), grid)


@settings(max_examples=25)
@given(
    st.integers(1, 70), st.integers(1, 70), st.sampled_from([np.uint8, np.uint16, np.float32]),
    st.integers(1, 80), st.integers(1, 3), st.sampled_from([1, 3]),
)  # fmt: skip
def test_result_does_not_depend_on_strips_and_threads(
    rows, columns, dtype, strip, threads, channels
):
    rng = np.random.default_rng(rows * 100 + columns)
    grid = identity((4, 5, 6), channels) + rng.normal(0, 0.2, (4, 5, 6, 1, 1))
    full = 1 if dtype is np.float32 else np.iinfo(dtype).max
    image = (rng.random((rows, columns, channels)) * full).astype(dtype)
    whole = slice_grid(grid, image, strip=rows, threads=1)
    parts = slice_grid(grid, image, strip=strip, threads=threads)
    assert parts.dtype == dtype
    assert parts.shape == image.shape
    np.testing.assert_array_equal(parts, whole)


def test_slicing_equals_a_slow_and_plain_version():
    rng = np.random.default_rng(5)
    grid, image = rng.normal(size=(3, 4, 5, 3, 4)), rng.random((7, 9, 3))
    result = slice_grid(grid, image)
    for row, column in np.ndindex(7, 9):
        pixel = image[row, column]
        place = (
            (row + 0.5) * 2 / 7,
            (column + 0.5) * 3 / 9,
            float(pixel @ [0.25, 0.5, 0.25]) * 4,
        )
        affine = np.zeros((3, 4))
        for node in np.ndindex(3, 4, 5):
            weight = np.prod([max(0.0, 1 - abs(p - n)) for p, n in zip(place, node, strict=True)])
            affine += weight * grid[node]
        np.testing.assert_allclose(result[row, column], affine @ [*pixel, 1], atol=2e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_identity_changes_nothing(dtype):
    image = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (50, 60, 3), dtype=dtype)
    np.testing.assert_array_equal(slice_grid(identity(), image), image)


@pytest.mark.parametrize(
    "shape", [(1, 1, 3), (1, 1, 1), (3, 400, 3), (400, 2, 1), (64, 64, 3)], ids=str
)
@pytest.mark.parametrize("value", [None, 0.0, 0.3, 1.0])
def test_small_flat_and_extreme_images_can_be_fitted(shape, value):
    rng = np.random.default_rng(1)
    image = rng.random(shape) if value is None else np.full(shape, value)
    target = 0.7 * image + 0.2
    grid = fit(image, target, GridConfig(nodes=12))
    assert np.isfinite(grid).all()
    np.testing.assert_allclose(slice_grid(grid, image), target, atol=2e-3)


@pytest.mark.parametrize("smoothness", [0, 1e3, 1e6, 1e9])
def test_images_that_leave_the_equations_singular_are_fitted(smoothness):
    ramp = np.linspace(0, 1, 40)[:, None, None] * np.ones((40, 24, 3))
    for image in (ramp, ramp * [1, 0.8, 0.6], np.full((40, 24, 3), 0.3)):
        target = 0.5 * image + 0.2
        grid = fit(image, target, GridConfig(8, 8, smoothness, 30))
        np.testing.assert_allclose(slice_grid(grid, image), target, atol=1e-4)


def test_one_image_is_fitted_to_several_targets(astronaut):
    before = reduced(astronaut / 255, 16)
    fitter = Fitter(before, GridConfig(nodes=6))
    for gamma in (0.5, 2):
        after = before**gamma
        expected = fit(before, after, GridConfig(nodes=6))
        np.testing.assert_array_equal(fitter(after), expected)


def test_a_grey_image_in_three_channels_stays_grey(astronaut):
    grey = np.repeat(astronaut[..., 1:2], 3, 2)[::4, ::4] / 255
    target = np.repeat(grey[..., :1] ** 0.5, 3, 2)
    result = slice_grid(fit(grey, target), grey)
    assert np.ptp(result, axis=2).max() == 0
    assert np.abs(result - target).mean() < 0.01


def test_a_long_strip_of_an_image():
    image = np.random.default_rng(2).integers(0, 255, (20000, 50, 3), dtype=np.uint8)
    np.testing.assert_array_equal(slice_grid(identity(), image), image)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        fit(np.zeros((4, 4, 3)), np.zeros((4, 5, 3)))
    with pytest.raises(ValueError, match="two nodes"):
        fit(np.zeros((4, 4, 3)), np.zeros((4, 4, 3)), shape=(1, 5, 5))
    with pytest.raises(ValueError, match="cannot transform"):
        slice_grid(identity(channels=1), np.zeros((4, 4, 3)))


@settings(max_examples=60)
@given(
    dtype=st.sampled_from(["u1", "u2", "f4"]),
    channels=st.sampled_from([1, 3]),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 40) | st.integers(500, 800)),
    nodes=st.tuples(st.integers(2, 6), st.integers(2, 6), st.integers(2, 18)),
    seed=st.integers(0, 2**31),
)
def test_compiled_code_and_numpy_give_the_same_pixels(dtype, channels, shape, nodes, seed):
    if slicing._slice is None:
        pytest.skip("installed without a compiler")
    rng = np.random.default_rng(seed)
    grid = identity(nodes, channels)
    grid += rng.normal(0, 0.3, grid.shape)
    image = rng.uniform(-0.1, 1.1, (*shape, channels)).astype(np.float32)
    if dtype != "f4":
        image = (np.clip(image, 0, 1) * np.iinfo(dtype).max).astype(dtype)
    slicer = slicing._Slicer(grid, image, 0, shape[0])
    compiled, plain = np.empty_like(image), np.empty_like(image)
    slicer.compiled(0, shape[0], compiled)
    slicer.numpy(0, shape[0], plain)
    np.testing.assert_array_equal(compiled, plain)


def test_a_part_of_an_image_is_sliced_as_the_whole():
    rng = np.random.default_rng(0)
    grid = identity((4, 5, 8)) + rng.normal(0, 0.1, (4, 5, 8, 3, 4))
    image = rng.integers(0, 256, (90, 130, 3), dtype=np.uint8)
    part = slice_grid(grid, image[32:48], rows=(32, 90))
    np.testing.assert_array_equal(part, slice_grid(grid, image)[32:48])


def test_without_the_compiled_part_the_result_is_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    grid = identity((4, 5, 8)) + rng.normal(0, 0.1, (4, 5, 8, 3, 4))
    image = rng.integers(0, 256, (90, 130, 3), dtype=np.uint8)
    expected = slice_grid(grid, image)
    monkeypatch.setattr(slicing, "_slice", None)
    np.testing.assert_array_equal(slice_grid(grid, image, threads=2), expected)


@given(st.floats(0, 1.5, width=32))
def test_strength_is_linear(strength):
    rng = np.random.default_rng(0)
    grid = identity((4, 5, 8)) + rng.normal(0, 0.05, (4, 5, 8, 3, 4))
    image = rng.random((9, 11, 3), np.float32)
    full = slice_grid(grid, image)
    result = slice_grid(blend_with_identity(grid, strength), image)
    np.testing.assert_allclose(result, image + strength * (full - image), atol=1e-5)


@pytest.mark.parametrize(
    "values", [{"nodes": 1}, {"depth": 1}, {"lambda_s": -1.0}, {"lambda_z": -1.0}]
)
def test_grids_that_cannot_be_are_refused(values):
    with pytest.raises(UsageError, match="grid"):
        GridConfig(**values)
