"""Zero-DCE: curves of brightness estimated for every pixel, trained without references.

Guo, Li, Guo, Loy, Hou, Kwong, Cong: Zero-Reference Deep Curve Estimation for Low-Light Image
Enhancement, CVPR 2020. Losses have the weights of the authors' code, which differ from the paper's.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from midtone.baselines.learned.descent import descend
from midtone.baselines.learned.tensors import apply_tiled, device_of, to_image, to_tensor

_RADIUS = 7  # pixels: seven 3 x 3 convolutions
ITERATIONS = 8


class ZeroDCE(nn.Module):
    """DCE-Net (section 3.2): seven 3 x 3 convolutions with symmetric concatenation."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()

        def conv(inputs: int, outputs: int) -> nn.Conv2d:
            return nn.Conv2d(inputs, outputs, 3, padding=1)

        self.e_conv1 = conv(3, channels)
        self.e_conv2 = conv(channels, channels)
        self.e_conv3 = conv(channels, channels)
        self.e_conv4 = conv(channels, channels)
        self.e_conv5 = conv(2 * channels, channels)
        self.e_conv6 = conv(2 * channels, channels)
        self.e_conv7 = conv(2 * channels, 3 * ITERATIONS)

    def curves(self, image: Tensor) -> Tensor:
        """N x 3 x H x W in [0, 1] -> curve parameters A, N x 24 x H x W in [-1, 1]."""
        x1 = functional.relu(self.e_conv1(image))
        x2 = functional.relu(self.e_conv2(x1))
        x3 = functional.relu(self.e_conv3(x2))
        x4 = functional.relu(self.e_conv4(x3))
        x5 = functional.relu(self.e_conv5(torch.cat([x3, x4], 1)))
        x6 = functional.relu(self.e_conv6(torch.cat([x2, x5], 1)))
        return torch.tanh(self.e_conv7(torch.cat([x1, x6], 1)))

    def forward(self, image: Tensor) -> Tensor:
        """N x 3 x H x W in [0, 1] -> the enhanced image, not clipped."""
        return apply_curves(image, self.curves(image))


def apply_curves(image: Tensor, curves: Tensor) -> Tensor:
    """Equation 3: x <- x + A_n (x^2 - x), once for every three channels of ``curves``."""
    for parameters in torch.split(curves, 3, 1):
        image = image + parameters * (image * image - image)
    return image


def published_names() -> dict[str, str]:
    """Our names of parameters -> the authors', which are the same."""
    names = [f"e_conv{k}.{kind}" for k in range(1, 8) for kind in ("weight", "bias")]
    return {name: name for name in names}


def enhance(network: ZeroDCE, image: np.ndarray) -> np.ndarray:
    """H x W x 3 uint8 -> the same. Whole images, as the authors; tiles give the same values."""
    with torch.inference_mode():
        return to_image(apply_tiled(network, to_tensor(image, device_of(network)), _RADIUS))


def losses(image: Tensor, enhanced: Tensor, curves: Tensor) -> dict[str, Tensor]:
    """The four terms of section 3.3 with their weights, for N x 3 x H x W in [0, 1]."""
    return {
        "tv": 200 * illumination_smoothness(curves),
        "spa": spatial_consistency(image, enhanced),
        "col": 5 * colour_constancy(enhanced),
        "exp": 10 * exposure_control(enhanced),
    }


def illumination_smoothness(curves: Tensor) -> Tensor:
    """Squared differences of neighbouring curve parameters (equation 8)."""
    count, _, height, width = curves.shape
    down = (curves[..., 1:, :] - curves[..., :-1, :]).square().sum() / ((height - 1) * width)
    across = (curves[..., 1:] - curves[..., :-1]).square().sum() / (height * (width - 1))
    return 2 * (down + across) / count


def spatial_consistency(image: Tensor, enhanced: Tensor) -> Tensor:
    """Change of the differences between 4 x 4 regions and their four neighbours (equation 5)."""
    before, after = (functional.avg_pool2d(x.mean(1, True), 4) for x in (image, enhanced))
    change = functional.pad(before - after, (1, 1, 1, 1))
    centre = change[..., 1:-1, 1:-1]
    neighbours = (
        change[..., 1:-1, :-2],
        change[..., 1:-1, 2:],
        change[..., :-2, 1:-1],
        change[..., 2:, 1:-1],
    )
    return torch.stack([(centre - other).square() for other in neighbours]).sum(0).mean()


def colour_constancy(enhanced: Tensor) -> Tensor:
    """Differences of the channels' means (equation 7); the authors' code has fourth powers."""
    red, green, blue = enhanced.mean((2, 3)).unbind(1)
    fourth = (red - green) ** 4 + (red - blue) ** 4 + (blue - green) ** 4
    return fourth.sqrt().mean()


def exposure_control(enhanced: Tensor, level: float = 0.6) -> Tensor:
    """Distance of the mean of 16 x 16 regions from a well exposed level (equation 6)."""
    return (functional.avg_pool2d(enhanced.mean(1, True), 16) - level).square().mean()


class Training:
    """One step of the authors' training: Adam, weight decay 1e-4, gradient norm at most 0.1."""

    def __init__(self, network: ZeroDCE, learning_rate: float = 1e-4) -> None:
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0, 0.02)
        self.network = network
        self.optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate, weight_decay=1e-4)

    def step(self, image: Tensor, target: Tensor) -> dict[str, float]:
        """Learn from N x 3 x H x W; ``target`` is not used: the method has no references."""
        del target
        curves = self.network.curves(image)
        terms = losses(image, apply_curves(image, curves), curves)
        return descend(self.optimizer, terms, 0.1)
