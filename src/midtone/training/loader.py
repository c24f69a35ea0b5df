"""Examples -> batches of what the network takes and what it should make of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from midtone import pyramid
from midtone.data.patches import Example, Examples
from midtone.errors import UsageError
from midtone.network import NetworkConfig
from midtone.training.losses import pyramid_targets

Batch = tuple[list[Tensor], list[Tensor]]


@dataclass(frozen=True)
class Share:
    """The numbers of the examples of one process: of every batch a part of its own."""

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


def batches(
    examples: Examples, share: Share, network: NetworkConfig, finest: int, workers: int
) -> Iterator[Batch]:
    """(Laplacian levels of the inputs, targets of the results) of the examples.

    The loader's processes make the pyramids too, which leaves the main one to the network.
    """

    def collate(pairs: list[Example]) -> Batch:
        parts = []
        # Pair by pair: small arrays stay in the cache and come from memory that is in use anyway.
        for pair in pairs:
            wrong, right = (to_float(torch.from_numpy(np.ascontiguousarray(i))[None]) for i in pair)
            parts.append(prepare(wrong, right, network, finest))
        levels, targets = (
            [torch.cat(level) for level in zip(*kind, strict=True)]
            for kind in zip(*parts, strict=True)
        )
        return levels, targets

    loader: DataLoader[Batch] = DataLoader(
        examples,  # type: ignore[arg-type]
        batch_size=share.part,
        sampler=share,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        collate_fn=collate,
        worker_init_fn=_single_thread,
        multiprocessing_context="fork" if workers else None,
    )
    yield from loader


def prepare(
    wrong: Tensor, right: Tensor, network: NetworkConfig, finest: int
) -> tuple[list[Tensor], list[Tensor]]:
    """Levels ``finest`` to n of the network's input, and what it should make of them.

    wrong, right: N x 3 x H x W in [0, 1].
    """
    smaller = pyramid.gaussian(wrong, finest, network.taps)[-1]
    levels = pyramid.split(smaller, network.levels - finest + 1, network.taps)
    return levels, pyramid_targets(right, network.levels, network.taps, finest)


def to_float(images: Tensor) -> Tensor:
    """N x H x W x 3 uint8 -> N x 3 x H x W float32 in [0, 1]."""
    return images.permute(0, 3, 1, 2).contiguous().float().div(255)


def _single_thread(_: int) -> None:
    torch.set_num_threads(1)
