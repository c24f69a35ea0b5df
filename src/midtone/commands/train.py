"""`midtone train`: pairs or photographs in, a training run out."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from midtone.errors import ModelError, UsageError
from midtone.options import DEVICES

if TYPE_CHECKING:
    from midtone.training.loop import RunResult
    from midtone.training.recipe import Recipe

RECIPE = "default"


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = (
        "Train on pairs (the paper's folders, or input/ and reference/), or on good "
        "photographs, of which exposure errors are synthesised. Ctrl+C saves and stops."
    )
    parser.add_argument("folder", type=Path, metavar="PAIRS|PHOTOS", help="what is trained on")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--recipe", help=f"name or .json file of a recipe ({RECIPE}; with --resume the run's own)"
    )
    parser.add_argument("--resume", action="store_true", help="continue the run in OUT")
    parser.add_argument(
        "--start", metavar="RUN|MODEL", help="begin with the weights of a run or of a model file"
    )
    parser.add_argument(
        "--for", dest="limit", metavar="TIME", help="stop after this time, such as 90s, 30m or 2h"
    )
    parser.add_argument(
        "--checkpoint-every", metavar="TIME", default="5m", help="time between checkpoints (5m)"
    )
    parser.add_argument("--workers", type=int, default=2, help="loader processes (2)")
    parser.add_argument("--device", default="auto", choices=DEVICES, help="where to train (auto)")
    parser.add_argument(
        "--precision",
        default="auto",
        choices=("auto", "float32", "bfloat16"),
        help="of the network (auto: bfloat16 where it is fast)",
    )
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    try:
        from midtone.training import checkpoint
        from midtone.training.loop import RunOptions, train
        from midtone.training.stopping import parse_duration
    except ImportError as error:
        raise ModelError(f"training needs torch: pip install midtone[train] ({error})") from error
    if options.workers < 0:
        raise UsageError("--workers must be at least 0")
    settings = RunOptions(
        resume=options.resume,
        start=options.start and checkpoint.find_start(options.start),
        workers=options.workers,
        device=options.device,
        precision=options.precision,
        checkpoint_every=parse_duration(options.checkpoint_every),
        limit=options.limit and parse_duration(options.limit),
        progress=True,
    )
    result = train(options.folder, options.out, _recipe(options), settings)
    return _report(options, result)


def _recipe(options: argparse.Namespace) -> Recipe:
    """The recipe of the command line; else that of the run to resume, else the default."""
    from midtone.training import checkpoint
    from midtone.training.recipe import load_recipe
    from midtone.training.recipes import RECIPES

    stored = options.out / checkpoint.CHECKPOINT
    if options.recipe is None and options.resume and stored.exists():
        return checkpoint.stored_recipe(stored)
    return load_recipe(options.recipe or RECIPE, RECIPES)


def _report(options: argparse.Namespace, result: RunResult) -> int:
    """Print how to go on; returns the exit code: 128 + the signal that stopped the run, else 0."""
    out = shlex.quote(str(options.out))
    if result.step == result.steps:
        print(f"{options.out}: done; midtone export {out} -o model.onnx", file=sys.stderr)
        return 0
    print(
        f"{options.out}: saved at step {result.step} of {result.steps}; continue with midtone "
        f"train {shlex.quote(str(options.folder))} -o {out} --resume",
        file=sys.stderr,
    )
    return 128 + result.stopped if result.stopped > 0 else 0
