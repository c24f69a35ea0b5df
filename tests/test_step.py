from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from midtone import pyramid  # noqa: E402
from midtone.training.checkpoint import State  # noqa: E402
from midtone.training.losses import pyramid_targets  # noqa: E402
from midtone.training.step import compute_losses, update_weights  # noqa: E402
from tiny_training import NETWORK, one_stage  # noqa: E402


@pytest.fixture
def batch():
    source, target = torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    levels = pyramid.split(source, NETWORK.levels, NETWORK.taps)
    return levels, pyramid_targets(target, NETWORK.levels, NETWORK.taps)


def losses_of(state, recipe, batch, flips=None):
    return compute_losses(
        state.network,
        *batch,
        recipe,
        recipe.stages[0],
        bfloat16=False,
        discriminator=state.discriminator,
        flips=flips,
    )


def weights(module):
    return torch.cat([parameter.detach().flatten().clone() for parameter in module.parameters()])


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_the_loss_after_the_grid_adds_to_the_total(batch, weight):
    recipe = one_stage(NETWORK, grid_loss=weight)
    losses = losses_of(State.new(recipe, torch.device("cpu")), recipe, batch)
    assert (losses.total > losses.image) == (weight > 0)
    assert losses.real is None
    assert losses.fake is None


@pytest.mark.parametrize("adversarial", [False, True])
def test_an_update_changes_what_the_losses_concern(batch, adversarial):
    recipe = one_stage(NETWORK, adversarial=0.1, discriminator_rate=1e-4)
    state = State.new(recipe, torch.device("cpu"))
    network, discriminator = weights(state.network), weights(state.discriminator)
    flips = torch.Generator().manual_seed(1) if adversarial else None
    losses = losses_of(state, recipe, batch, flips)
    update_weights(state, losses, recipe, recipe.stages[0], rate=5e-4)
    assert state.step == 1
    # Adam's first step has the length of the rate wherever there is a gradient.
    change = (weights(state.network) - network).abs().max().item()
    assert change == pytest.approx(5e-4, rel=0.01)
    change = (weights(state.discriminator) - discriminator).abs().max().item()
    assert change == (pytest.approx(0.5e-4, rel=0.01) if adversarial else 0)
    assert not torch.equal(torch.cat([v.flatten() for v in state.ema.values()]), network)
