"""`midtone render`: a data set in the paper's layout from camera RAW files."""

from __future__ import annotations

import argparse
from pathlib import Path

from midtone.commands import data_set
from midtone.errors import UsageError


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = (
        "Render camera RAW files at several exposures, with an expert's rendering, the "
        "one at 0 EV or the embedded JPEG as the target. Continues an earlier run."
    )
    parser.add_argument("source", type=Path, metavar="RAW_DIR", help="camera RAW files")
    data_set.add_options(parser)
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


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    from midtone.data import scenes
    from midtone.photo import FORMATS, format_of

    experts = dict(_expert(given) for given in options.expert)
    if len(experts) < len(options.expert):
        raise UsageError("an expert is given twice")
    if options.target == "expert" and not experts:
        raise UsageError("--target expert needs --expert LETTER=FOLDER")
    target = options.target or ("expert" if experts else "rendering")
    found = data_set.list_files(options.source)
    sources = [path for path in found if format_of(path) is FORMATS["RAW"]]
    others = [
        f"{path}: not a camera RAW file; left out" for path in found if path not in set(sources)
    ]
    return data_set.build(options, sources, experts, others, scenes.from_raw, target)


def _expert(given: str) -> tuple[str, dict[str, Path]]:
    from midtone.data.pairs import EXPERTS
    from midtone.photo import writable_as

    letter, _, folder = given.partition("=")
    letter = letter.lower()
    if letter not in EXPERTS or not folder or not Path(folder).is_dir():
        raise UsageError(f"--expert takes a letter of a to e and a folder, not {given}")
    files = (path for path in data_set.list_files(Path(folder)) if writable_as(path))
    return letter, {path.stem: path for path in files}
