"""What `midtone render` and `midtone synthesize` share: flags, and building a data set."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from midtone.commands.flags import parallel_options
from midtone.errors import UsageError

if TYPE_CHECKING:
    from midtone.data.scenes import Entry, Maker

_LARGEST_EV = 10
_PATCH = 512  # largest patches of the recipe paper


def add_options(parser: argparse.ArgumentParser) -> None:
    """The flags of both commands."""
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="PAIRS_DIR", help="folder to write"
    )
    parser.add_argument(
        "--evs", default="-1.5,-1,0,1,1.5", help="exposures in EV (-1.5,-1,0,1,1.5)"
    )
    parser.add_argument("--size", type=int, default=0, help="longest side in px; 0: full size (0)")
    parser.add_argument("--quality", type=int, default=95, help="quality of JPEG (95)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random splits (1)")
    parser.add_argument(
        "--splits",
        type=Path,
        metavar="FILE.csv|FOLDER",
        help="splits from a table or from lists of files",
    )
    parser.add_argument("--shard", default="1/1", metavar="I/N", help="only the I-th of N parts")
    parallel_options(parser, backend="processes")


def build(
    options: argparse.Namespace,
    sources: list[Path],
    experts: dict[str, dict[str, Path]],
    problems: list[str],
    make: Maker,
    target: str,
) -> int:
    """Build a data set; returns the exit code.

    sources:  files of the scenes
    experts:  their renderings, by expert and scene
    problems: a sentence for each file that is left out already
    make:     makes a scene
    target:   of ``scenes.Settings``
    Raises UsageError.
    """
    from tqdm import tqdm

    from midtone.batch.inputs import parse_shard
    from midtone.commands.progress import print_problems
    from midtone.data import dataset_builder, splits
    from midtone.data.scenes import Settings

    _check(options)
    sources = _outside(options, sources)
    settings = Settings(
        evs=_evs(options.evs),
        format=options.format,
        quality=options.quality,
        target=target,
        side=options.size or None,
    )
    given = splits.read_splits(options.splits) if options.splits else None
    scenes, left_out = dataset_builder.plan(sources, experts, options.seed, given)
    _warn_of_size(options.size)
    with tqdm(total=len(scenes), unit="scene", disable=None) as bar:
        entries, failed = dataset_builder.build(
            scenes,
            options.out,
            make,
            settings,
            shard=parse_shard(options.shard),
            workers=options.workers,
            backend=options.backend,
            address=options.address,
            progress=lambda _: bar.update(),
        )
    if options.size:
        _warn_of_small_images(entries)
    problems = [*problems, *left_out, *failed]
    print_problems(problems)
    print(f"{len({e['scene'] for e in entries})} scenes, {len(entries)} images in {options.out}")
    return 1 if problems else 0


def _check(options: argparse.Namespace) -> None:
    for name, least in (("workers", 1), ("size", 0)):
        if getattr(options, name) < least:
            raise UsageError(f"--{name} must be at least {least}, not {getattr(options, name)}")
    if not 1 <= options.quality <= 100:
        raise UsageError(f"--quality must be from 1 to 100, not {options.quality}")


def _outside(options: argparse.Namespace, sources: list[Path]) -> list[Path]:
    """The sources but what an earlier run wrote inside their folder. Raises UsageError if none."""
    out = options.out.resolve()
    if out == options.source.resolve():
        raise UsageError(f"{options.out}: the data set needs a folder of its own")
    found = [path for path in sources if out not in path.resolve().parents]
    if not found:
        raise UsageError(f"{options.source}: holds no files to work on")
    return found


def list_files(folder: Path) -> list[Path]:
    """The files below a folder but hidden ones. Raises UsageError if it is none."""
    if not folder.is_dir():
        reason = "is a file, not a folder" if folder.exists() else "no such folder"
        raise UsageError(f"{folder}: {reason}")
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")
    )


def _evs(text: str) -> tuple[float, ...]:
    try:
        evs = tuple(float(ev) for ev in text.split(","))
    except ValueError:
        evs = (math.nan,)
    if not all(abs(ev) <= _LARGEST_EV for ev in evs):
        raise UsageError(
            f"--evs takes numbers from -{_LARGEST_EV} to {_LARGEST_EV} with commas, not {text}"
        )
    return evs


def _warn_of_size(size: int) -> None:
    """Warn if usual photographs of this size are too small for the paper's patches."""
    if 0 < size < _PATCH * 1.5:
        print(
            f"midtone: --size {size}: a photograph of 3 : 2 becomes {size} x {round(size / 1.5)} "
            f"px, too small for the paper's patches of {_PATCH} px; {_PATCH * 3 // 2} or more "
            "keeps it",
            file=sys.stderr,
        )


def _warn_of_small_images(entries: Sequence[Entry]) -> None:
    """Warn of images that are too small for the paper's patches."""
    small = sum(min(entry["width"], entry["height"]) < _PATCH for entry in entries)
    if small:
        print(
            f"midtone: {small} of {len(entries)} images are smaller than {_PATCH} px on a side; "
            "the last stage of the recipe paper cannot use them",
            file=sys.stderr,
        )
