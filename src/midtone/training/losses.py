"""The paper's loss terms (Afifi et al. 2021, section 3.3), as means over the image's values."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from midtone import pyramid
from midtone.pyramid import BURT_ADELSON, Taps


def reconstruction_loss(result: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error of the final image (eq. 2). N x 3 x H x W, [0, 1]."""
    return (result - target).abs().mean()


def pyramid_targets(target: Tensor, levels: int, taps: Taps = BURT_ADELSON) -> list[Tensor]:
    """What (y1, u2, ..., un) of ``CoarseToFine`` should be: G_1 and up(G_2), ..., up(G_n).

    target: N x 3 x H x W in [0, 1], whose Gaussian pyramid is G.
    """
    gaussian = pyramid.gaussian(target, levels, taps)
    return [target] + [
        pyramid.up(coarse, pyramid.size(fine), taps) for fine, coarse in pairwise(gaussian)
    ]


def pyramid_loss(coarser: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Sum of 2^(l-2) sum |u_l - up(G_l)| over the given levels (eq. 3), per value of the image.

    coarser: (u_k, ..., u_n), k >= 2; targets: all of ``pyramid_targets``. Each level's sum runs
    over its own pixels, and all are divided by the number of values of the image, which keeps the
    paper's relative weights.
    """
    loss = targets[0].new_zeros(())
    for level in range(len(targets) - len(coarser) + 1, len(targets) + 1):
        result, wanted = coarser[level - len(targets) - 1], targets[level - 1]
        loss = loss + 2 ** (level - 2) * (result - wanted).abs().sum()
    return loss / targets[0].numel()
