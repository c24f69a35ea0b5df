"""TensorFlow's conventions that torch has no layer for."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding.

    The output has ceil(size / stride) pixels. With stride 2 a 3 x 3 kernel pads even sizes by
    (0, 1) and odd sizes by (1, 1).
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, *, bias: bool = True
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """N x inputs x H x W -> N x outputs x ceil(H / stride) x ceil(W / stride)."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        if stride == 1 and kernel % 2:  # the same on both sides: no padded copy is needed
            return functional.conv2d(input, self.weight, self.bias, padding=kernel // 2)
        padding = []
        for size in (input.shape[-1], input.shape[-2]):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            padding += [total // 2, total - total // 2]
        return super().forward(functional.pad(input, padding))


def symmetric_pad(image: Tensor, padding: tuple[int, int, int, int]) -> Tensor:
    """Mirror N x C x H x W at its edges, which are repeated (torch's "reflect" leaves them out).

    padding: left, right, top, bottom
    """
    left, right, top, bottom = padding
    for axis, before, after in ((-1, left, right), (-2, top, bottom)):
        if before or after:
            size = image.shape[axis]
            places = torch.arange(-before, size + after, device=image.device) % (2 * size)
            image = image.index_select(axis, torch.minimum(places, 2 * size - 1 - places))
    return image


def gaussian_taps(size: int, reach: float) -> Tensor:
    """Masses of a Gaussian in ``size`` equal intervals of +-(reach + 0.5) standard deviations."""
    edges = torch.linspace(-reach - 0.5, reach + 0.5, size + 1, dtype=torch.float64)
    masses = torch.special.ndtr(edges).diff()
    return (masses / masses.sum()).float()


def blur(image: Tensor, taps: Tensor) -> Tensor:
    """Separable convolution of N x C x H x W with the taps, zeros around the image."""
    channels, taps = image.shape[1], taps.to(image)
    for kernel in (taps[:, None], taps[None]):
        padding = (kernel.shape[0] // 2, kernel.shape[1] // 2)
        weight = kernel.expand(channels, 1, -1, -1)
        image = functional.conv2d(image, weight, padding=padding, groups=channels)
    return image


def dense(sizes: list[int]) -> list[nn.Linear]:
    """Fully connected layers from each size to the next."""
    return [nn.Linear(inputs, outputs) for inputs, outputs in pairwise(sizes)]
