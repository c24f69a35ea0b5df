"""Where a run computes: processor or GPU, one process or several, float32 or bfloat16."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from midtone.errors import UsageError


@dataclass(frozen=True)
class Worker:
    """One process of a run.

    device: where it computes; rank: its number; world: number of processes
    """

    device: torch.device
    rank: int = 0
    world: int = 1


def select_device(name: str) -> torch.device:
    """The device of a name: "auto", "cpu" or "cuda". Raises UsageError without that device."""
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("no CUDA device on this computer; use --device cpu")
    if name == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))


def init_distributed(device: str) -> Worker:
    """Join the process group that ``torchrun`` describes in the environment, if there is one."""
    place = select_device(device)
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if place.type == "cuda":
        torch.cuda.set_device(place)
    if world > 1:
        torch.distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
    return Worker(place, rank, world)


def close_distributed(worker: Worker) -> None:
    """Leave the process group."""
    if worker.world > 1:
        torch.distributed.destroy_process_group()


def wrap_ddp(network: nn.Module, worker: Worker, *, unused_parameters: bool) -> nn.Module:
    """The network itself, or with its gradients averaged over the processes.

    unused_parameters: whether a step leaves some of them without a gradient
    """
    if worker.world == 1:
        return network
    return DistributedDataParallel(network, find_unused_parameters=unused_parameters)


def average_gradients(module: nn.Module, world: int) -> None:
    """Average gradients over the processes where ``wrap_ddp`` does not."""
    if world == 1:
        return
    for parameter in module.parameters():
        torch.distributed.all_reduce(parameter.grad)
        parameter.grad.div_(world)  # type: ignore[union-attr]


def use_bfloat16(device: torch.device, precision: str) -> bool:
    """Whether to compute in bfloat16: "bfloat16", "float32", or "auto", where it is fast."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def to_device(tensors: Iterable[Tensor], device: torch.device) -> list[Tensor]:
    """Copy N x C x H x W tensors to the device, channels last, in which convolutions are fast."""
    return [
        tensor.to(device, non_blocking=True).contiguous(memory_format=torch.channels_last)
        for tensor in tensors
    ]


@contextmanager
def flush_denormals() -> Iterator[None]:
    """Treat denormal numbers as zero: they slow a processor down and do not matter."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
