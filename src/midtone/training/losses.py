"""The loss terms (Afifi et al. 2021, section 3.3), as means over the image's values.

Optional terms are zero, and cost nothing, where their weight is zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import softplus

from midtone import pyramid
from midtone.pyramid import BURT_ADELSON, Taps
from midtone.training.grid_loss import grid_loss


def reconstruction_loss(result: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error of the final image (eq. 2). N x 3 x H x W, [0, 1]."""
    return (result - target).abs().mean()


def pyramid_targets(
    target: Tensor, levels: int, taps: Taps = BURT_ADELSON, finest: int = 1
) -> list[Tensor]:
    """What (y1, u2, ..., un) of ``CoarseToFine`` should be: G_1 and up(G_2), ..., up(G_n).

    target: N x 3 x H x W in [0, 1], whose Gaussian pyramid is G. ``finest`` leaves out finer ones.
    """
    gaussian = pyramid.gaussian(target, levels, taps)
    enlarged = [
        pyramid.up(coarse, pyramid.size(fine), taps)
        for fine, coarse in pairwise(gaussian[max(0, finest - 2) :])
    ]
    return [target, *enlarged] if finest == 1 else enlarged


def pyramid_loss(coarser: Sequence[Tensor], targets: Sequence[Tensor], first: int = 2) -> Tensor:
    """Sum of 2^(l-2) sum |u_l - up(G_l)| over levels (eq. 3), per value of the full-size image.

    coarser and targets: those of levels first, first + 1, ..., n, with first >= 2. Each level's sum
    runs over its own pixels, of which u_l has 4^(2-l) times the image's; so its mean absolute error
    counts 2^(2-l), which keeps the paper's relative weights.
    """
    loss = coarser[0].new_zeros(())
    for level, (result, wanted) in enumerate(zip(coarser, targets, strict=True), start=first):
        loss = loss + 2.0 ** (2 - level) * (result - wanted).abs().mean()
    return loss


def image_loss(
    results: Sequence[Tensor], targets: Sequence[Tensor], pyramid_weight: float, finest: int = 1
) -> Tensor:
    """Reconstruction and pyramid loss of (y1, u2, ..., un), or of the coarse results alone."""
    if finest > 1:
        return pyramid_loss(results, targets, finest)
    loss = reconstruction_loss(results[0], targets[0])
    if len(results) > 1 and pyramid_weight:
        loss = loss + pyramid_weight * pyramid_loss(results[1:], targets[1:])
    return loss


def grid_term(
    weight: float, levels: Sequence[Tensor], result: Tensor, target: Tensor, taps: Taps
) -> Tensor:
    """The weighted loss after guided upsampling (``training.grid_loss``; not in the paper)."""
    if not weight:
        return result.new_zeros(())
    return weight * grid_loss(levels, result, target, taps)


def adversarial_term(weight: float, discriminator: nn.Module, fake: Tensor) -> Tensor:
    """The weighted adversarial loss of corrected images; the discriminator gets no gradient."""
    discriminator.requires_grad_(False)
    return weight * adversarial_loss(discriminator(fake))


def adversarial_loss(fake: Tensor) -> Tensor:
    """-log sigmoid of the discriminator's logits of corrected images, mean (eq. 4).

    The paper weighs it 3 h w n against sums over pixels of values in 0..255, which is 4 / 255
    against ``reconstruction_loss``. Its gradient reaches the network that made the images; in the
    authors' release it does not.
    """
    return softplus(-fake).mean()


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-log sigmoid(real) - log(1 - sigmoid(fake)), means over the logits (section 3.3)."""
    return softplus(-real).mean() + softplus(fake).mean()
