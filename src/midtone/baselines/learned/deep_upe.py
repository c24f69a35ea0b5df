"""Deep UPE: an illumination map predicted in a bilateral grid; the image is divided by it.

Wang, Zhang, Fu, Shen, Zheng, Jia: Underexposed Photo Enhancement Using Deep Illumination
Estimation, CVPR 2019. The network is that of Gharbi et al., Deep Bilateral Learning for Real-Time
Image Enhancement (HDRNet), SIGGRAPH 2017, with the settings in the authors' checkpoint.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from midtone.baselines.learned.descent import descend
from midtone.baselines.learned.layers import SameConv2d, dense
from midtone.baselines.learned.tensors import device_of, to_image, to_tensor

LOW = 256  # side of the square that the coefficients are predicted from
_GRID, _DEPTH = 16, 8
_KNOTS = 16
_STRIP = 256  # rows
_GREY = (0.2989, 0.5870, 0.1140)


class Guide(nn.Module):
    """The grid's third axis: a curve of sixteen pieces for each of three mixed channels."""

    def __init__(self) -> None:
        super().__init__()
        self.ccm = nn.Linear(3, 3)
        self.shifts = nn.Parameter(torch.empty(_KNOTS, 3, 1, 1))
        self.slopes = nn.Parameter(torch.empty(_KNOTS, 3, 1, 1))
        self.mixing = nn.Conv2d(3, 1, 1)
        with torch.no_grad():
            self.ccm.weight.copy_(torch.eye(3) + 1e-4 * torch.randn(3, 3))
            self.ccm.bias.zero_()
            self.shifts.copy_((torch.arange(_KNOTS) / _KNOTS)[:, None, None, None])
            self.slopes.zero_()
            self.slopes[0] = 1
            self.mixing.weight.fill_(1 / 3)
            assert self.mixing.bias is not None
            self.mixing.bias.zero_()

    def forward(self, image: Tensor) -> Tensor:
        """N x 3 x H x W in [0, 1] -> N x 1 x H x W in [0, 1]."""
        mixed = self.ccm(image.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        curves = torch.zeros_like(mixed)
        for shift, slope in zip(self.shifts, self.slopes, strict=True):
            curves = curves + slope * functional.relu(mixed - shift)
        return self.mixing(curves).clamp(0, 1)


class DeepUPE(nn.Module):
    """Encoder, local and global features, and the grid of 3 x 4 affine coefficients."""

    def __init__(self) -> None:
        super().__init__()
        widths = [3, 8, 16, 32, 64]
        self.splat = nn.ModuleList(SameConv2d(a, b, 3, 2) for a, b in pairwise(widths))
        strides = [2 if k in (0, 6) else 1 for k in range(12)]
        self.global_ = nn.ModuleList(SameConv2d(64, 64, 3, stride) for stride in strides)
        self.fc = nn.ModuleList(dense([64 * 4 * 4, 256, 128, 64]))
        self.local = nn.ModuleList(SameConv2d(64, 64, 3, bias=k == 0) for k in range(6))
        self.prediction = nn.Conv2d(64, 4 * 3 * _DEPTH, 1)
        self.guide = Guide()

    def grid(self, low: Tensor) -> Tensor:
        """N x 3 x 256 x 256 in [0, 1] -> N x 12 x 8 x 16 x 16: coefficients, z, y, x.

        The coefficients are ordered by output, then by input, with the offset last.
        """
        x = low
        for layer in self.splat:
            x = functional.relu(layer(x))
        whole = x
        for layer in self.global_:
            whole = functional.relu(layer(whole))
        whole = whole.permute(0, 2, 3, 1).flatten(1)
        for layer in self.fc[:2]:
            whole = functional.relu(layer(whole))
        whole = self.fc[2](whole)
        x = functional.relu(self.local[0](x))
        for layer in self.local[1:]:
            x = layer(x)
        coefficients = self.prediction(functional.relu(x + whole[..., None, None]))
        count = len(low)
        by_input = coefficients.view(count, 4, 3, _DEPTH, _GRID, _GRID)
        return by_input.transpose(1, 2).reshape(count, 12, _DEPTH, _GRID, _GRID)

    def illumination(self, grid: Tensor, image: Tensor, rows: tuple[int, int, int]) -> Tensor:
        """Slice the grid at N x 3 x h x W, which are rows (first, last + 1, of all) of an image.

        Returns S, N x 3 x h x W, not clipped.
        """
        first, last, height = rows
        count, _, _, width = image.shape
        y = (torch.arange(first, last, device=image.device) + 0.5) / height
        x = (torch.arange(width, device=image.device) + 0.5) / width
        z = self.guide(image)[:, 0]
        place = torch.stack(
            [x.expand_as(z), y[:, None].expand_as(z), z],
            -1,
        )
        sliced = functional.grid_sample(
            grid, 2 * place[:, None] - 1, padding_mode="border", align_corners=False
        )
        affine = sliced.view(count, 3, 4, last - first, width)
        return (affine[:, :, :3] * image[:, None]).sum(2) + affine[:, :, 3]

    def forward(self, image: Tensor) -> Tensor:
        """N x 3 x H x W in [0, 1] -> S, N x 3 x H x W, not clipped."""
        height = image.shape[-2]
        return self.illumination(self.grid(low_resolution(image)), image, (0, height, height))


def low_resolution(image: Tensor) -> Tensor:
    """Nearest neighbours, N x 3 x H x W -> N x 3 x 256 x 256."""
    rows, columns = (
        (((torch.arange(LOW, dtype=torch.float64) + 0.5) * size / LOW - 0.5).round().long())
        for size in image.shape[-2:]
    )
    return image[..., rows.to(image.device), :][..., columns.to(image.device)]


def published_names() -> dict[str, str]:
    """Our names of parameters -> the authors'."""
    parts = {f"splat.{k}": f"splat/conv{k + 1}" for k in range(4)}
    parts |= {f"global_.{k}": f"global/conv{k + 1}" for k in range(12)}
    parts |= {f"fc.{k}": f"global/fc{k + 1}" for k in range(3)}
    parts |= {f"local.{k}": f"local/conv{k + 1}" for k in range(6)}
    parts["prediction"] = "prediction/conv1"
    names = {
        f"{ours}.{kind}": f"inference/coefficients/{theirs}/{name}"
        for ours, theirs in parts.items()
        for kind, name in (("weight", "weights"), ("bias", "biases"))
        if kind == "weight" or not ours.startswith("local.") or ours == "local.0"
    }
    return names | {
        "guide.ccm.weight": "inference/guide/ccm",
        "guide.ccm.bias": "inference/guide/ccm_bias",
        "guide.shifts": "inference/guide/shifts",
        "guide.slopes": "inference/guide/slopes",
        "guide.mixing.weight": "inference/guide/channel_mixing/weights",
        "guide.mixing.bias": "inference/guide/channel_mixing/biases",
    }


def retouch(image: Tensor, illumination: Tensor) -> Tensor:
    """I / S by the authors' script: S cut to 8 bits, then kept within [I, 1]. Black stays black."""
    levels = (255 * illumination.clamp(0, 1)).floor() / 255
    bounded = torch.maximum(levels, image).clamp(max=1)
    return torch.where(bounded > 0, image / bounded.clamp(min=1e-6), 0)


def enhance(network: DeepUPE, image: np.ndarray) -> np.ndarray:
    """H x W x 3 uint8 -> the same. The grid is predicted at 256 x 256 and sliced at full size.

    As the authors do; the slicing goes by strips of rows. Never darkens.
    """
    height = image.shape[0]
    device = device_of(network)
    result = np.empty_like(image)
    with torch.inference_mode():
        grid = network.grid(low_resolution(to_tensor(image, device)))
        for first in range(0, height, _STRIP):
            last = min(height, first + _STRIP)
            strip = to_tensor(image[first:last], device)
            illumination = network.illumination(grid, strip, (first, last, height))
            result[first:last] = to_image(retouch(strip, illumination))
    return result


def losses(image: Tensor, target: Tensor, illumination: Tensor) -> dict[str, Tensor]:
    """The terms of section 3.3, not weighted, for N x 3 x H x W; weights are 1, 2 and 1.

    illumination: S, which is here kept within [I, 1]
    """
    bounded = torch.maximum(illumination.clamp(max=1), image)
    result = image / (bounded + 1e-3)
    return {
        "l2": functional.mse_loss(result, target),
        "tv": smoothness(image, bounded),
        "cos": (1 - functional.cosine_similarity(target, result, 1)).mean(),
    }


WEIGHTS = {"l2": 1.0, "tv": 2.0, "cos": 1.0}


def smoothness(image: Tensor, illumination: Tensor) -> Tensor:
    """Equation 5: squared gradients of S, weighted by the inverse gradients of log I."""
    grey = (image * image.new_tensor(_GREY)[:, None, None]).sum(1, True)
    logs = torch.log(grey + 1e-4)
    total = illumination.new_zeros(())
    for axis in (-1, -2):
        change = _difference(illumination, axis)
        edges = _difference(logs, axis).abs()
        total = total + (1.5 / (edges**1.2 + 1e-4) * change.square()).mean() / 2
    return total


def _difference(image: Tensor, axis: int) -> Tensor:
    """Differences of neighbours along an axis, without the last row and column."""
    return image.diff(dim=axis)[..., : image.shape[-2] - 1, : image.shape[-1] - 1]


class Training:
    """One step of the authors' training: Adam 1e-4 on 256 x 256 crops."""

    def __init__(self, network: DeepUPE, learning_rate: float = 1e-4) -> None:
        # S below I is replaced by I and has no gradient: begin above most of an image.
        with torch.no_grad():
            assert network.prediction.bias is not None
            network.prediction.bias[-3 * _DEPTH :] = 0.8
        self.network = network
        self.optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)

    def step(self, image: Tensor, target: Tensor) -> dict[str, float]:
        """Learn from dark N x 3 x H x W and well exposed ones."""
        terms = losses(image, target, self.network(image))
        terms = {name: WEIGHTS[name] * value for name, value in terms.items()}
        return descend(self.optimizer, terms)
