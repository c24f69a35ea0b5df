"""Average the weights of training runs and embedded models that descend from one another.

    python benchmarks/average.py run1=0.4 run2=0.2 default=0.4 -o start/

makes a folder from which ``midtone train --start`` begins. If there is a run among the parts, the
first gives its recipe, with the shares in it, and ``midtone export`` can write the mean. A weight
that a network lacks (the steering by tone statistics) is averaged over those that have it;
statistics that one does not know do nothing in it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from midtone.training.checkpoint import CHECKPOINT, STEERED, find_start, first_weights, widened


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="+", metavar="RUN|MODEL=SHARE")
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    parts: list[tuple[dict[str, torch.Tensor], float]] = []
    recipe: dict[str, Any] | None = None
    for part in options.parts:
        name, _, share = part.rpartition("=")
        path = find_start(name)
        parts.append((first_weights(path), float(share)))
        if recipe is None and path.name == CHECKPOINT:
            with safe_open(path, "pt") as file:
                recipe = json.loads(file.metadata()["recipe"])
    most = max(
        (t.shape[1] for found, _ in parts for key, t in found.items() if key.endswith(STEERED)),
        default=0,
    )
    header = None
    if recipe is not None:
        recipe["network"]["tones"] = most
        header = {"recipe": json.dumps(recipe | {"mean_of": options.parts}), "step": "0"}
    sums: dict[str, torch.Tensor] = {}
    shares: dict[str, float] = {}
    for found, share in parts:
        for key, weight in found.items():
            tensor = widened(weight, most) if key.endswith(STEERED) else weight
            sums[key] = sums.get(key, 0) + share * tensor.float()
            shares[key] = shares.get(key, 0) + share
    options.out.mkdir(parents=True, exist_ok=True)
    save_file(
        {f"average/{key}": (total / shares[key]).contiguous() for key, total in sums.items()},
        options.out / CHECKPOINT,
        header,
    )


if __name__ == "__main__":
    main()
