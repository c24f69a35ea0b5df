"""The paper's ablations at equal time: `python benchmarks/ablation.py PACK OUT [--for 1m]`.

Trains the recipe `paper` and its variants (one and two levels, without the pyramid loss, without
the adversarial loss) for the same time each (midtone.training.gpu_run; PACK is made by
midtone.training.pack) and prints PSNR in dB by EV of held-out photographs. OUT/<recipe> holds the
weights, a model that `midtone evaluate` takes. Variants that are there already are not trained
again. `--short` is for runs of minutes on a processor: the learning rate is four times the paper's,
and whole photographs are reduced to 512 px, where packed ones are too small to cut patches. Needs
torch, NumPy, Pillow and safetensors only.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from midtone.data.crops import CropModel
from midtone.training.gpu_run import GpuOptions, train_on_device
from midtone.training.recipe import Recipe
from midtone.training.recipes import RECIPES
from midtone.training.stopping import parse_duration


def main() -> int:
    """Train and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pack", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--for", dest="limit", default="1m", help="time of each variant (1m)")
    parser.add_argument("--steps", type=int, default=0, help="at most so many of each")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--batch", type=int, default=4, help="times the recipe's batch (4)")
    parser.add_argument("--short", action="store_true", help="adapt the recipes to short runs")
    options = parser.parse_args()
    settings = GpuOptions(
        limit=parse_duration(options.limit),
        steps=options.steps,
        batch=options.batch,
        device=options.device,
    )
    headed = False
    for name, recipe in RECIPES.items():
        if not name.startswith("paper") or name == "paper-cpu":
            continue
        folder = options.out / name
        if not (folder / "weights.safetensors").exists():
            recipe = _shortened(recipe) if options.short else recipe
            train_on_device(options.pack, folder, recipe, settings)
        last = json.loads((folder / "log.jsonl").read_text("utf-8").splitlines()[-1])
        if not headed:
            print("| recipe | steps |", *(f"{ev} |" for ev in last["psnr"]))
            print("|---|---|" + "---|" * len(last["psnr"]))
            headed = True
        figures = (f"{value:.2f} |" for value in last["psnr"].values())
        print(f"| {name} | {last['step']} |", *figures, flush=True)
    return 0


def _shortened(recipe: Recipe) -> Recipe:
    stages = [replace(stage, rate=4 * stage.rate) for stage in recipe.stages]
    stages[-1] = replace(stages[-1], crops=CropModel(coverage=(0.8, 1.0)))
    return replace(recipe, stages=tuple(stages))


if __name__ == "__main__":
    sys.exit(main())
