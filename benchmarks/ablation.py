"""What do the paper's parts bring? `python benchmarks/ablation.py PHOTOS DATA [--steps 1500]`.

Trains the same short schedule with 4, 2 and 1 pyramid levels and without the pyramid loss, on
photographs spoiled on the fly, and measures each on photographs spoiled at fixed EVs, through the
whole path with the grid. With --adversarial it trains the full network a little longer instead,
with and without the adversarial loss. Runs that are there already are not trained again.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import quality
from midtone import Corrector
from midtone.training.checkpoint import CHECKPOINT
from midtone.training.export import export
from midtone.training.loop import train
from midtone.training.recipe import ADVERSARIAL, RECIPES, Recipe, Stage


def recipes(steps: int, size: int) -> dict[str, Recipe]:
    """The variants, same budget of steps each."""
    full = Recipe(
        (Stage(size, 16, steps, 4e-4, 4e-6, warmup=min(100, steps // 10)),), validate_every=500
    )
    return {
        "4 levels": full,
        "4 levels, no pyramid loss": replace(full, pyramid_weight=0.0),
        "2 levels": replace(full, network=RECIPES["paper-2-levels"].network),
        "1 level": replace(full, network=RECIPES["paper-1-level"].network),
    }


def adversarial_recipes(steps: int, size: int) -> dict[str, Recipe]:
    """Going on from the full network, with and without the adversarial loss."""
    plain = Recipe((Stage(size, 16, steps, 1e-4, 1e-6, warmup=20),), validate_every=500)
    (stage,) = plain.stages
    judged = replace(stage, adversarial=ADVERSARIAL, discriminator_rate=1e-4)
    return {
        "going on": plain,
        "going on, adversarial": replace(plain, stages=(judged,)),
    }


def main() -> int:
    """Train, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("data", type=Path, help="development sets")
    parser.add_argument("--out", type=Path, default=Path.home() / "midtone-runs" / "ablation")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--adversarial", action="store_true")
    options = parser.parse_args()
    chosen = (adversarial_recipes if options.adversarial else recipes)(options.steps, options.size)
    start = options.out / "4 levels" / CHECKPOINT if options.adversarial else None
    figures: dict[str, quality.Figures] = {}
    for name, recipe in chosen.items():
        run = options.out / name
        checkpoint = train(options.photos, run, recipe, resume=True, start=start, workers=1)
        model = run / "model.onnx"
        export(checkpoint, model)
        figures |= quality.measure_pairs(options.data, {name: Corrector(model)}, quick=False)
        print(quality.table(figures), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
