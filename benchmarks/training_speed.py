"""How fast does the network train? `python benchmarks/training_speed.py PHOTOS`.

Examples a second of whole training steps (all levels, 128 px, batch 16) in plain float32 with
contiguous tensors and as midtone trains, alternating in one run; the cost of the loader; and the
examples a second that are made on the device (256 px, recipe default).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from midtone.data.photographs import decode, find_photos
from midtone.network import CoarseToFine, NetworkConfig
from midtone.training.device import select_device, use_bfloat16
from midtone.training.device_examples import DeviceExamples, DevicePhotographs
from midtone.training.examples import PhotographExamples
from midtone.training.loader import Batch, DistributedBatchSampler, batches, input_config
from midtone.training.losses import image_loss
from midtone.training.recipes import RECIPES

SIZE, BATCH = 128, 16


class Trainer:
    """A network, its optimiser, and one step."""

    def __init__(
        self, device: torch.device, layout: torch.memory_format, *, bfloat16: bool, compile: bool
    ) -> None:
        torch.manual_seed(0)
        self.device, self.layout, self.bfloat16 = device, layout, bfloat16
        network = CoarseToFine().to(device, memory_format=layout)  # type: ignore[call-overload]
        self.parameters = list(network.parameters())
        self.network = torch.compile(network) if compile else network
        self.adam = torch.optim.Adam(self.parameters, 1e-4, fused=True)

    def step(self, batch: Batch) -> None:
        """One step, as in midtone.training.loop."""
        levels, targets = ([one.to(self.device) for one in part] for part in batch)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            results = self.network(*(one.contiguous(memory_format=self.layout) for one in levels))
        loss = image_loss([result.float() for result in results], targets, 1.0)
        self.adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.adam.step()
        loss.item()


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--compile", action="store_true", help="measure torch.compile, too")
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    device = select_device(options.device)
    images = [decode(path, 320) for path in find_photos(options.photos)[:200]]
    examples = PhotographExamples(photographs=images, size=SIZE, seed=0)
    config = input_config(NetworkConfig(), SIZE, 1)

    def load(first: int, steps: int, workers: int = 0) -> list[Batch]:
        sampler = DistributedBatchSampler(range(first, first + steps), BATCH)
        return list(batches(examples, sampler, config, workers))

    given = load(0, 4)
    fast = use_bfloat16(device, "auto")
    name = f"{'bfloat16' if fast else 'float32'}, channels last"
    kinds = {
        "float32, contiguous": Trainer(
            device, torch.contiguous_format, bfloat16=False, compile=False
        ),
        name: Trainer(device, torch.channels_last, bfloat16=fast, compile=False),
    }
    if options.compile:
        kinds[f"{name}, compiled"] = Trainer(
            device, torch.channels_last, bfloat16=fast, compile=True
        )
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(options.rounds + 1):
        for kind, trainer in kinds.items():
            used = seconds_of(lambda n, t=trainer: t.step(given[n % len(given)]), options.steps)  # type: ignore[misc]
            if number:  # the first round warms up
                seconds[kind].append(used)
    medians = {kind: statistics.median(values) for kind, values in seconds.items()}
    threads = torch.get_num_threads()
    print(f"{device.type}, {SIZE} px, batch {BATCH}, all levels, {threads} threads\n")
    print("| | s / step | examples / s | speed-up |\n|---|---|---|---|")
    plain = medians["float32, contiguous"]
    for kind, median in medians.items():
        print(f"| {kind} | {median:.3f} | {BATCH / median:.1f} | {plain / median:.2f} |")

    started = time.process_time()
    load(100, 8)
    cost = (time.process_time() - started) / 8
    print(f"\nloader: {1000 * cost:.0f} ms of one core a batch of {BATCH}")
    photographs = DevicePhotographs.upload(images, [True] * len(images), device)
    maker = DeviceExamples(photographs, RECIPES["default"].stages[-1], seed=0)
    used = seconds_of(lambda _: maker.batch(BATCH)[0].sum().item(), options.steps)
    print(f"made on the device, 256 px: {BATCH / used:.1f} examples / s")
    return 0


def seconds_of(work: Callable[[int], object], count: int) -> float:
    """Mean seconds of ``work`` over ``count`` calls."""
    times = []
    for number in range(count):
        started = time.perf_counter()
        work(number)
        times.append(time.perf_counter() - started)
    return float(np.mean(times))


if __name__ == "__main__":
    sys.exit(main())
