"""Flags of several commands, most of them made from the dataclasses in ``midtone.options``."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from midtone.errors import UsageError
from midtone.options import BACKENDS, DEVICES


def model_options(parser: argparse.ArgumentParser) -> None:
    """The options of every command that runs a model."""
    parser.add_argument("--model", default="default", help="name or file of a model (default)")
    parser.add_argument(
        "--device",
        default="auto",
        choices=DEVICES,
        help="device of the network (auto)",
    )
    pipeline_option(parser)


def pipeline_option(parser: argparse.ArgumentParser) -> None:
    """The option of every command that takes the pipeline of a model or another one."""
    parser.add_argument(
        "--pipeline",
        default="default",
        help="steps around the network: default, paper or a .toml file (default)",
    )


def parallel_options(
    parser: argparse.ArgumentParser, *, backend: str, backends: Iterable[str] = BACKENDS
) -> None:
    """The options of every command that works on many files. backend: the default."""
    parser.add_argument("--workers", type=int, default=1, help="files processed in parallel (1)")
    parser.add_argument(
        "--backend",
        default=backend,
        choices=tuple(backends),
        help=f"kind of the workers ({backend})",
    )
    add_old_name(parser, "--engine", "--backend", choices=tuple(backends))
    parser.add_argument("--address", help="address of a Dask scheduler, for --backend dask")


class _OldName(argparse.Action):
    """Set the value of a flag by its old name, with a notice."""

    def __init__(
        self,
        option_strings: list[str],
        dest: str,
        new: str,
        nargs: int | None = None,
        type: Callable[[str], Any] | None = None,
        choices: Iterable[str] | None = None,
    ) -> None:
        hidden = argparse.SUPPRESS
        super().__init__(option_strings, dest, nargs, None, hidden, type, choices, help=hidden)
        self.new = new

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        print(
            f"midtone: {option_string} is now {self.new}; the old name goes with version 0.3",
            file=sys.stderr,
        )
        setattr(namespace, self.dest, True if self.nargs == 0 else values)


def add_old_name(
    parser: argparse.ArgumentParser,
    old: str,
    new: str,
    *,
    type: Callable[[str], Any] = str,
    choices: Iterable[str] | None = None,
    nargs: int | None = None,
) -> None:
    """Let ``old`` go on working for the flag ``new``, whose type, choices and nargs are given."""
    dest = new.removeprefix("--").replace("-", "_")
    parser.add_argument(
        old, dest=dest, action=_OldName, new=new, type=type, choices=choices, nargs=nargs
    )


_OLD_NAMES = {"min_error": "--only-needed", "keep_software_tag": "--no-sign"}
_HIDDEN = {"existing"}  # a group of flags of its own


def add_options(
    parser: argparse.ArgumentParser, *kinds: type[Any], only: Iterable[str] | None = None
) -> None:
    """One flag for each field of the option dataclasses, named as the field.

    only: names of the fields, by default all
    """
    for field in (field for kind in kinds for field in dataclasses.fields(kind)):
        if field.name in _HIDDEN or (only is not None and field.name not in only):
            continue
        flag = f"--{field.name.replace('_', '-')}"
        about = field.metadata
        parse = _share if field.name == "strength" else _PARSERS.get(str(field.type))
        if about["choices"]:
            parser.add_argument(
                flag, default=field.default, choices=about["choices"], help=about["help"]
            )
        elif parse is None:
            parser.add_argument(flag, action="store_true", help=about["help"])
        else:
            parser.add_argument(
                flag,
                type=parse,
                default=field.default,
                metavar=about["unit"] or field.name.upper(),
                help=f"{about['help']}{_default(field.default)}",
            )
        if field.name in _OLD_NAMES:
            nargs = None if parse else 0
            add_old_name(parser, _OLD_NAMES[field.name], flag, type=parse or str, nargs=nargs)


def _default(value: Any) -> str:
    return "" if value is None else f" ({value:g})"


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be numbers such as 1.5,1,1,1, not {text}") from None


def _share(text: str) -> float:
    """ "0.8" or "80%"."""
    try:
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be like 0.7 or 70%, not {text}") from None


_PARSERS: dict[str, Callable[[str], Any]] = {
    "float": float,
    "int | None": int,
    "str | None": str,
    "Sequence[float] | None": _numbers,
}


def source_options(parser: argparse.ArgumentParser) -> None:
    """The options of every command that takes photographs."""
    parser.add_argument(
        "sources",
        nargs="*",
        type=Path,
        metavar="FILE|FOLDER|PATTERN",
        help="photographs; - for standard input",
    )
    parser.add_argument(
        "--files-from", metavar="LIST", help="file of paths, one a line; - for standard input"
    )
    parser.add_argument(
        "--recursive",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether to go into subfolders (yes)",
    )


def quiet_option(parser: argparse.ArgumentParser) -> None:
    """`--quiet`, of every command with a progress bar."""
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print only errors: no bar, no closing line"
    )


def overwrite_option(parser: argparse.ArgumentParser) -> None:
    """`--overwrite`, of every command that writes one file."""
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")


def check_overwrite(options: argparse.Namespace) -> None:
    """Raise UsageError if the file to write exists and `--overwrite` is not given."""
    if options.out.exists() and not options.overwrite:
        raise UsageError(f"{options.out}: exists already; use --overwrite to replace it")


def given_sources(options: argparse.Namespace) -> list[Path]:
    """What ``source_options`` took. Raises UsageError if that is nothing."""
    from midtone.batch.find import read_list
    from midtone.batch.inputs import PIPE

    given = list(options.sources)
    if options.files_from == "-":
        if PIPE in given:
            raise UsageError("standard input cannot be both a photograph and the list of files")
        given += read_list(sys.stdin)
    elif options.files_from:
        try:
            with open(options.files_from, encoding="utf-8", errors="surrogateescape") as stream:
                given += read_list(stream)
        except OSError as error:
            raise UsageError(
                f"{options.files_from}: the list cannot be read ({error.strerror})"
            ) from error
    if not given:
        raise UsageError("no photographs given")
    return given
