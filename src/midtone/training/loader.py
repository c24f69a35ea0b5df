"""Batches: Laplacian levels of the inputs, and targets of the network's results."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from midtone.errors import UsageError
from midtone.model import network_layout
from midtone.network import NetworkConfig
from midtone.pipeline import PipelineConfig
from midtone.preprocess import network_input, pad, resize
from midtone.training.examples import Example, Examples
from midtone.training.losses import pyramid_targets

Batch = tuple[list[Tensor], list[Tensor]]


@dataclass(frozen=True)
class DistributedBatchSampler:
    """Numbers of the examples of one process: of every batch a part of its own.

    steps: numbers of the batches; batch: examples in each, of all ``world`` processes together
    Raises UsageError where the processes cannot share a batch evenly.
    """

    steps: range
    batch: int
    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        if self.batch % self.world:
            raise UsageError(f"{self.world} processes cannot share a batch of {self.batch} evenly")

    @property
    def part(self) -> int:
        """Examples of one process in a batch."""
        return self.batch // self.world

    def __len__(self) -> int:
        return len(self.steps) * self.part

    def __iter__(self) -> Iterator[int]:
        for step in self.steps:
            first = step * self.batch + self.rank * self.part
            yield from range(first, first + self.part)


def input_config(network: NetworkConfig, size: int, finest: int) -> PipelineConfig:
    """How a picture becomes the input of a network that is trained at ``size`` px."""
    return replace(network_layout(network.to_dict(), finest), size=size)


def batches(
    examples: Examples, sampler: DistributedBatchSampler, config: PipelineConfig, workers: int
) -> Iterator[Batch]:
    """Batches of the examples, made by ``workers`` processes (0: by this one).

    Inputs and targets are padded to squares of ``config.size`` px, so that all of a batch have one
    size. That differs from the padding of a correction only where the shorter side of a picture
    leaves out a whole multiple of ``config.multiple``.
    """
    square = replace(config, multiple=config.size)

    def collate(pairs: list[Example]) -> Batch:
        # Pair by pair: small arrays stay in the processor's cache.
        parts = [prepare(*pair, square) for pair in pairs]
        levels, targets = (
            [torch.cat(level) for level in zip(*kind, strict=True)]
            for kind in zip(*parts, strict=True)
        )
        return levels, targets

    loader: DataLoader[Batch] = DataLoader(
        examples,  # type: ignore[arg-type]
        batch_size=sampler.part,
        sampler=sampler,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        collate_fn=collate,
        worker_init_fn=_init_worker,
        multiprocessing_context="fork" if workers else None,
    )
    yield from loader


def prepare(source: np.ndarray, target: np.ndarray, config: PipelineConfig) -> Batch:
    """The levels of an input and the targets of its results, each as a batch of one.

    source, target: H x W x 3 uint8 sRGB; they are resized, padded and split as a photograph is
    that is corrected (``midtone.preprocess``).
    """
    levels = network_input(resize(source, config.size), config)
    padded = pad(resize(target, config.size), config)
    wanted = torch.from_numpy(np.ascontiguousarray(padded.transpose(2, 0, 1)[None]))
    return (
        [torch.from_numpy(np.ascontiguousarray(level)) for level in levels],
        pyramid_targets(wanted, config.levels, config.taps, config.finest),
    )


def _init_worker(_: int) -> None:
    torch.set_num_threads(1)
    # Ctrl+C and SIGTERM reach the whole process group; the main process alone decides.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
