"""How fast does the network train? `python benchmarks/training_speed.py PHOTOS`.

Patches per second of whole training steps (all levels, 128 px, batch 16) in plain float32 with
contiguous tensors and as midtone trains, alternating in one run; and what the loader costs: the
processor time of one batch of examples and pyramids, and how long a step waits for its batch.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch

from midtone.data.patches import FromPhotographs
from midtone.data.photographs import Photographs, find_photos
from midtone.network import CoarseToFine
from midtone.training.loader import Batch, Share, batches
from midtone.training.loop import picture_loss

SIZE, BATCH = 128, 16


class Trainer:
    """A network, its optimiser, and one step."""

    def __init__(self, layout: torch.memory_format, half: bool) -> None:
        torch.manual_seed(0)
        self.layout, self.half = layout, half
        self.network = CoarseToFine().to(memory_format=layout)  # type: ignore[call-overload]
        self.adam = torch.optim.Adam(self.network.parameters(), 1e-4, fused=True)

    def step(self, batch: Batch) -> None:
        """As in midtone.training.loop."""
        levels, targets = batch
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            results = self.network(*(one.contiguous(memory_format=self.layout) for one in levels))
        loss = picture_loss([result.float() for result in results], targets, 1.0)
        self.adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.adam.step()
        loss.item()


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_flush_denormal(True)
    photographs = Photographs.read(find_photos(options.photos)[:200], 320)
    examples = FromPhotographs(photographs, SIZE, seed=0)
    network = CoarseToFine().config

    def loader(first: int, workers: int, steps: int) -> list[Batch]:
        return list(
            batches(examples, Share(range(first, first + steps), BATCH), network, 1, workers)
        )

    given = loader(0, 0, 4)
    kinds = {
        "float32, contiguous": Trainer(torch.contiguous_format, half=False),
        "bfloat16, channels last": Trainer(torch.channels_last, half=True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for number in range(options.rounds + 1):
        for name, trainer in kinds.items():
            started = time.perf_counter()
            for step in range(options.steps):
                trainer.step(given[step % len(given)])
            if number:  # the first round warms up
                seconds[name].append((time.perf_counter() - started) / options.steps)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"{SIZE} px, batch {BATCH}, all levels, {torch.get_num_threads()} threads\n")
    print("| | s / step | patches / s |\n|---|---|---|")
    for name, median in medians.items():
        print(f"| {name} | {median:.3f} | {BATCH / median:.1f} |")
    plain, fast = medians.values()
    print(f"\nspeed-up: {plain / fast:.2f}")

    started = time.process_time()
    loader(100, 0, 8)
    cost = (time.process_time() - started) / 8
    print(f"loader: {1000 * cost:.0f} ms of one core a batch")
    waits, trainer = [], kinds["bfloat16, channels last"]
    share = Share(range(200, 200 + 4 * options.steps), BATCH)
    started = time.perf_counter()
    for batch in batches(examples, share, network, 1, workers=1):
        waits.append(time.perf_counter() - started)
        trainer.step(batch)
        started = time.perf_counter()
    waits = waits[len(waits) // 4 :]  # the loader's start is not a step's cost
    whole = medians["bfloat16, channels last"]
    print(
        f"a step waits {1000 * statistics.mean(waits):.1f} ms, {statistics.mean(waits) / whole:.1%}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
