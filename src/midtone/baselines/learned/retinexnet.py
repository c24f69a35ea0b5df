"""RetinexNet: a photograph is split into reflectance and illumination, which is brightened.

Wei, Wang, Yang, Liu: Deep Retinex Decomposition for Low-Light Enhancement, BMVC 2018. The paper
also denoises the reflectance with BM3D; the authors' released code does not, and neither does this.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from midtone.baselines.learned.descent import descend
from midtone.baselines.learned.layers import SameConv2d
from midtone.baselines.learned.tensors import apply_tiled, device_of, tiles, to_tensor

_DECOM_RADIUS = 10  # pixels: 9 x 9, then six 3 x 3 convolutions
_RELIGHT_HALO = 40  # pixels; the radius is below 30
_GREY = (0.2989, 0.5870, 0.1140)


class DecomNet(nn.Module):
    """Section 3.1: an image -> its reflectance and its illumination."""

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.shallow = SameConv2d(4, channels, 9)
        self.layers = nn.ModuleList(SameConv2d(channels, channels, 3) for _ in range(5))
        self.recon = SameConv2d(channels, 4, 3)

    def forward(self, image: Tensor) -> Tensor:
        """N x 3 x H x W in [0, 1] -> N x 4 x H x W in (0, 1): R (3 channels), then I."""
        x = self.shallow(torch.cat([image.amax(1, True), image], 1))
        for layer in self.layers:
            x = functional.relu_(layer(x))
        return torch.sigmoid(self.recon(x))


class RelightNet(nn.Module):
    """Section 3.2: an encoder-decoder with summed skips -> the adjusted illumination."""

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.conv0 = SameConv2d(4, channels, 3)
        self.down = nn.ModuleList(SameConv2d(channels, channels, 3, 2) for _ in range(3))
        self.up = nn.ModuleList(SameConv2d(channels, channels, 3) for _ in range(3))
        self.fusion = SameConv2d(3 * channels, channels, 1)
        self.output = SameConv2d(channels, 1, 3)

    def forward(
        self, layers: Tensor, rows: Rows | None = None, columns: Rows | None = None
    ) -> Tensor:
        """R and I, N x 4 x H x W -> I', N x 1 x H x W, not clipped.

        rows and columns: where H and W lie in a larger image of which this is a tile; it must begin
        at a multiple of 8 and leave the same remainder as that image
        """
        skips = [self.conv0(layers)]
        for down in self.down:
            skips.append(functional.relu_(down(skips[-1])))
        x = skips.pop()
        scales = []
        for up in self.up:
            skip = skips.pop()
            x = functional.relu_(up(_doubled(x, skip))) + skip
            scales.append(x)
        quarter, half, full = scales
        height, width = layers.shape[-2:]
        rows, columns = rows or (0, height, height), columns or (0, width, width)
        quarter = _picked(quarter, _quarters(rows), _quarters(columns))
        return self.output(self.fusion(torch.cat([quarter, _doubled(half, full), full], 1)))


Rows = tuple[int, int, int]
"""(First, one past the last, number of all rows in the whole image.)"""


class RetinexNet(nn.Module):
    """Both networks. N x 3 x H x W in [0, 1] -> R x I', not clipped."""

    def __init__(self) -> None:
        super().__init__()
        self.decom = DecomNet()
        self.relight = RelightNet()

    def forward(self, image: Tensor) -> Tensor:
        """N x 3 x H x W in [0, 1] -> the same, not clipped."""
        layers = self.decom(image)
        return layers[:, :3] * self.relight(layers)


def published_names() -> dict[str, str]:
    """Our names of parameters -> the authors'."""
    ours = {
        "decom.shallow": "DecomNet/shallow_feature_extraction",
        "decom.recon": "DecomNet/recon_layer",
    }
    ours |= {f"decom.layers.{k}": f"DecomNet/activated_layer_{k}" for k in range(5)}
    relight = ["conv0", "down.0", "down.1", "down.2", "up.0", "up.1", "up.2", "fusion", "output"]
    for number, layer in enumerate(relight):
        ours[f"relight.{layer}"] = "RelightNet/conv2d" + (f"_{number}" if number else "")
    return {
        f"{layer}.{kind}": f"{name}/{theirs}"
        for layer, name in ours.items()
        for kind, theirs in (("weight", "kernel"), ("bias", "bias"))
    }


def enhance(network: RetinexNet, image: np.ndarray) -> np.ndarray:
    """H x W x 3 uint8 -> the same. Whole images, as the authors; tiles give the same values.

    The result is clipped and cut (not rounded) to 8 bits, as by the authors.
    """
    with torch.inference_mode():
        enhanced = relit(network, to_tensor(image, device_of(network)))
        codes = (255 * enhanced.clamp(0, 1)).to(torch.uint8)
    return np.ascontiguousarray(codes[0].permute(1, 2, 0).cpu().numpy())


def relit(network: RetinexNet, image: Tensor, side: int = 512) -> Tensor:
    """Apply the network tile by tile, with the same values: 1 x 3 x H x W -> the same."""
    layers = apply_tiled(network.decom, image, _DECOM_RADIUS, side)
    height, width = image.shape[-2:]
    illumination = torch.empty_like(layers[:, 3:])
    for tile in tiles(height, width, _RELIGHT_HALO, side, 8):
        rows, columns = (*tile.outer[0], height), (*tile.outer[1], width)
        tile.paste(network.relight(tile.cut(layers), rows, columns), illumination)
    return layers[:, :3] * illumination


def _doubled(image: Tensor, like: Tensor) -> Tensor:
    """Twice the size by TensorFlow's nearest neighbour, of a map that has every second pixel."""
    height, width = like.shape[-2:]
    return functional.interpolate(image, scale_factor=2, mode="nearest")[..., :height, :width]


def _picked(image: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Rows and columns of N x C x H x W; all channels of a pixel are copied at once."""
    pixels = image.movedim(1, -1)[:, rows.to(image.device)][:, :, columns.to(image.device)]
    return pixels.movedim(-1, 1)


def _quarters(rows: Rows) -> Tensor:
    """Which row of a map of every fourth row TensorFlow's nearest neighbour takes for each row.

    Where the size of the whole image is no multiple of four this is not every row four times.
    """
    first, last, size = rows
    index = torch.arange(first, last) * -(-size // 4) // size - first // 4
    return index.clamp(0, -(-(last - first) // 4) - 1)


def decom_losses(network: DecomNet, low: Tensor, high: Tensor) -> dict[str, Tensor]:
    """The terms of section 3.1, not weighted, for a dark and a bright N x 3 x H x W."""
    (r_low, i_low), (r_high, i_high) = (split(network(image)) for image in (low, high))

    def error(reflectance: Tensor, illumination: Tensor, image: Tensor) -> Tensor:
        return (reflectance * illumination - image).abs().mean()

    return {
        "recon_low": error(r_low, i_low, low),
        "recon_high": error(r_high, i_high, high),
        "mutual_low": error(r_high, i_low, low),
        "mutual_high": error(r_low, i_high, high),
        "equal_R": (r_low - r_high).abs().mean(),
        "smooth_low": smoothness(i_low, r_low),
        "smooth_high": smoothness(i_high, r_high),
    }


DECOM_WEIGHTS = {
    "recon_low": 1.0,
    "recon_high": 1.0,
    "mutual_low": 0.001,
    "mutual_high": 0.001,
    "equal_R": 0.01,
    "smooth_low": 0.1,
    "smooth_high": 0.1,
}


def relight_losses(network: RetinexNet, low: Tensor, high: Tensor) -> dict[str, Tensor]:
    """The terms of section 3.2 with their weights; the decomposition is not trained by them."""
    with torch.no_grad():
        layers = network.decom(low)
    reflectance, _ = split(layers)
    adjusted = network.relight(layers)
    return {
        "relight": (reflectance * adjusted - high).abs().mean(),
        "relight_smooth": 3 * smoothness(adjusted, reflectance),
    }


def split(layers: Tensor) -> tuple[Tensor, Tensor]:
    """Reflectance and illumination of DecomNet's output."""
    return layers[:, :3], layers[:, 3:]


def smoothness(illumination: Tensor, reflectance: Tensor) -> Tensor:
    """Structure-aware smoothness (equation 4): gradients of I count less where R has edges.

    N x 1 x H x W and N x 3 x H x W; the weights are exp(-10 |gradient of R|), averaged over 3 x 3.
    """
    weights = reflectance.new_tensor(_GREY)[:, None, None]
    grey = (reflectance * weights).sum(1, True)
    total = illumination.new_zeros(())
    for slope, edges in zip(_gradients(illumination), _gradients(grey), strict=True):
        edges = functional.avg_pool2d(edges, 3, 1, 1, count_include_pad=False)
        total = total + (slope * torch.exp(-10 * edges)).mean()
    return total


def _gradients(image: Tensor) -> tuple[Tensor, Tensor]:
    """Absolute differences across and down, by the authors' 2 x 2 kernels; zeros lie outside."""
    padded = functional.pad(image, (0, 1, 0, 1))
    corner = padded[..., 1:, 1:]
    return (corner - padded[..., 1:, :-1]).abs(), (corner - padded[..., :-1, 1:]).abs()


class Training:
    """One step of the authors' training: first the decomposition, then relighting alone.

    Each stage has its own Adam at 1e-3 (the authors lower it to 1e-4 after 20 of 100 epochs).
    Networks begin as TensorFlow's layers do; torch's smaller weights take far longer.
    """

    def __init__(self, network: RetinexNet, decom_steps: int, learning_rate: float = 1e-3) -> None:
        for module in network.modules():
            if isinstance(module, SameConv2d):
                nn.init.xavier_uniform_(module.weight)
                assert module.bias is not None
                nn.init.zeros_(module.bias)
        self.network = network
        self.decom_steps = decom_steps
        self._steps = 0
        self._stages = [
            torch.optim.Adam(part.parameters(), lr=learning_rate)
            for part in (network.decom, network.relight)
        ]

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """The optimizer of the current stage."""
        return self._stages[self._steps >= self.decom_steps]

    def step(self, image: Tensor, target: Tensor) -> dict[str, float]:
        """Learn from dark N x 3 x H x W and well exposed ones."""
        optimizer = self.optimizer
        if self._steps < self.decom_steps:
            terms = decom_losses(self.network.decom, image, target)
            terms = {name: DECOM_WEIGHTS[name] * value for name, value in terms.items()}
        else:
            terms = relight_losses(self.network, image, target)
        self._steps += 1
        return descend(optimizer, terms)
