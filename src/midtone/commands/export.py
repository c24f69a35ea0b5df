"""`midtone export`: a model file of a training run."""

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
        "export",
        help="make a model file of a training run (needs midtone[train])",
        description="Make a model file of a training run; checks it against torch first.",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument("-o", "--out", type=Path, required=True, help=".onnx or .safetensors file")
    parser.add_argument(
        "--finest", type=int, metavar="LEVEL", help="run only this pyramid level and coarser ones"
    )
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    try:
        from midtone.training import checkpoint
        from midtone.training.export import export
    except ImportError as error:
        raise ModelError(f"export needs torch: pip install midtone[train] ({error})") from error
    if options.out.suffix not in (".onnx", ".safetensors"):
        raise UsageError(f"{options.out}: a model file ends in .onnx or .safetensors")
    difference = export(checkpoint.find(options.run), options.out, finest=options.finest)
    print(f"{options.out}: differs from torch by at most {difference:.1e}")
    return 0
