"""The learned methods by name: built from a file of weights, or from nothing to be trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from midtone.baselines.learned import deep_upe, dpe, dped, hdrcnn, retinexnet, rht, zero_dce
from midtone.baselines.learned.weights import WeightsInfo, read
from midtone.errors import ModelError, UsageError

Enhance = Callable[[Any, np.ndarray], np.ndarray]
_LEAST = 1e-30


@dataclass(frozen=True)
class Definition:
    """A learned method in torch.

    build:      the network, with fresh weights
    names:      our names of its parameters -> the authors'
    enhance:    network and H x W x 3 uint8 -> the same
    tensorflow: whether the authors' values are laid out as TensorFlow's
    normalise:  drops what differs between the authors' checkpoints from a name
    list_names: the authors' names in files that hold a list without names
    """

    build: Callable[[], nn.Module]
    names: Mapping[str, str]
    enhance: Enhance
    _: KW_ONLY
    tensorflow: bool = True
    normalise: Callable[[str], str] = str
    list_names: tuple[str, ...] = ()


def _below(part: str, names: Mapping[str, str]) -> dict[str, str]:
    return {f"{part}.{ours}": theirs for ours, theirs in names.items()}


_DPED = Definition(dped.DPED, dped.published_names(), dped.enhance)
_DPE = Definition(dpe.DPE, dpe.published_names(), dpe.enhance, normalise=dpe.normalise_name)
_HDRCNN = _below("hdrcnn", hdrcnn.published_names())
_LIST = tuple(hdrcnn.published_names().values())
DEFINITIONS = {
    "hdrcnn-rht": Definition(
        rht.HDRCNNWithRHT,
        _HDRCNN | _below("rht", rht.published_names()),
        rht.enhance_rht,
        list_names=_LIST,
    ),
    "hdrcnn-reinhard": Definition(rht.HDRCNNAlone, _HDRCNN, rht.enhance_reinhard, list_names=_LIST),
    "dped-iphone": _DPED,
    "dped-blackberry": _DPED,
    "dped-sony": _DPED,
    "dpe-hdr": _DPE,
    "dpe-ufivek": _DPE,
    "dpe-sfivek": _DPE,
    "retinexnet": Definition(
        retinexnet.RetinexNet, retinexnet.published_names(), retinexnet.enhance
    ),
    "deep-upe": Definition(deep_upe.DeepUPE, deep_upe.published_names(), deep_upe.enhance),
    "zero-dce": Definition(
        zero_dce.ZeroDCE,
        zero_dce.published_names(),
        zero_dce.enhance,
        tensorflow=False,
    ),
}


@dataclass(frozen=True)
class Enhancer:
    """A method with its weights: H x W x 3 uint8 -> the same."""

    network: nn.Module
    enhance: Enhance
    info: WeightsInfo

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Enhance a photograph of any size.

        By default GPUs round the factors of a convolution to 10 bits (TF32). The authors' code
        computes in float32, so TF32 is switched off.
        """
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return self.enhance(self.network, image)


def load(
    path: Path, method: str = "", *, device: str = "auto", out_of_range: str = "clip"
) -> Enhancer:
    """A method with the weights of a file.

    method:       which one, where another method's file holds its weights too
    device:       "cpu", "cuda" or "auto" (cuda if there is one)
    out_of_range: of DPED's results, "clip" or "stretch" (``dped.enhance``)
    Raises ModelError for a file of another method, or one that lacks weights.
    """
    values, info = read(path)
    method = method or info.method
    if method not in DEFINITIONS:
        raise ModelError(f"{path}: is for {method}, which this version has not")
    definition = DEFINITIONS[method]
    network = definition.build()
    fill(network, {name: torch.from_numpy(value) for name, value in values.items()}, path)
    enhance = definition.enhance
    if out_of_range != "clip":
        if definition is not _DPED:
            raise UsageError(f"{method} has no values out of range to {out_of_range}")
        enhance = partial(dped.enhance, out_of_range="stretch")
    return Enhancer(ready(network, device), enhance, info)


def ready(network: nn.Module, device: str = "auto") -> nn.Module:
    """A network for enhancing: on its device, and channels last, which convolves faster."""
    network = network.to(device_of(device)).eval().requires_grad_(False)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def device_of(device: str) -> str:
    """ "cpu" or "cuda" of "auto". Raises ModelError where there is no CUDA."""
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("torch finds no CUDA device; use cpu")
    return "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"


def fill(network: nn.Module, values: Mapping[str, Tensor], path: Path) -> None:
    """Give a network its values; those of other networks are left. Raises ModelError.

    Values below 1e-30 become 0. A quarter of Zero-DCE's published ones are subnormal numbers, which
    make its convolutions 45 times slower on a CPU and change nothing.
    """
    wanted = parameters(network)
    missing = sorted(set(wanted) - set(values))
    if missing:
        raise ModelError(
            f"{path}: lacks {len(missing)} of {len(wanted)} values, first {missing[0]}; "
            "import all files of the method"
        )
    for name, parameter in wanted.items():
        if values[name].shape != parameter.shape:
            raise ModelError(
                f"{path}: {name} has the shape {tuple(values[name].shape)} "
                f"instead of {tuple(parameter.shape)}"
            )
    with torch.no_grad():
        for name, parameter in wanted.items():
            parameter.copy_(values[name].where(values[name].abs() > _LEAST, 0))


def parameters(network: nn.Module) -> dict[str, Tensor]:
    """All values that a file of weights must have, running statistics included."""
    return {
        name: value
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
