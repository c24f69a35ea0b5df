"""`midtone explore`: exposure statistics and a t-SNE map of a set of pairs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from midtone.commands.flags import check_overwrite, overwrite_option
from midtone.errors import Error, UsageError

if TYPE_CHECKING:
    import numpy as np

    from midtone.data.pairs import Pair

_LEAST = 5
_SUFFIXES = (".png", ".pdf", ".svg", ".jpg", ".webp")


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = (
        "Print exposure statistics by EV and draw the t-SNE map of all inputs, coloured by EV "
        "(the paper's figure 3)."
    )
    parser.add_argument(
        "pairs", type=Path, metavar="PAIRS_DIR", help="data set in the paper's layout"
    )
    parser.add_argument(
        "-o", "--out", type=Path, required=True, help="picture to write: .png, .pdf or .svg"
    )
    parser.add_argument("--thumbnails", action="store_true", help="draw the images instead of dots")
    parser.add_argument("--limit", type=int, default=3000, help="largest number of images (3000)")
    parser.add_argument("--workers", type=int, default=1, help="threads (1)")
    overwrite_option(parser)
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    import numpy as np

    from midtone.atomic import replacing
    from midtone.commands.progress import print_problems
    from midtone.data import explore
    from midtone.data.pairs import read_pairs

    if options.limit < _LEAST or options.workers < 1:
        raise UsageError(f"--limit must be at least {_LEAST}, --workers at least 1")
    if options.out.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"{options.out}: a map ends in {', '.join(_SUFFIXES)}")
    check_overwrite(options)
    try:
        import matplotlib  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError as error:
        raise Error(f"exploring needs midtone[explore] ({error.name} is missing)") from error
    found = read_pairs(options.pairs)
    pairs = found.pairs[:: -(-len(found.pairs) // options.limit)]
    described, failed = _describe(pairs, options.workers)
    readable = [pair for pair in pairs if pair.input in described]
    if len(readable) < _LEAST:
        raise UsageError(f"{options.pairs}: {len(readable)} readable images; {_LEAST} are needed")
    vectors, statistics = zip(*(described[pair.input] for pair in readable), strict=True)
    print(explore.table(readable, np.stack(statistics)))
    with replacing(options.out) as temporary:
        named = temporary.with_suffix(options.out.suffix or ".png")
        explore.draw(readable, explore.embed(np.stack(vectors)), named, options.thumbnails)
        named.replace(temporary)
    problems = [*found.problems, *failed]
    print_problems(problems)
    return 1 if problems else 0


def _describe(
    pairs: Sequence[Pair], workers: int
) -> tuple[dict[Path, tuple[np.ndarray, np.ndarray]], list[str]]:
    """``explore.describe`` of each input, and a sentence for each that cannot be read."""
    from tqdm import tqdm

    from midtone.batch import parallel
    from midtone.data import explore

    described, problems = {}, []
    inputs = list(dict.fromkeys(pair.input for pair in pairs))
    flow = parallel.run(explore.describe, inputs, workers=workers)
    for outcome in tqdm(flow, total=len(inputs), unit="photo", disable=None):
        if isinstance(outcome, parallel.Failed):
            problems.append(outcome.reason)
        else:
            described[outcome.item] = outcome.value
    return described, problems
