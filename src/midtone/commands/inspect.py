"""`midtone inspect`: how far off is each exposure."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from midtone.commands.flags import (
    add_options,
    given_sources,
    model_options,
    quiet_option,
    source_options,
)
from midtone.options import CorrectionOptions, InputOptions

if TYPE_CHECKING:
    from midtone.batch.inspect_files import Inspection


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = (
        "Estimate each photograph's exposure error in EV; negative is underexposed."
    )
    source_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON line per file")
    parser.add_argument(
        "--sort", action="store_true", help="print the largest errors first, at the end"
    )
    add_options(parser, CorrectionOptions, InputOptions, only=("min_error", "max_megapixels"))
    parser.add_argument("--workers", type=int, default=1, help="files processed in parallel (1)")
    quiet_option(parser)
    model_options(parser)
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    from midtone import photo
    from midtone.batch import parallel
    from midtone.batch.find import find
    from midtone.batch.inputs import PIPE
    from midtone.batch.inspect_files import inspect_file
    from midtone.commands.corrector import load_corrector
    from midtone.commands.progress import Progress, closing_line

    found = find(given_sources(options), recursive=options.recursive)
    corrector = load_corrector(options)

    def work(path: Path) -> Inspection:
        source = sys.stdin.buffer if path == PIPE else path
        file = photo.open_file(source, max_megapixels=options.max_megapixels)
        return inspect_file(corrector, file)

    shown: list[tuple[Path, Inspection]] = []
    inspected = failed = 0
    with Progress(len(found.places), quiet=options.quiet) as progress:
        for outcome in parallel.run(work, found.paths, workers=options.workers):
            if isinstance(outcome, parallel.Failed):
                failed += 1
                progress.fail(outcome.reason)
            else:
                inspected += 1
                if abs(outcome.value.exposure_error) >= options.min_error:
                    shown.append((outcome.item, outcome.value))
                    if not options.sort:
                        progress.print(_line(*shown[-1], json_line=options.json))
            progress.advance()
        for _, _, reason in found.unreadable:
            failed += 1
            progress.fail(reason)
        if options.sort:
            for path, one in sorted(shown, key=lambda pair: -abs(pair[1].exposure_error)):
                progress.print(_line(path, one, json_line=options.json))
        if len(found.places) > 1:
            counts = {"inspected": inspected}
            if options.min_error:
                counts[f"off by {options.min_error:g} EV or more"] = len(shown)
            if failed:
                counts["failed"] = failed
            progress.note(closing_line(counts, found.passed_over))
    return 1 if failed else 0


def _line(path: Path, found: Inspection, *, json_line: bool) -> str:
    if json_line:
        return json.dumps({"file": str(path)} | found.to_dict())
    error = round(found.exposure_error, 2) + 0.0  # no -0.00
    return f"{error:+6.2f} EV  {path}"
