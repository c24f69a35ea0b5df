"""RHT: the half of the reciprocating HDR transformation that turns an HDR image into an LDR one.

Yang, Xu, Song, Zhang, Wei, Lau: Image Correction via Deep Reciprocating HDR Transformation, CVPR
2018. The paper's row of that name applies it to the output of HDR CNN.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from midtone.baselines.learned.hdrcnn import HDRCNN, linear_image, reinhard
from midtone.baselines.learned.layers import SameConv2d
from midtone.baselines.learned.tensors import device_of, to_image, to_tensor

SIDE = 512
_LAYERS = (
    (3, 64, 1, 1),
    (64, 64, 7, 2),
    (64, 128, 5, 2),
    (128, 256, 3, 2),
    (256, 256, 3, 2),
    (256, 512, 3, 2),
)
"""Inputs, outputs, kernel, stride."""


class SameConvTranspose2d(nn.ConvTranspose2d):
    """Transposed convolution that undoes ``SameConv2d``'s size: H -> stride H (even sizes)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__(inputs, outputs, kernel, stride)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """N x inputs x H x W -> N x outputs x stride H x stride W."""
        del output_size
        stride = self.stride[0]
        before = (self.kernel_size[0] - stride) // 2
        height, width = (stride * size for size in input.shape[-2:])
        return super().forward(input)[..., before : before + height, before : before + width]


class RHT(nn.Module):
    """Six convolutions down, six up, skips a + b + ab; normalised by the batch, also at test."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(SameConv2d(*layer) for layer in _LAYERS)
        self.up = nn.ModuleList(
            SameConvTranspose2d(outputs, inputs, kernel, stride)
            for inputs, outputs, kernel, stride in reversed(_LAYERS[1:])
        )
        self.up.append(SameConv2d(64, 3, 1))
        widths = [*(layer[1] for layer in _LAYERS), *(layer[0] for layer in reversed(_LAYERS))]
        self.shifts = nn.ParameterList(nn.Parameter(torch.zeros(width)) for width in widths)

    def forward(self, linear: Tensor) -> Tensor:
        """N x 3 x 512 x 512, linear, HDR -> display codes in [0, 1].

        Means and variances are those of the batch; the authors' had 32 photographs.
        """
        x = torch.log(linear + 1 / 255)
        shifts = iter(self.shifts)
        skips = []
        for layer in self.down:
            x = functional.elu(_normalise(layer(x), next(shifts)))
            skips.append(x)
        skips.pop()
        for layer in self.up[:-1]:
            x = functional.elu(_normalise(layer(x), next(shifts)))
            skip = skips.pop()
            x = x + skip + x * skip
        x = _normalise(self.up[-1](x), next(shifts))
        return functional.elu(x + linear.clamp(min=0) ** (1 / 2.2) / 30).clamp(0, 1)


def _normalise(x: Tensor, shift: Tensor) -> Tensor:
    """Batch normalisation without a scale, by the batch's own statistics."""
    return functional.batch_norm(x, None, None, None, shift, training=True, eps=1e-3)


class HDRCNNWithRHT(nn.Module):
    """Both networks of the paper's row."""

    def __init__(self) -> None:
        super().__init__()
        self.hdrcnn = HDRCNN()
        self.rht = RHT()


class HDRCNNAlone(nn.Module):
    """HDR CNN, for another tone mapper; its weights are a part of the other row's."""

    def __init__(self) -> None:
        super().__init__()
        self.hdrcnn = HDRCNN()


def published_names() -> dict[str, str]:
    """Our names of parameters -> the authors'."""
    names = {}
    for k in range(6):
        names[f"down.{k}.weight"] = f"encoder_weights/w{k + 1}_xavier"
        names[f"down.{k}.bias"] = f"encoder_biases/en_B{k + 1}"
        names[f"up.{k}.weight"] = f"decoder_weights/w{k + 1}_xavier"
        names[f"up.{k}.bias"] = f"decoder_biases/de_B{k + 1}"
    for k in range(12):
        names[f"shifts.{k}"] = "BatchNorm" + (f"_{k}" if k else "") + "/beta"
    return names


def enhance_rht(network: HDRCNNWithRHT, image: np.ndarray) -> np.ndarray:
    """H x W x 3 uint8 -> the same. HDR CNN in tiles, RHT at 512 x 512 as its authors.

    The result is enlarged to the photograph's size, so it has the detail of 512 px. The network is
    normalised by this photograph's statistics; the authors' by those of 32.
    """
    with torch.inference_mode():
        linear = linear_image(network.hdrcnn, to_tensor(image, device_of(network)))
        small = functional.interpolate(linear, (SIDE, SIDE), mode="area")
        result = network.rht(small)
        return to_image(
            functional.interpolate(result, image.shape[:2], mode="bilinear", antialias=True)
        )


def enhance_reinhard(network: HDRCNNAlone, image: np.ndarray) -> np.ndarray:
    """H x W x 3 uint8 -> the same. HDR CNN in tiles, then Reinhard's global operator."""
    with torch.inference_mode():
        linear = linear_image(network.hdrcnn, to_tensor(image, device_of(network)))
        return to_image(reinhard(linear))
