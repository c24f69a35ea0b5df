"""`midtone page`: the page without a server."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from midtone.commands.flags import pipeline_option
from midtone.errors import Error


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = (
        "Write a folder of files for any web server: a page that corrects photographs "
        "in the browser, offline. Needs midtone[web] and the npm package onnxruntime-web."
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder to write")
    parser.add_argument(
        "--onnxruntime",
        type=Path,
        required=True,
        metavar="FILE|FOLDER",
        help="onnxruntime-web, as npm pack writes it (.tgz) or as a folder",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the page in the folder")
    parser.add_argument(
        "--model", default="default", help="name or .onnx file of a model (default)"
    )
    pipeline_option(parser)
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    try:
        from midtone.server import static_site
    except ImportError as error:
        raise Error(f"the page needs midtone[web] ({error.name} is missing)") from None
    site = static_site.build(
        options.out,
        options.onnxruntime,
        model=options.model,
        pipeline=options.pipeline,
        overwrite=options.overwrite,
    )
    total = sum(site.files.values())
    print(f"{len(site.files)} files, {total / 1e6:.1f} MB, in {options.out}", file=sys.stderr)
    print(f"a browser loads {site.loaded / 1e6:.1f} MB of them once", file=sys.stderr)
    return 0
