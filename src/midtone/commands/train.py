"""`midtone train`: pairs or photographs in, a training run out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from midtone.errors import ModelError

if TYPE_CHECKING:
    from midtone.commands import Verbs


def add(verbs: Verbs) -> None:
    """Describe the command."""
    parser = verbs.add_parser(
        "train",
        help="train a model (needs midtone[train])",
        description="Train on pairs (the paper's folders, or input/ and reference/), or on good "
        "photographs, which are exposed wrongly on the fly.",
    )
    parser.add_argument("source", type=Path, metavar="PAIRS|PHOTOS")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--recipe", default="cpu", help="name, or .json file of a run (cpu)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in OUT")
    parser.add_argument(
        "--start", metavar="RUN|MODEL", help="begin with the weights of a run or of an .onnx model"
    )
    parser.add_argument("--workers", type=int, default=2, help="loader processes (2)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16"))
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    try:
        from midtone.training import checkpoint, recipe
        from midtone.training.loop import train
    except ImportError as error:
        raise ModelError(f"training needs torch: pip install midtone[train] ({error})") from error
    train(
        options.source,
        options.out,
        recipe.find(options.recipe),
        resume=options.resume,
        start=options.start and checkpoint.find_start(options.start),
        workers=options.workers,
        device=options.device,
        precision=options.precision,
        progress=True,
    )
    return 0
