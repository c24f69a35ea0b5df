"""The commands, one file each: `add` describes one to argparse, `run` does it.

What a command needs is imported when it runs, so that `midtone --help` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from midtone.errors import UsageError

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]


def model_options(parser: argparse.ArgumentParser) -> None:
    """The options of every command that runs a model."""
    parser.add_argument("--model", default="default", help="name or file of a model (default)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))


def source_options(parser: argparse.ArgumentParser) -> None:
    """The options of every command that takes photographs."""
    parser.add_argument("sources", nargs="*", type=Path, metavar="FILE|FOLDER|PATTERN")
    parser.add_argument(
        "--files-from", metavar="LIST", help="file of paths, one a line; - for standard input"
    )
    parser.add_argument(
        "--recursive",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether folders' subfolders count (they do)",
    )


def given_sources(options: argparse.Namespace) -> list[Path]:
    """What ``source_options`` took. Raises UsageError if that is nothing."""
    from midtone.batch.inputs import read_list

    given = list(options.sources)
    if options.files_from == "-":
        given += read_list(sys.stdin)
    elif options.files_from:
        try:
            with open(options.files_from, encoding="utf-8") as stream:
                given += read_list(stream)
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{options.files_from}: is no readable list of paths") from error
    if not given:
        raise UsageError("no photographs given")
    return given
