from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from midtone import bilateral_grid, pyramid  # noqa: E402
from midtone.bilateral_grid import GridConfig  # noqa: E402
from midtone.pyramid import BURT_ADELSON  # noqa: E402
from midtone.training.grid_loss import apply_single_cell_grid, grid_loss  # noqa: E402

SMOOTH = GridConfig(nodes=8, lambda_s=1000, lambda_z=30)


def tensor(picture):
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32))


@pytest.fixture
def pair(astronaut):
    """A photograph, and a prediction with errors that vary from place to place."""
    before = astronaut[::4, ::4].astype(np.float32) / 255
    noise = np.random.default_rng(0).normal(0, 0.05, before.shape).astype(np.float32)
    return before, before**0.6 * np.float32([1, 0.95, 0.9]) + noise


def test_it_is_close_to_the_correctors_smooth_grid(pair):
    before, after = pair
    ours = apply_single_cell_grid(tensor(before), tensor(after))[0].permute(1, 2, 0).numpy()
    real = bilateral_grid.slice_grid(bilateral_grid.fit(before, after, SMOOTH), before)
    assert np.abs(ours - real).mean() < 0.004 < 0.03 < np.abs(after - real).mean()


def test_an_affine_change_of_colour_passes(pair):
    before = tensor(pair[0])
    after = 0.7 * before.flip(1) + 0.2
    torch.testing.assert_close(apply_single_cell_grid(before, after), after, rtol=0, atol=1e-3)


def test_it_is_linear_in_the_prediction(pair):
    before, after = map(tensor, pair)
    other = torch.rand_like(after)
    torch.testing.assert_close(
        apply_single_cell_grid(before, after + 2 * other),
        apply_single_cell_grid(before, after) + 2 * apply_single_cell_grid(before, other),
        rtol=0,
        atol=1e-4,
    )


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_grey_and_flat_pictures_have_a_grid(value):
    before = torch.full((2, 3, 8, 8), value)
    after = apply_single_cell_grid(before, before + 0.4)
    torch.testing.assert_close(after, before + 0.4, rtol=0, atol=1e-3)


@pytest.mark.parametrize("finest", [1, 2, 3])
def test_the_loss_ignores_errors_that_the_grid_does_not_pass(pair, finest):
    before = tensor(pair[0])
    smaller = pyramid.gaussian(before, finest)[-1]
    levels = pyramid.split(smaller, 3)
    size = pyramid.size(smaller if finest == 1 else pyramid.gaussian(before, finest - 1)[-1])
    reference = before if finest == 1 else pyramid.up(smaller, size)
    target = 0.8 * reference + 0.1
    perfect = grid_loss(levels, target, target, BURT_ADELSON)
    noise = 0.05 * torch.randn(target.shape, generator=torch.Generator().manual_seed(0))
    noisy = grid_loss(levels, target + noise, target, BURT_ADELSON)
    shifted = grid_loss(levels, target + 0.05, target, BURT_ADELSON)
    assert perfect < 0.1
    assert perfect < noisy < 0.5 * shifted
    assert shifted == pytest.approx(np.log1p(5), rel=0.02)


def test_its_gradient_moves_the_prediction_towards_the_target(pair):
    before, after = map(tensor, pair)
    picture = after.clone().requires_grad_()
    levels = pyramid.split(before, 3)
    loss = grid_loss(levels, picture, before, BURT_ADELSON, stride=1)
    loss.backward()
    better = (after - 20 * picture.grad).detach()
    assert grid_loss(levels, better, before, BURT_ADELSON, stride=1) < loss


def test_a_perfect_prediction_has_a_finite_gradient():
    picture = torch.zeros(1, 3, 8, 8, requires_grad=True)
    levels = pyramid.split(torch.zeros(1, 3, 8, 8), 2)
    grid_loss(levels, picture, torch.zeros(1, 3, 8, 8), BURT_ADELSON).backward()
    assert picture.grad.isfinite().all()
