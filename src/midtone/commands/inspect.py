"""`midtone inspect`: how far off is each exposure."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from midtone.commands import model_options
from midtone.errors import Error

if TYPE_CHECKING:
    from midtone.commands import Verbs


def add(verbs: Verbs) -> None:
    """Describe the command."""
    parser = verbs.add_parser(
        "inspect",
        help="estimate how far off exposures are",
        description="Estimate each photograph's exposure error in EV; negative is underexposed.",
    )
    parser.add_argument("sources", nargs="+", type=Path, metavar="FILE|FOLDER")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    model_options(parser)
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    from midtone import batch, photo
    from midtone.corrector import Corrector

    corrector = Corrector(options.model, options.device)
    failed = False
    for path in batch.find(options.sources):
        try:
            error = corrector.plan(photo.read(path)).exposure_error
        except Error as known:
            failed = True
            print(f"midtone: {known}", file=sys.stderr)
            continue
        if options.json:
            print(json.dumps({"file": str(path), "exposure_error": round(error, 3)}))
        else:
            print(f"{error:+6.2f} EV  {path}", flush=True)
    return 1 if failed else 0
