"""`midtone inspect`: how far off is each exposure."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from midtone.commands import model_options, source_options
from midtone.errors import UsageError

if TYPE_CHECKING:
    from midtone.commands import Verbs


def add(verbs: Verbs) -> None:
    """Describe the command."""
    parser = verbs.add_parser(
        "inspect",
        help="estimate how far off exposures are",
        description="Estimate each photograph's exposure error in EV; negative is underexposed.",
    )
    source_options(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--sort", action="store_true", help="the worst first, when all are known")
    parser.add_argument(
        "--min-error",
        "--only-needed",
        type=float,
        default=0.0,
        metavar="EV",
        help="leave out photographs whose exposure is off by less",
    )
    parser.add_argument("--workers", type=int, default=1, help="files worked on side by side (1)")
    parser.add_argument("--max-megapixels", type=float, default=500.0, help="refuse more (500)")
    model_options(parser)
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    from midtone import photo
    from midtone.batch import inputs, parallel
    from midtone.commands import given_sources
    from midtone.corrector import Corrector
    from midtone.errors import Error

    if options.workers < 1:
        raise UsageError(f"--workers must be at least 1, not {options.workers}")
    corrector = Corrector(options.model, options.device, pipeline=options.pipeline)

    def estimate(path: Path) -> float:
        opened = photo.open_file(path, max_megapixels=options.max_megapixels)
        return corrector.plan_file(opened).exposure_error

    def show(path: Path, error: float) -> None:
        if options.json:
            print(json.dumps({"file": str(path), "exposure_error": round(error, 3)}), flush=True)
        else:
            print(f"{error:+6.2f} EV  {path}", flush=True)

    failed = False
    found: list[tuple[Path, float]] = []
    paths = inputs.find(given_sources(options), recursive=options.recursive)
    for path, outcome in parallel.run(estimate, paths, workers=options.workers):
        if isinstance(outcome, BaseException):
            if not isinstance(outcome, Error):
                raise outcome
            failed = True
            print(f"midtone: {outcome}", file=sys.stderr)
        elif abs(outcome) >= options.min_error:
            found.append((path, outcome))
            if not options.sort:
                show(path, outcome)
    if options.sort:
        for path, error in sorted(found, key=lambda one: -abs(one[1])):
            show(path, error)
    return 1 if failed else 0
