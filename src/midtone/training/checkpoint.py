"""The state of a training run, in one file that is written whole or not at all."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from midtone import atomic, model
from midtone.errors import Error, ModelError, UsageError
from midtone.network import CoarseToFine, load_network
from midtone.training.discriminator import Discriminator
from midtone.training.recipe import Recipe

CHECKPOINT = "checkpoint.safetensors"


@dataclass(kw_only=True)
class State:
    """All that changes while a run goes on.

    ema:  exponential moving average of the network's weights, by parameter name; it is exported
    step: optimiser steps done
    """

    network: CoarseToFine
    discriminator: Discriminator
    adam: torch.optim.Adam
    discriminator_adam: torch.optim.Adam
    ema: dict[str, Tensor]
    step: int = 0

    @classmethod
    def new(cls, recipe: Recipe, device: torch.device) -> State:
        """A random network, the same for the same seed."""
        torch.manual_seed(recipe.seed)
        network = CoarseToFine(recipe.network)
        discriminator = Discriminator()
        for module in (network, discriminator):
            module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return cls(
            network=network,
            discriminator=discriminator,
            adam=torch.optim.Adam(network.parameters(), fused=True),
            discriminator_adam=torch.optim.Adam(discriminator.parameters(), fused=True),
            ema={name: p.detach().clone() for name, p in network.named_parameters()},
        )

    def save(self, path: Path, recipe: Recipe) -> None:
        """Write to ``path``. Raises Error if the disk is full; the old file then stays."""
        tensors = {"average/" + name: tensor for name, tensor in self.ema.items()}
        for prefix, (module, adam) in self._parts().items():
            for name, parameter in module.named_parameters():
                tensors[f"{prefix}weights/{name}"] = parameter.detach()
                for key, value in adam.state[parameter].items():
                    tensors[f"{prefix}adam_{key}/{name}"] = value
        tensors = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
        header = {"step": str(self.step), "recipe": json.dumps(asdict(recipe), sort_keys=True)}
        try:
            with atomic.replacing(path) as temporary:
                save_file(tensors, temporary, header)
        except (OSError, SafetensorError) as error:
            raise Error(
                f"{path}: the checkpoint of step {self.step} cannot be written ({error}); "
                "free disk space and resume"
            ) from error

    def reset_optimizer(self) -> None:
        """Set Adam's moments to zero."""
        self.adam.state.clear()
        self.discriminator_adam.state.clear()

    @torch.no_grad()
    def update_ema(self, decay: float) -> None:
        """Move the average towards the weights."""
        # A short memory at first, or the random initial weights would stay in the average.
        decay = min(decay, (1 + self.step) / (10 + self.step))
        weights: list[Tensor] = list(self.network.parameters())
        torch._foreach_lerp_(list(self.ema.values()), weights, 1 - decay)

    @torch.no_grad()
    def load(self, path: Path, recipe: Recipe) -> None:
        """Continue from ``path``. Raises ModelError if it was made with other settings."""
        with _open(path) as file:
            header = file.metadata() or {}
            if _recipe(path, header) != recipe:
                raise ModelError(f"{path} was made with other settings; choose another folder")
            self.step = int(header["step"])
            names = set(file.keys())
            for name, tensor in self.ema.items():
                tensor.copy_(file.get_tensor("average/" + name))
            for prefix, (module, adam) in self._parts().items():
                for name, parameter in module.named_parameters():
                    parameter.copy_(file.get_tensor(f"{prefix}weights/{name}"))
                    if f"{prefix}adam_step/{name}" not in names:
                        continue
                    moments = {"step": file.get_tensor(f"{prefix}adam_step/{name}")}
                    for key in ("exp_avg", "exp_avg_sq"):
                        moment = file.get_tensor(f"{prefix}adam_{key}/{name}")
                        moments[key] = torch.empty_like(parameter).copy_(moment)
                    adam.state[parameter] = moments

    @torch.no_grad()
    def start_from(self, path: Path, reset_levels: int) -> None:
        """Take the weights of another run (its average) or of a model file as the first ones.

        The ``reset_levels`` finest sub-networks begin without effect on the coarser result, and so
        do those that a model of coarse levels alone lacks. Raises ModelError for another network.
        """
        found = load_weights(path)
        levels = range(self.network.config.levels)
        absent = min((i for i in levels if f"subnetworks.{i}.head.weight" in found), default=0)
        random = (
            *(f"subnetworks.{i}." for i in range(absent)),
            *(f"enlarge.{i}." for i in range(absent - 1)),
        )
        for name, parameter in self.network.named_parameters():
            if name not in found and name.startswith(random):
                continue
            if name not in found or found[name].shape != parameter.shape:
                raise ModelError(f"{path}: its network has another layout than the recipe's")
            parameter.copy_(found[name])
        self.network.zero_residual_heads(max(reset_levels, absent))
        for name, parameter in self.network.named_parameters():
            self.ema[name].copy_(parameter)

    def _parts(self) -> dict[str, tuple[nn.Module, torch.optim.Adam]]:
        return {
            "": (self.network, self.adam),
            "discriminator/": (self.discriminator, self.discriminator_adam),
        }


def load_weights(path: Path) -> dict[str, Tensor]:
    """Weights by parameter name: the average of a checkpoint, or those of a model file."""
    if path.suffix == ".onnx":
        return _onnx_weights(path)
    with _open(path) as file:
        names = [name for name in file.keys() if name.startswith("average/")]  # noqa: SIM118
        if names:
            return {name.removeprefix("average/"): file.get_tensor(name) for name in names}
    return dict(load_network(path)[0].named_parameters())


def stored_recipe(path: Path) -> Recipe:
    """The recipe of a checkpoint. Raises ModelError."""
    with _open(path) as file:
        return _recipe(path, file.metadata() or {})


def find_checkpoint(run: Path) -> Path:
    """The checkpoint in a run's folder. Raises UsageError if there is none."""
    path = run / CHECKPOINT
    if not path.is_file():
        raise UsageError(f"{run}: no training run in this folder")
    return path


def find_start(name: str) -> Path:
    """What ``start_from`` reads: a run's folder, a model file or an embedded model's name.

    Raises UsageError or ModelError if there is none.
    """
    if name in model.embedded() or name.endswith((".onnx", ".safetensors")):
        return model.find(name)
    return find_checkpoint(Path(name))


def _recipe(path: Path, header: dict[str, str]) -> Recipe:
    try:
        return Recipe.from_dict(json.loads(header["recipe"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: not a checkpoint of this version of midtone") from error


def _onnx_weights(path: Path) -> dict[str, Tensor]:
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx import numpy_helper

    try:
        tensors = onnx.load(path).graph.initializer
    except (OSError, DecodeError) as error:
        raise ModelError(f"{path}: not an ONNX model ({error})") from error
    return {
        tensor.name.removeprefix("network.").removesuffix(".half"): torch.tensor(
            numpy_helper.to_array(tensor)
        )
        for tensor in tensors
    }


def _open(path: Path) -> safe_open:
    try:
        return safe_open(path, "pt")
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: not a checkpoint of a training run") from error
