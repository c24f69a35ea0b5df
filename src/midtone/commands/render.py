"""`midtone render`: a data set in the paper's layout from camera RAW files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from midtone.commands import parallel_options
from midtone.errors import UsageError

if TYPE_CHECKING:
    from midtone.data import dataset_builder


_PATCH = 512  # largest patches of the recipe paper


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = (
        "Render camera RAW files at several exposures, with an expert's rendering, the "
        "one at 0 EV or the embedded JPEG as the target. Continues an earlier run."
    )
    parser.add_argument("source", type=Path, metavar="RAW_DIR", help="camera RAW files")
    add_common_options(parser)
    parser.add_argument(
        "--format",
        default="jpeg",
        choices=("jpeg", "png", "png16"),
        help="format of the images (jpeg); png16 has 16 bits",
    )
    parser.add_argument(
        "--target",
        choices=("expert", "rendering", "embedded"),
        help="kind of the targets (expert if any, else rendering)",
    )
    parser.add_argument(
        "--expert",
        action="append",
        default=[],
        metavar="LETTER=FOLDER",
        help="renderings of an expert, named like the RAW files; repeatable",
    )
    parser.set_defaults(verb=run)


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """The options of `render` and `synthesize`."""
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


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    from midtone.data import dataset_builder
    from midtone.photo import FORMATS, format_of

    experts = dict(_expert(given) for given in options.expert)
    if len(experts) < len(options.expert):
        raise UsageError("an expert is given twice")
    if options.target == "expert" and not experts:
        raise UsageError("--target expert needs --expert LETTER=FOLDER")
    target = options.target or ("expert" if experts else "rendering")
    found = list_files(options.source)
    sources = [path for path in found if format_of(path) is FORMATS["RAW"]]
    others = [
        f"{path}: not a camera RAW file; left out" for path in found if path not in set(sources)
    ]
    return build(options, sources, experts, others, dataset_builder.from_raw, target)


def build(
    options: argparse.Namespace,
    sources: list[Path],
    experts: dict[str, dict[str, Path]],
    problems: list[str],
    make: dataset_builder.Maker,
    target: str,
) -> int:
    """Build a data set; returns the exit code.

    sources:  files of the scenes; experts: their renderings, by expert and scene
    problems: a sentence for each file that is left out already
    make, target: as ``dataset_builder.build`` and its settings take them
    """
    from tqdm import tqdm

    from midtone.batch import inputs as shards
    from midtone.data import dataset_builder, splits

    try:
        evs = tuple(float(ev) for ev in options.evs.split(","))
    except ValueError:
        raise UsageError(f"--evs takes numbers with commas, not {options.evs}") from None
    if options.workers < 1 or options.size < 0 or not 1 <= options.quality <= 100:
        raise UsageError("--workers must be at least 1, --size at least 0, --quality 1 to 100")
    if not sources:
        raise UsageError(f"{options.source}: holds no files to work on")
    settings = dataset_builder.Settings(
        evs, options.format, options.quality, target, options.size or None
    )
    given = splits.read_splits(options.splits) if options.splits else None
    scenes, left_out = dataset_builder.plan(sources, experts, options.seed, given)
    if 0 < options.size < _PATCH * 1.5:
        print(
            f"midtone: --size {options.size}: a photograph of 3 : 2 becomes {options.size} x "
            f"{round(options.size / 1.5)} px, too small for the paper's patches of {_PATCH} px; "
            f"{_PATCH * 3 // 2} or more keeps it",
            file=sys.stderr,
        )
    with tqdm(total=len(scenes), unit="scene", disable=None) as bar:
        entries, failed = dataset_builder.build(
            scenes,
            options.out,
            make,
            settings,
            shard=shards.parse_shard(options.shard),
            workers=options.workers,
            backend=options.backend,
            address=options.address,
            progress=lambda _: bar.update(),
        )
    small = sum(min(entry["width"], entry["height"]) < _PATCH for entry in entries)
    if options.size and small:
        print(
            f"midtone: {small} of {len(entries)} images are smaller than {_PATCH} px on a side; "
            "the last stage of the recipe paper cannot use them",
            file=sys.stderr,
        )
    problems = [*problems, *left_out, *failed]
    for problem in problems:
        print(f"midtone: {problem}", file=sys.stderr)
    print(f"{len({e['scene'] for e in entries})} scenes, {len(entries)} images in {options.out}")
    return 1 if problems else 0


def list_files(folder: Path) -> list[Path]:
    """The files below a folder. Raises UsageError if it is none."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")
    )


def _expert(given: str) -> tuple[str, dict[str, Path]]:
    from midtone.data.pairs import EXPERTS
    from midtone.photo import writable_as

    letter, _, folder = given.partition("=")
    letter = letter.lower()
    if letter not in EXPERTS or not Path(folder).is_dir():
        raise UsageError(f"--expert takes a letter of a to e and a folder, not {given}")
    files = (path for path in list_files(Path(folder)) if writable_as(path))
    return letter, {path.stem: path for path in files}
