"""The loss after guided upsampling: the part of the network's errors that is left at full size.

A corrected photograph is the network's prediction after a smooth bilateral grid, and the grid
passes only errors on that many pixels share. ``apply_single_cell_grid`` is that grid with one cell
over the picture, which comes close to the corrector's grid and is linear in the prediction, so
gradients pass. Not in the paper.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from midtone import bilateral_grid, pyramid
from midtone.pyramid import Taps

DEPTH = bilateral_grid.PAPER.depth
_ROUGHNESS = 1e-2  # weight of differences along the guide, per pixel
_RIDGE = 1e-8  # grey pictures make R, G, B dependent
_NEGLIGIBLE = 0.01


def grid_loss(
    levels: Sequence[Tensor], result: Tensor, target: Tensor, taps: Taps, stride: int = 2
) -> Tensor:
    """log(1 + rms error / 0.01), mean over the pictures: what PSNR measures, up to a factor.

    levels: Laplacian levels of the network's input, the finest of the size of ``result`` or half as
            large (coarse levels alone)
    result, target: N x 3 x H x W in [0, 1]; only every ``stride``-th row and column counts
    """
    pictures = (input_at_output_scale(levels, result, taps), result, target)
    before, result, target = (x[..., ::stride, ::stride] for x in pictures)
    upsampled = apply_single_cell_grid(before, result)
    # (The small number keeps the gradient of a perfect picture finite.)
    error = ((upsampled - target).square().mean((1, 2, 3)) + 1e-10).sqrt()
    return torch.log1p(error / _NEGLIGIBLE).mean()


def input_at_output_scale(levels: Sequence[Tensor], result: Tensor, taps: Taps) -> Tensor:
    """The network's input at the size of its result (``preprocess.at_prediction_size``)."""
    before = pyramid.merge(levels, taps)
    if pyramid.size(before) != pyramid.size(result):
        before = pyramid.up(before, pyramid.size(result), taps)
    return before


def apply_single_cell_grid(before: Tensor, after: Tensor) -> Tensor:
    """Fit a grid of 1 x 1 x 8 affine transforms that maps ``before`` to ``after``, and apply it.

    N x 3 x H x W each, nominally in [0, 1]. Differentiable by ``after``.
    """
    design = _design(before.double())
    wanted = after.double().flatten(2).transpose(1, 2)
    normal = design.transpose(1, 2) @ design
    normal = normal + design.shape[1] * _penalty().to(normal)
    unknown = torch.linalg.solve(normal, design.transpose(1, 2) @ wanted)
    return (design @ unknown).transpose(1, 2).reshape(after.shape).to(after)


def _design(before: Tensor) -> Tensor:
    """N x P x 32, (R, G, B, 1) at each node: linear along the guide between its 8 nodes."""
    colours = before.flatten(2).transpose(1, 2)
    guide = (colours @ torch.from_numpy(bilateral_grid.GUIDE[3]).to(colours)).clamp(0, 1) * (
        DEPTH - 1
    )
    nodes = torch.arange(DEPTH, device=before.device)
    share = torch.relu(1 - (guide[..., None] - nodes).abs())
    terms = torch.cat((colours, torch.ones_like(colours[..., :1])), -1)
    return (share[..., None] * terms[..., None, :]).flatten(2)


def _penalty() -> Tensor:
    """Roughness along the guide, as in ``bilateral_grid.fit``: 32 x 32, per pixel."""
    *_, along_guide = bilateral_grid.differences((2, 2, DEPTH), (0.0, 0.0, _ROUGHNESS))
    return torch.from_numpy(np.kron(along_guide, np.eye(4)) + _RIDGE * np.eye(4 * DEPTH))
