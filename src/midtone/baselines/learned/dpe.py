"""DPE: a U-Net with global features, trained from pairs or as a two-way GAN without them.

Chen, Wang, Kao, Chuang: Deep Photo Enhancer: Unpaired Learning for Image Enhancement from
Photographs with GANs, CVPR 2018. Networks take and give B, G, R.
"""

from __future__ import annotations

import re

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from midtone.baselines.learned.layers import symmetric_pad
from midtone.baselines.learned.tensors import device_of, to_image, to_tensor

SIDE = 512  # of the square that the global features are taken from
LONGEST = 2048  # pixels, to which the authors' script reduces a photograph
_TILE, _BORDER = 1024, 64
# The authors' two constants of the self-normalising unit; they are not the usual ones.
_ALPHA, _SCALE = 1.0198755295894968, 1.0026538655307724


def selu(x: Tensor) -> Tensor:
    """Scaled exponential linear unit with the authors' constants."""
    return _SCALE * functional.elu(x, _ALPHA)


class Conv(nn.Conv2d):
    """Convolution after symmetric padding by (k - 1) / 2, whose kernel can be stretched."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride)

    def forward(self, input: Tensor, rate: int = 1) -> Tensor:
        """N x inputs x H x W -> N x outputs x ceil(H / stride) x ceil(W / stride).

        rate: a kernel of side k is enlarged to rate (k - 1) + 1, with the same sum
        """
        kernel = stretched(self.weight, rate)
        half = (kernel.shape[-1] - 1) // 2
        return functional.conv2d(symmetric_pad(input, (half,) * 4), kernel, self.bias, self.stride)


def stretched(kernel: Tensor, rate: int) -> Tensor:
    """A kernel O x I x k x k enlarged by area weights to rate (k - 1) + 1, its sum kept."""
    side = kernel.shape[-1]
    larger = rate * (side - 1) + 1
    if larger == side:
        return kernel
    edges = torch.arange(larger + 1, dtype=torch.float64) * side / larger
    cells = torch.arange(side, dtype=torch.float64)
    low, high = edges[:-1, None].maximum(cells), edges[1:, None].minimum(cells + 1)
    weights = (high - low).clamp(min=0).to(kernel)
    return weights @ kernel @ weights.T


class Block(nn.Module):
    """A convolution, the unit and batch normalisation, in this order."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = Conv(inputs, outputs, kernel, stride)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, rate: int = 1) -> tuple[Tensor, Tensor]:
        """The convolution's output, which is the skip, and the block's."""
        x = self.conv(x, rate)
        return x, self.norm(selu(x))


class DPE(nn.Module):
    """The generator (section 4.2, figure 3)."""

    def __init__(self) -> None:
        super().__init__()
        sizes = ((3, 16, 3, 1), (16, 32, 5, 2), (32, 64, 5, 2), (64, 128, 5, 2), (128, 128, 5, 2))
        self.encoder = nn.ModuleList(Block(*size) for size in sizes)
        self.whole = nn.ModuleList(Block(128, 128, 5, 2) for _ in range(2))
        self.whole_conv = nn.Conv2d(128, 128, 8)
        self.whole_output = nn.Conv2d(128, 128, 1)
        self.conv = Conv(128, 128, 3)
        self.mix = Block(256, 128, 1)
        widths = (128, 256, 192, 96, 48)
        outputs = (128, 128, 64, 32)
        self.up = nn.ModuleList(Conv(a, b, 3) for a, b in zip(widths, outputs, strict=False))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:])
        self.last = Block(48, 16, 3)
        self.output = Conv(16, 3, 3)

    def whole_features(self, square: Tensor) -> Tensor:
        """Global features of N x 3 x 512 x 512 BGR in [0, 1]: N x 128."""
        x = self._encode(square, 1)[-1]
        for block in self.whole:
            _, x = block(x)
        return self.whole_output(selu(self.whole_conv(x)))[..., 0, 0]

    def forward(self, image: Tensor, whole: Tensor, rate: int = 1) -> Tensor:
        """N x 3 x H x W BGR in [0, 1], global features N x 128 -> the enhanced image, not clipped.

        H and W are multiples of 16. rate: how many times larger the image is than that which the
        global features are of; the kernels are stretched so
        """
        *skips, x = self._encode(image, rate)
        x = self.conv(x, rate)
        x = torch.cat([x, whole[..., None, None].expand(-1, -1, *x.shape[-2:])], 1)
        _, x = self.mix(x, rate)
        for conv, norm in zip(self.up, self.norms, strict=True):
            x = functional.interpolate(conv(x, rate), scale_factor=2, mode="nearest")
            x = norm(selu(torch.cat([x, skips.pop()], 1)))
        _, x = self.last(x, rate)
        return self.output(x, rate) + image

    def _encode(self, x: Tensor, rate: int) -> list[Tensor]:
        """Outputs of the first four convolutions, and of the fifth block."""
        skips = []
        for block in self.encoder:
            skip, x = block(x, rate)
            skips.append(skip)
        return [*skips[:-1], x]


def published_names() -> dict[str, str]:
    """Our names of parameters -> the authors', whose numbers count every layer of a block."""
    blocks = {f"encoder.{k}": ("1", 3 * k) for k in range(5)}
    blocks |= {f"whole.{k}": ("2", 3 * k) for k in range(2)}
    blocks |= {"mix": ("3", 2), "last": ("3", 25)}
    convs = {f"{ours}.conv": place for ours, place in blocks.items()}
    convs |= {
        "whole_conv": ("2", 6),
        "whole_output": ("2", 8),
        "conv": ("3", 0),
        "output": ("3", 28),
    }
    convs |= {f"up.{k}": ("3", 5 * k + 5) for k in range(4)}
    norms = {f"{ours}.norm": (part, layer + 2) for ours, (part, layer) in blocks.items()}
    norms |= {f"norms.{k}": ("3", 5 * k + 9) for k in range(4)}
    names = {}
    for ours, (part, layer) in convs.items():
        names[f"{ours}.weight"] = f"netG_{part}/conv_{layer}_w"
        names[f"{ours}.bias"] = f"netG_{part}/conv_{layer}_b"
    statistics = {
        "weight": "scale",
        "bias": "offset",
        "running_mean": "mv_mean",
        "running_var": "mv_var",
    }
    for ours, (part, layer) in norms.items():
        for kind, theirs in statistics.items():
            names[f"{ours}.{kind}"] = f"netG_{part}/bn_{layer}_0_{theirs}"
    return names


def normalise_name(name: str) -> str:
    """Drop what differs between the authors' checkpoints: scopes and the network's number."""
    found = re.fullmatch(r"(?:.*/)?netG(?:-\d+)?_([123])/([^/]+)", name)
    return f"netG_{found[1]}/{found[2]}" if found else name


def enhance(network: DPE, image: np.ndarray) -> np.ndarray:
    """H x W x 3 uint8 -> the same.

    As the authors: global features of the photograph reduced to 512 px, then tiles of 1024 px with
    kernels stretched by the ratio of the sizes. They reduce photographs to 2048 px; here the change
    that is made there is enlarged to the photograph's size.
    """
    with torch.inference_mode():
        source = to_tensor(image, device_of(network))
        bgr = source.flip(1)
        height, width = image.shape[:2]
        longest = max(height, width)
        small = bgr if longest <= LONGEST else _resize(bgr, LONGEST)
        result = by_tiles(network, small, global_features(network, bgr))
        if longest > LONGEST:
            change = functional.interpolate(result - small, (height, width), mode="bilinear")
            result = bgr + change
        return to_image(result.flip(1))


def global_features(network: DPE, bgr: Tensor) -> Tensor:
    """Global features of 1 x 3 x H x W, resized to 512 px and mirrored at the bottom or right."""
    if max(bgr.shape[-2:]) != SIDE:
        bgr = _resize(bgr, SIDE)
    height, width = bgr.shape[-2:]
    bgr = symmetric_pad(bgr, (0, SIDE - width, 0, SIDE - height))
    return network.whole_features(bgr)


def by_tiles(network: DPE, bgr: Tensor, whole: Tensor) -> Tensor:
    """The local path in tiles of 1024 px, mirrored around the image: 1 x 3 x H x W -> the same."""
    height, width = bgr.shape[-2:]
    rate = max(1, round(max(height, width) / SIDE))
    border = _BORDER * rate
    step = _TILE - 2 * border
    result = torch.empty_like(bgr)
    rows, columns = (_mirrored(side, border, step).to(bgr.device) for side in (height, width))
    for top in range(0, height, step):
        for left in range(0, width, step):
            tile = bgr[..., rows[top : top + _TILE], :][..., columns[left : left + _TILE]]
            made = network(tile, whole, rate)[..., border:-border, border:-border]
            target = result[..., top : top + step, left : left + step]
            target.copy_(made[..., : target.shape[-2], : target.shape[-1]])
    return result


def _mirrored(size: int, border: int, step: int) -> Tensor:
    """Which pixel stands at each place of a mirrored border, the image, and whole tiles behind."""
    places = torch.arange(-border, -(-size // step) * step + border)
    period = max(1, 2 * (size - 1))
    return (size - 1) - ((places % period) - (size - 1)).abs()


def _resize(image: Tensor, longest: int) -> Tensor:
    """1 x 3 x H x W with its longer side of ``longest`` px, by areas."""
    height, width = image.shape[-2:]
    scale = longest / max(height, width)
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return functional.interpolate(image, size, mode="area")
