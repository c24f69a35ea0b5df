"""`midtone synthesize`: a data set in the paper's layout from well exposed photographs."""

from __future__ import annotations

import argparse
from pathlib import Path

from midtone.commands import data_set


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = "Synthesise exposure errors by the measured curves of the paper's data."
    parser.add_argument("source", type=Path, metavar="PHOTOS", help="well exposed photographs")
    data_set.add_options(parser)
    parser.add_argument(
        "--format", default="jpeg", choices=("jpeg", "png"), help="format of the images (jpeg)"
    )
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    from midtone.data import scenes
    from midtone.photo import writable_as

    sources = [path for path in data_set.list_files(options.source) if writable_as(path)]
    return data_set.build(options, sources, {}, [], scenes.from_photograph, "rendering")
