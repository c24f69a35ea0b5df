"""How much of a network's quality is learned by heart: photographs it learned from, and others.

    python benchmarks/by_heart.py PHOTOS RUN|MODEL ... [--recipe runs/third.recipe.json]

PHOTOS: the folder it was trained on. Each photograph at six exposure errors, and PSNR as while it
was trained (``training.validation``), dB.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch

from midtone import tones
from midtone.data.photographs import Photographs, find_photos, hold_out
from midtone.data.synthesize import synthesize
from midtone.network import NetworkConfig
from midtone.training import recipe as recipes
from midtone.training.checkpoint import State, find_start
from midtone.training.validation import EVS, Check, validate


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("models", nargs="+", metavar="RUN|MODEL")
    parser.add_argument("--recipe", default="runs/third.recipe.json", help="of its errors")
    options = parser.parse_args()
    recipe = replace(recipes.find(options.recipe), network=NetworkConfig(tones=tones.COUNT))
    stage = recipe.stages[-1]
    training, held_out = hold_out(find_photos(options.photos), recipe.hold_out)
    others = Photographs.read(held_out, stage.longest_side, chosen=True).images
    known = Photographs.read(
        training[:: len(training) // len(held_out)], stage.longest_side, chosen=True
    ).images
    groups = {"learned from": known[: len(others)], "others": others}
    checks: dict[str, list[Check]] = {}
    for group, images in groups.items():
        checks[group] = []
        for (number, image), ev in product(enumerate(images), EVS):
            rng = np.random.default_rng((number, round(10 * ev) + 100))
            wrong = synthesize(image, ev, stage.errors, rng)
            checks[group].append(Check(f"{ev:+.1f}", wrong, image))
    print(f"{len(others)} photographs each | " + " | ".join(f"{ev:+.1f} EV" for ev in EVS))
    for name in options.models:
        state = State.new(recipe, torch.device("cpu"))
        state.start_from(find_start(name), 0)
        for group, these in checks.items():
            psnr = validate(state.network, state.average, these, stage.size, stage.finest).psnr
            row = " | ".join(f"{psnr[f'{ev:+.1f}']:.2f}" for ev in EVS)
            print(f"{name}, {group} | {row} | mean {psnr['mean']:.2f}", flush=True)


if __name__ == "__main__":
    main()
