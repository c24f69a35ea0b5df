"""One step of training: the losses of a batch (section 3.3), then the update of the weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from midtone.training.checkpoint import State
from midtone.training.discriminator import Discriminator, discriminator_input, discriminator_step
from midtone.training.losses import adversarial_term, grid_term, image_loss
from midtone.training.recipe import Recipe, Stage


@dataclass(frozen=True)
class Losses:
    """The losses of one batch.

    image: reconstruction and pyramid loss
    total: with the loss after the grid and the adversarial loss; its gradient updates the network
    real, fake: the discriminator's input; None without the adversarial loss
    """

    image: Tensor
    total: Tensor
    real: Tensor | None = None
    fake: Tensor | None = None


def compute_losses(
    network: Callable[..., Sequence[Tensor]],
    levels: Sequence[Tensor],
    targets: Sequence[Tensor],
    recipe: Recipe,
    stage: Stage,
    *,
    bfloat16: bool,
    discriminator: Discriminator,
    flips: torch.Generator | None,
) -> Losses:
    """Run the network and compare its results with the targets.

    network: may be wrapped or compiled
    levels:  Laplacian levels ``stage.finest`` to n of the inputs, N x 3 x H x W each
    targets: of ``losses.pyramid_targets``
    flips:   draws the flips of the discriminator's input; None leaves out the adversarial loss
    """
    with torch.autocast(levels[0].device.type, torch.bfloat16, enabled=bfloat16):
        results = network(*levels, finest=stage.finest)
    results = [result.float() for result in results]
    image = image_loss(results, targets, recipe.pyramid_weight, stage.finest)
    total = image + grid_term(stage.grid_loss, levels, results[0], targets[0], recipe.network.taps)
    if flips is None:
        return Losses(image, total)
    fake = discriminator_input(results[0], flips)
    real = discriminator_input(targets[0], flips)
    total = total + adversarial_term(stage.adversarial, discriminator, fake)
    return Losses(image, total, real, fake)


def update_weights(
    state: State, losses: Losses, recipe: Recipe, stage: Stage, *, rate: float, world: int = 1
) -> None:
    """Update the network, the discriminator if there is one in the losses, and the average.

    rate:  learning rate of the network; that of the discriminator falls with it
    world: number of processes
    """
    state.adam.param_groups[0]["lr"] = rate
    state.adam.zero_grad()
    losses.total.backward()  # type: ignore[no-untyped-call]
    if recipe.clip is not None:
        nn.utils.clip_grad_norm_(state.network.parameters(), recipe.clip)
    state.adam.step()
    if losses.real is not None and losses.fake is not None:
        discriminator_step(
            state.discriminator,
            state.discriminator_adam,
            losses.real,
            losses.fake,
            rate=stage.discriminator_rate * rate / stage.rate,
            world=world,
        )
    state.update_ema(stage.ema)
    state.step += 1
