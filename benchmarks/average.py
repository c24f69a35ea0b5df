"""Average the weights of training runs and embedded models that descend from one another.

    python benchmarks/average.py run1=0.4 run2=0.2 default=0.4 -o start/

makes a folder from which ``midtone train --start`` begins. A weight that a network lacks (the
steering by tone statistics) is averaged over those that have it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

from midtone.training.checkpoint import CHECKPOINT, find_start, first_weights


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="+", metavar="RUN|MODEL=SHARE")
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    sums: dict[str, torch.Tensor] = {}
    shares: dict[str, float] = {}
    for part in options.parts:
        name, _, share = part.rpartition("=")
        for key, tensor in first_weights(find_start(name)).items():
            sums[key] = sums.get(key, 0) + float(share) * tensor.float()
            shares[key] = shares.get(key, 0) + float(share)
    options.out.mkdir(parents=True, exist_ok=True)
    save_file(
        {f"average/{key}": (total / shares[key]).contiguous() for key, total in sums.items()},
        options.out / CHECKPOINT,
    )


if __name__ == "__main__":
    main()
