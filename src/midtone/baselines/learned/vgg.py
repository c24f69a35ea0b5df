"""VGG features, from a file of the user's: for DPED's content loss and to begin HDR CNN's training.

Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015.
No such weights come with midtone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from midtone.baselines.learned.published import read_file
from midtone.errors import ModelError

VGG16, VGG19 = (2, 2, 3, 3, 3), (2, 2, 4, 4, 4)
"""Convolutions in each of the five blocks."""
_WIDTHS = (64, 128, 256, 512, 512)
_MEAN = (123.68, 116.779, 103.939)


class VGG(nn.Module):
    """The 3 x 3 convolutions of VGG, with ReLU, and 2 x 2 max pooling between the blocks."""

    def __init__(self, blocks: tuple[int, ...] = VGG19) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        inputs = 3
        for count, width in zip(blocks, _WIDTHS, strict=True):
            sizes = [inputs, *[width] * count]
            self.blocks.append(
                nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(sizes))
            )
            inputs = width

    def layers(self) -> list[list[nn.Conv2d]]:
        """The convolutions of each block."""
        return [list(cast(Iterable[nn.Conv2d], block)) for block in self.blocks]

    def forward(self, image: Tensor) -> Tensor:
        """N x 3 x H x W RGB in [0, 1] -> the last block's N x 512 x H / 16 x W / 16 (relu5_4)."""
        x = 255 * image - image.new_tensor(_MEAN)[:, None, None]
        for number, block in enumerate(self.layers()):
            if number:
                x = functional.max_pool2d(x, 2)
            for conv in block:
                x = functional.relu(conv(x))
        return x


def load_vgg(path: Path, blocks: tuple[int, ...] = VGG19) -> VGG:
    """Read the convolutions of a .pth or .safetensors file, in the order of their names' numbers.

    The names are those of torchvision, ``features.0.weight`` and so on; the values must be the
    original ones, for RGB codes 0..255 less their mean. Raises ModelError for any other file.
    """
    values = read_file(path)
    network = VGG(blocks)
    kernels = [name for name in values if re.fullmatch(r"features\.\d+\.weight", name)]
    kernels.sort(key=lambda name: int(name.split(".")[1]))
    convs = [conv for block in network.layers() for conv in block]
    if len(kernels) != len(convs):
        raise ModelError(f"{path}: has {len(kernels)} convolutions instead of VGG's {len(convs)}")
    for conv, name in zip(convs, kernels, strict=True):
        bias = values.get(name.replace(".weight", ".bias"), np.empty(0))
        assert conv.bias is not None
        if values[name].shape != tuple(conv.weight.shape) or bias.shape != tuple(conv.bias.shape):
            raise ModelError(f"{path}: {name} or its bias has another shape than VGG's")
        with torch.no_grad():
            conv.weight.copy_(torch.from_numpy(values[name]))
            conv.bias.copy_(torch.from_numpy(bias))
    return network.requires_grad_(False).eval()
