"""The coarse-to-fine exposure correction network (Afifi et al. 2021, section 3.2), in torch.

Four U-Nets process the levels of a Laplacian pyramid, the coarsest first; each passes its enlarged
result to the next finer one. Only training, export and .safetensors models need this module:
correcting a photograph runs an ONNX file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from midtone.errors import ModelError
from midtone.pyramid import BURT_ADELSON, Taps


@dataclass(frozen=True)
class NetworkConfig:
    """The layout of a network, stored in model files. Index 0 of a tuple is level 1, the finest.

    levels:   pyramid levels, one sub-network each (the paper's ablation: 1, 2, 4)
    channels: channels of each sub-network's first encoder stage
    depth:    encoder stages of each sub-network
    slope:    negative slope of the leaky ReLUs
    taps:     filter of the pyramid the network was trained on
    """

    levels: int = 4
    channels: tuple[int, ...] = (16, 24, 24, 24)
    depth: tuple[int, ...] = (3, 3, 3, 4)
    slope: float = 0.2
    taps: Taps = BURT_ADELSON

    def __post_init__(self) -> None:
        if self.levels < 1 or len(self.channels) != self.levels or len(self.depth) != self.levels:
            raise ValueError(f"channels and depth need one entry for each of the levels: {self}")

    @property
    def multiple(self) -> int:
        """Height and width of the network's input must be multiples of this."""
        return int(max(2 ** (level + depth) for level, depth in enumerate(self.depth)))

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for a model file's header."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> NetworkConfig:
        """Inverse of ``to_dict``."""
        plain: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()
        }
        return cls(**plain)


class SubNetwork(nn.Module):
    """U-Net, N x 3 x H x W -> N x 3 x H x W; H and W multiples of 2 ** depth.

    Each encoder stage: two 3 x 3 convolutions with leaky ReLU, then 2 x 2 max pooling. Decoder
    stages start with a 2 x 2 transposed convolution and a plain ReLU, as in the authors' release.

    The attribute ``spatial_dropout`` (0 at first) is the share of each stage's feature maps that
    the decoder does not get in training (Tompson et al. 2015), against overfitting.
    """

    def __init__(self, depth: int, channels: int, slope: float) -> None:
        super().__init__()
        widths = [channels * 2**stage for stage in range(depth)]
        bridge = channels * 2**depth
        self.encoder = nn.ModuleList(
            _double(before, width, slope)
            for before, width in zip([3, *widths], widths, strict=False)
        )
        self.bridge = _double(widths[-1], bridge, slope)
        self.raise_ = nn.ModuleList(
            nn.ConvTranspose2d(2 * width, width, 2, stride=2) for width in reversed(widths)
        )
        self.decoder = nn.ModuleList(_double(2 * width, width, slope) for width in reversed(widths))
        self.head = nn.Conv2d(channels, 3, 1)
        self.spatial_dropout = 0.0
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(module.weight, a=slope)
                nn.init.zeros_(cast(Tensor, module.bias))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the network."""
        skips: list[Tensor] = []
        for stage in self.encoder:
            x = stage(x)
            skips.append(self._dropout(x))
            x = nn.functional.max_pool2d(x, 2)
        x = self._dropout(self.bridge(x))
        parts = zip(self.raise_, self.decoder, reversed(skips), strict=True)
        for raise_, stage, skip in parts:
            x = stage(torch.cat((torch.relu_(raise_(x)), skip), 1))
        return cast(Tensor, self.head(x))

    def _dropout(self, x: Tensor) -> Tensor:
        return nn.functional.dropout2d(x, self.spatial_dropout, self.training)


class CoarseToFine(nn.Module):
    """Pyramid levels -> corrected image; 7,015,449 parameters with the default configuration."""

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or NetworkConfig()
        self.subnetworks = nn.ModuleList(
            SubNetwork(depth, channels, config.slope)
            for depth, channels in zip(config.depth, config.channels, strict=True)
        )
        self.enlarge = nn.ModuleList(
            nn.ConvTranspose2d(3, 3, 2, stride=2) for _ in range(config.levels - 1)
        )
        for layer in self.enlarge:
            nn.init.xavier_uniform_(cast(Tensor, layer.weight))
            nn.init.zeros_(cast(Tensor, layer.bias))

    def forward(self, *levels: Tensor, finest: int = 1) -> tuple[Tensor, ...]:
        """Correct a batch.

        levels: the Laplacian pyramid, finest first, N x 3 x H/2^(l-1) x W/2^(l-1), of images in
        [0, 1]. Returns (y1, u2, ..., un), the paper's Y: the corrected image (unbounded, N x 3 x
        H x W), then for l >= 2 the enlarged result of level l, which has the size of level l - 1.

            u_n = T_n(f_n(X_n));  y_l = f_l(u_{l+1} + X_l) + u_{l+1};  u_l = T_l(y_l)

        finest: stop after this level, to train the coarse levels alone; levels are then those from
        ``finest`` on, and so are the results (u_finest, ..., un).
        """
        count = self.config.levels
        if len(levels) != count - finest + 1:
            raise ValueError(f"expected levels {finest} to {count}, got {len(levels)} of them")
        result = self.subnetworks[-1](levels[-1])
        results: list[Tensor] = []
        for level in range(count - 1, finest - 1, -1):
            coarser = self.enlarge[level - 1](result)
            results.append(coarser)
            result = self.subnetworks[level - 1](coarser + levels[level - finest]) + coarser
        if finest > 1:
            result = self.enlarge[finest - 2](result)
        return (result, *reversed(results))

    def set_spatial_dropout(self, share: float) -> None:
        """Set ``spatial_dropout`` of all sub-networks."""
        for module in self.subnetworks:
            cast(SubNetwork, module).spatial_dropout = share

    @torch.no_grad()
    def zero_residual_heads(self, levels: int) -> None:
        """Make each of the ``levels`` finest sub-networks return the coarser result unchanged.

        Their heads become zero, and the transposed convolutions between them nearest-neighbour
        enlargements. The one before the coarsest of them stays: it belongs to the coarser levels.
        """
        for level in range(min(levels, self.config.levels - 1)):
            head = cast(SubNetwork, self.subnetworks[level]).head
            nn.init.zeros_(head.weight)
            nn.init.zeros_(cast(Tensor, head.bias))
            if level > 0:
                enlarge = cast(nn.ConvTranspose2d, self.enlarge[level - 1])
                enlarge.weight.copy_(torch.eye(3)[:, :, None, None].expand_as(enlarge.weight))
                nn.init.zeros_(cast(Tensor, enlarge.bias))


def count_parameters(module: nn.Module) -> int:
    """Number of trainable scalars."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def _double(before: int, after: int, slope: float) -> nn.Sequential:
    layers: Sequence[nn.Module] = (
        nn.Conv2d(before, after, 3, padding=1),
        nn.LeakyReLU(slope, inplace=True),
        nn.Conv2d(after, after, 3, padding=1),
        nn.LeakyReLU(slope, inplace=True),
    )
    return nn.Sequential(*layers)


def load_network(path: Path) -> tuple[CoarseToFine, dict[str, str]]:
    """Rebuild a network and its header from a .safetensors model file.

    Raises ModelError if the file is no such model.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            network = CoarseToFine(NetworkConfig.from_dict(json.loads(metadata["midtone_network"])))
            network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (KeyError, ValueError, TypeError, RuntimeError, OSError, SafetensorError) as error:
        raise ModelError(f"{path}: the file is not a midtone model") from error
    return network, metadata


def save_network(path: Path, network: CoarseToFine, metadata: dict[str, str]) -> None:
    """Write a .safetensors model file; ``metadata`` is ``model.header``'s."""
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(tensors, path, metadata)
