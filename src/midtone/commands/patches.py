"""`midtone patches`: the paper's training patches, on disk."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from itertools import groupby
from pathlib import Path

from midtone.errors import UsageError


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = (
        "Cut random patches from pairs, by the paper's rules (not too dark, too bright or too "
        "flat), all exposures of a scene alike; OUT has the layout of PAIRS."
    )
    parser.add_argument("pairs", type=Path, metavar="PAIRS", help="data set in the paper's layout")
    parser.add_argument("-o", "--out", type=Path, required=True, help="empty or new folder")
    parser.add_argument("--size", type=int, default=128, help="side of a patch in px (128)")
    parser.add_argument("--per-image", type=int, default=10, help="patches of each image (10)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the positions (1)")
    parser.add_argument("--workers", type=int, default=1, help="processes (1)")
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    from tqdm import tqdm

    from midtone.batch import parallel
    from midtone.commands.progress import print_problems
    from midtone.data.pairs import read_pairs
    from midtone.data.patches import write_patches

    if min(options.size, options.per_image, options.workers) < 1:
        raise UsageError("--size, --per-image and --workers must be at least 1")
    if options.out.exists() and (not options.out.is_dir() or any(options.out.iterdir())):
        raise UsageError(f"{options.out}: is not empty")
    found = read_pairs(options.pairs)
    problems = list(found.problems)
    ordered = sorted(found.pairs, key=lambda pair: (pair.split, pair.scene))
    scenes = [list(some) for _, some in groupby(ordered, lambda pair: (pair.split, pair.scene))]
    work = partial(write_patches, options.out, options.size, options.per_image, options.seed)
    # A single worker needs no process of its own.
    backend = "threads" if options.workers == 1 else "processes"
    flow = parallel.run(work, scenes, workers=options.workers, backend=backend)
    total = 0
    for outcome in tqdm(flow, total=len(scenes), unit="scene", disable=None):
        first = outcome.item[0]
        if isinstance(outcome, parallel.Failed):
            problems.append(f"{first.scene}: {outcome.reason}")
            continue
        written, failed = outcome.value
        total += written
        problems += failed
        if not written and not failed:
            problems.append(f"{first.reference}: no patch of {options.size} px is acceptable")
    print_problems(problems)
    print(f"{total} pairs of patches in {options.out}", file=sys.stderr)
    return 1 if problems else 0
