"""The commands, one file each: `add` describes one to argparse, `run` does it.

What a command needs is imported when it runs, so that `midtone --help` answers at once.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midtone.errors import UsageError

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]


def model_options(parser: argparse.ArgumentParser) -> None:
    """The options of every command that runs a model."""
    parser.add_argument("--model", default="default", help="name or file of a model (default)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument(
        "--pipeline",
        default="default",
        help="steps around the network: default (the model's own), paper, or a .toml file",
    )


_OLD_FLAGS = {"min_error": "--only-needed", "keep_software_tag": "--no-sign"}
_HIDDEN = {"existing"}  # a group of flags of its own


def add_options(parser: argparse.ArgumentParser, *kinds: type[Any]) -> None:
    """One flag for each field of the option dataclasses, named as the field."""
    for field in (field for kind in kinds for field in dataclasses.fields(kind)):
        if field.name in _HIDDEN:
            continue
        flags = [f"--{field.name.replace('_', '-')}"]
        if field.name in _OLD_FLAGS:
            flags.append(_OLD_FLAGS[field.name])
        about = field.metadata
        if field.type == "bool":
            parser.add_argument(*flags, action="store_true", help=about["help"])
        else:
            parser.add_argument(
                *flags,
                type=_PARSERS[str(field.type)],
                default=field.default,
                metavar=about["unit"] or field.name.upper(),
                help=f"{about['help']}{_default(field.default)}",
            )


def _default(value: Any) -> str:
    return "" if value is None else f" ({value:g})"


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


_PARSERS: dict[str, Callable[[str], Any]] = {
    "float": float,
    "int | None": int,
    "str | None": str,
    "tuple[float, ...] | None": _numbers,
}


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
