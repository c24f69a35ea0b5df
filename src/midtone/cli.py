"""The command line. Exit codes: 0 all done, 1 some files failed, 2 wrong usage."""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
import warnings
from collections.abc import Sequence

from midtone.commands import (
    baselines,
    evaluate,
    explore,
    export,
    fix,
    inspect,
    models,
    page,
    patches,
    render,
    serve,
    swap,
    train,
    version,
)
from midtone.errors import Error, UsageError

_COMMANDS = (
    fix,
    inspect,
    serve,
    page,
    models,
    render,
    explore,
    patches,
    train,
    export,
    evaluate,
    baselines,
    swap,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):  # file names need not be UTF-8
            stream.reconfigure(errors="surrogateescape")
    # Our systems of equations are small: threads of the linear algebra would spin for nothing.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Decoders log what is odd in a file; what matters of it reaches the user as our sentence.
    logging.getLogger().addHandler(logging.NullHandler())
    warnings.simplefilter("ignore")
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names need not be UTF-8
            stream.reconfigure(errors="surrogateescape")
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.version:
        print(version.text(verbose=options.verbose))
        return 0
    if "verb" not in options:
        parser.error("a command is needed; see midtone --help")
    try:
        code: int = options.verb(options)
    except UsageError as error:
        print(f"midtone: {error}", file=sys.stderr)
        return 2
    except Error as error:
        print(f"midtone: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("midtone: interrupted", file=sys.stderr)
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="midtone", description="Correct wrongly exposed photographs, offline."
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument(
        "--verbose",
        action="store_true",
        help="with --version: model, libraries, formats",
    )
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in _COMMANDS:
        command.add(verbs)
    return parser


if __name__ == "__main__":
    sys.exit(main())
