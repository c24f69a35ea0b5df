"""`midtone fix`: correct photographs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from midtone.commands import model_options
from midtone.errors import UsageError

if TYPE_CHECKING:
    from midtone.batch import Result
    from midtone.commands import Verbs


def add(verbs: Verbs) -> None:
    """Describe the command."""
    parser = verbs.add_parser("fix", help="correct photographs", description="Correct photographs.")
    parser.add_argument("sources", nargs="+", type=Path, metavar="FILE|FOLDER")
    parser.add_argument("-o", "--out", type=Path, required=True, help="file or folder to write")
    parser.add_argument("--strength", type=float, default=1.0, help="0 (unchanged) to 1 (default)")
    parser.add_argument(
        "--fusion", action="store_true", help="blend with the input by exposure fusion"
    )
    parser.add_argument("--contrast", action="store_true", help="stretch the contrast")
    parser.add_argument(
        "--scales",
        type=_numbers,
        metavar="S1,S2,...",
        help="a factor for each pyramid level, finest first",
    )
    parser.add_argument("--quality", type=int, default=95, help="of JPEG and WebP, 1 to 100 (95)")
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.add_argument("--workers", type=int, default=1, help="files worked on side by side (1)")
    model_options(parser)
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    from tqdm import tqdm

    from midtone import batch
    from midtone.corrector import Corrector, Settings

    if not 1 <= options.quality <= 100:
        raise UsageError(f"--quality must lie within 1 and 100, not {options.quality}")
    if options.workers < 1:
        raise UsageError(f"--workers must be at least 1, not {options.workers}")
    settings = Settings(options.strength, options.fusion, options.contrast, options.scales)
    total = len(list(batch.plan(options.sources, options.out)))
    with tqdm(total=total, unit="photo", disable=None if total > 1 else True) as bar:

        def show(result: Result) -> None:
            if result.error:
                bar.write(f"midtone: {result.error}", file=sys.stderr)
            bar.update()

        report = batch.correct_tree(
            options.sources,
            options.out,
            corrector=Corrector(options.model, options.device),
            settings=settings,
            quality=options.quality,
            overwrite=options.overwrite,
            workers=options.workers,
            progress=show,
        )
    if total > 1 and report.failed:
        print(f"midtone: {len(report.failed)} of {total} photographs failed", file=sys.stderr)
    return 1 if report.failed else 0


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))
