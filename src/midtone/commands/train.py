"""`midtone train`: photographs in, a training run out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from midtone.errors import ModelError, UsageError

if TYPE_CHECKING:
    from midtone.commands import Verbs


def add(verbs: Verbs) -> None:
    """Describe the command."""
    parser = verbs.add_parser(
        "train",
        help="train a model (needs midtone[train])",
        description="Train on a folder of well exposed photographs; resumes what OUT holds.",
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--recipe", default="cpu", help="settings of the run (cpu)")
    parser.add_argument("--workers", type=int, default=2, help="loader processes (2)")
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    try:
        from midtone.training.loop import train
        from midtone.training.recipe import RECIPES
    except ImportError as error:
        raise ModelError(f"training needs torch: pip install midtone[train] ({error})") from error
    if options.recipe not in RECIPES:
        raise UsageError(f"unknown recipe {options.recipe}; known are {', '.join(RECIPES)}")
    train(options.photos, options.out, RECIPES[options.recipe], workers=options.workers)
    return 0
