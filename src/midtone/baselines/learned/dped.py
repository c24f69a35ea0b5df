"""DPED: photographs of phones translated into those of a camera by a residual network.

Ignatov, Kobyshev, Timofte, Vanhoey, Van Gool: DSLR-Quality Photos on Mobile Devices with Deep
Convolutional Networks, ICCV 2017. Losses have the weights of the authors' code, which differ from
the paper's.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from midtone.baselines.learned.descent import descend
from midtone.baselines.learned.layers import blur, gaussian_taps
from midtone.baselines.learned.tensors import apply_tiled, device_of, tiles, to_image, to_tensor
from midtone.baselines.learned.vgg import VGG

_RADIUS = 18  # pixels: 9 x 9, ten 3 x 3, 9 x 9
_WHOLE = 1 << 20  # pixels that are processed in one piece
_GREY = (0.2989, 0.5870, 0.1140)
PATCH = 100  # side of the training crops
Statistics = tuple[Tensor, Tensor]
"""Mean and variance of each channel, 1 x C x 1 x 1."""


class InstanceNorm(nn.Module):
    """Instance normalisation with the authors' epsilon, of statistics that may be given."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, statistics: Statistics | None = None) -> Tensor:
        """N x C x H x W -> the same."""
        mean, variance = statistics or moments(x)
        scale = self.weight[:, None, None] * (variance + 1e-3).rsqrt()
        return torch.addcmul(self.bias[:, None, None] - mean * scale, x, scale)


def moments(x: Tensor) -> Statistics:
    """Mean and variance of every channel (``torch.var_mean`` is slow in channels-last memory)."""
    mean = x.mean((2, 3), keepdim=True)
    return mean, (x - mean).square().mean((2, 3), keepdim=True)


class DPED(nn.Module):
    """The generator (section 3.2): four residual blocks between 9 x 9 convolutions."""

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        sizes = [3, *[channels] * 11, 3]
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, outputs, kernel := 9 if k in (0, 11) else 3, padding=kernel // 2)
            for k, (inputs, outputs) in enumerate(pairwise(sizes))
        )
        self.norms = nn.ModuleList(InstanceNorm(channels) for _ in range(8))

    def forward(self, image: Tensor, statistics: Sequence[Statistics] | None = None) -> Tensor:
        """N x 3 x H x W in [0, 1] -> the enhanced image in -0.08..1.08.

        statistics: of the whole image's eight normalised maps, if ``image`` is a tile of it. With
        n < 8 of them, the n-th map is returned as it is before normalisation.
        """
        x = functional.relu_(self.convs[0](image))
        for block in range(4):
            y = x
            for k in (2 * block, 2 * block + 1):
                y = self.convs[k + 1](y)
                if statistics is not None and k == len(statistics):
                    return y
                y = self.norms[k](y, None if statistics is None else statistics[k])
                y = functional.relu_(y)
            x = x + y
        for conv in self.convs[9:11]:
            x = functional.relu_(conv(x))
        return 0.58 * torch.tanh(self.convs[11](x)) + 0.5


def published_names() -> dict[str, str]:
    """Our names of parameters -> the authors'."""
    names = {}
    for k in range(12):
        names[f"convs.{k}.weight"] = f"generator/W{k + 1}"
        names[f"convs.{k}.bias"] = f"generator/b{k + 1}"
    for k in range(8):
        names[f"norms.{k}.bias"] = "generator/Variable" + (f"_{2 * k}" if k else "")
        names[f"norms.{k}.weight"] = f"generator/Variable_{2 * k + 1}"
    return names


def enhance(
    network: DPED, image: np.ndarray, out_of_range: Literal["clip", "stretch"] = "clip"
) -> np.ndarray:
    """H x W x 3 uint8 -> the same.

    Whole images, as the authors. From one megapixel on the maps' means and variances are gathered
    tile by tile, one pass for each of the eight normalisations: same values, bounded memory, 4.6
    times the work.
    out_of_range: "clip" to [0, 1]; "stretch" is what the authors' script did when a value lay
        outside (scipy.misc.imsave of 2017): the image's least and greatest value become 0 and 255
    """
    with torch.inference_mode():
        source = to_tensor(image, device_of(network))
        result = network(source) if source[0, 0].numel() <= _WHOLE else by_tiles(network, source)
        if out_of_range == "stretch":
            low, high = result.aminmax()
            if low < 0 or high > 1:
                result = (result - low) / (high - low)
        return to_image(result)


def by_tiles(network: DPED, image: Tensor, side: int = 512) -> Tensor:
    """Apply the network tile by tile, with the same values: 1 x 3 x H x W -> the same."""
    height, width = image.shape[-2:]
    statistics: list[Statistics] = []
    for radius in range(5, 5 + len(network.norms)):  # pixels: 9 x 9, then 3 x 3 each
        total, squares = torch.zeros(2, 1, device=image.device, dtype=torch.float64)
        for tile in tiles(height, width, radius, side):
            part = tile.core(network(tile.cut(image), statistics)).double()
            total = total + part.sum((2, 3), keepdim=True)
            squares = squares + part.square().sum((2, 3), keepdim=True)
        mean = total / (height * width)
        variance = (squares / (height * width) - mean.square()).clamp(min=0)
        statistics.append((mean.float(), variance.float()))
    return apply_tiled(lambda tile: network(tile, statistics), image, _RADIUS, side)


class Discriminator(nn.Module):
    """Section 3.1.2: classifies grey patches as enhanced or as a camera's."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (
            (1, 48, 11, 4),
            (48, 128, 5, 2),
            (128, 192, 3, 1),
            (192, 192, 3, 1),
            (192, 128, 3, 2),
        )
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2)
            for inputs, outputs, kernel, stride in sizes
        )
        self.norms = nn.ModuleList(InstanceNorm(size[1]) for size in sizes[1:])
        self.fc = nn.Linear(128 * 7 * 7, 1024)
        self.output = nn.Linear(1024, 2)

    def forward(self, image: Tensor) -> Tensor:
        """N x 3 x 100 x 100 in [0, 1] -> logits N x 2: made by the generator, or by the camera."""
        x = (image * image.new_tensor(_GREY)[:, None, None]).sum(1, True)
        for number, conv in enumerate(self.convs):
            x = functional.leaky_relu(conv(x), 0.2)
            if number:
                x = self.norms[number - 1](x)
        return self.output(functional.leaky_relu(self.fc(x.flatten(1)), 0.2))


def losses(
    enhanced: Tensor, target: Tensor, discriminator: Discriminator, vgg: VGG
) -> dict[str, Tensor]:
    """The generator's four terms (section 3.1) with their weights, for N x 3 x 100 x 100."""
    count = len(enhanced)
    taps = gaussian_taps(21, 3).sqrt()  # the root widens the Gaussian of 3 px to 4.24 px
    taps = taps / taps.sum()
    made = torch.zeros(count, dtype=torch.long, device=enhanced.device)
    return {
        "content": 10 * functional.mse_loss(vgg(enhanced), vgg(target)),
        "colour": 0.5 * (blur(enhanced, taps) - blur(target, taps)).square().sum() / (2 * count),
        "texture": -functional.cross_entropy(discriminator(enhanced), made, reduction="sum"),
        "tv": 2000 * total_variation(enhanced),
    }


def total_variation(image: Tensor) -> Tensor:
    """Mean squared differences of neighbours (section 3.1.4)."""
    return image.diff(dim=-1).square().mean() + image.diff(dim=-2).square().mean()


class Training:
    """One step for the generator and one for the discriminator: Adam 5e-4, 100 x 100 patches."""

    def __init__(self, network: DPED, vgg: VGG, learning_rate: float = 5e-4) -> None:
        self.network, self.vgg = network, vgg
        device = device_of(network)
        self.discriminator = Discriminator().to(device)
        self.optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
        self._second = torch.optim.Adam(self.discriminator.parameters(), lr=learning_rate)

    def step(self, image: Tensor, target: Tensor) -> dict[str, float]:
        """Learn from N x 3 x 100 x 100 and the same by the camera."""
        enhanced = self.network(image)
        terms = losses(enhanced, target, self.discriminator, self.vgg)
        values = descend(self.optimizer, terms)
        both = torch.cat([enhanced.detach(), target])
        kind = torch.arange(len(both), device=both.device) // len(target)
        error = functional.cross_entropy(self.discriminator(both), kind)
        return values | descend(self._second, {"discriminator": error})
