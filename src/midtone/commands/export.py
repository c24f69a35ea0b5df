"""`midtone export`: a model file of a training run."""

from __future__ import annotations

import argparse
from pathlib import Path

from midtone.commands.flags import check_overwrite, overwrite_option
from midtone.errors import ModelError, UsageError


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = (
        "Make a model file of a training run, or of a .safetensors model; an .onnx "
        "file is compared with torch before it is written."
    )
    parser.add_argument("run", metavar="RUN|MODEL", help="folder of a run, or .safetensors file")
    parser.add_argument("-o", "--out", type=Path, required=True, help=".onnx or .safetensors file")
    parser.add_argument(
        "--finest", type=int, metavar="LEVEL", help="leave out finer pyramid levels"
    )
    parser.add_argument(
        "--pipeline",
        default="default",
        help="pipeline of the file: paper or a .toml file (MODEL's own, else paper)",
    )
    overwrite_option(parser)
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    try:
        from midtone.training import checkpoint
        from midtone.training.export import export
    except ImportError as error:
        raise ModelError(f"export needs torch: pip install midtone[train] ({error})") from error
    if options.out.suffix not in (".onnx", ".safetensors"):
        raise UsageError(f"{options.out}: a model file ends in .onnx or .safetensors")
    check_overwrite(options)
    if options.run.endswith(".onnx"):
        raise UsageError(f"{options.run}: a run's folder or a .safetensors file is needed")
    difference = export(
        checkpoint.find_start(options.run),
        options.out,
        finest=options.finest,
        pipeline=options.pipeline,
    )
    print(f"{options.out}: differs from torch by at most {difference:.1e}")
    return 0
