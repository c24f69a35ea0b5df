"""The command line. Exit codes: 0 all done, 1 some files failed, 2 wrong usage."""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import NoReturn

from midtone.errors import Error, UsageError

# What `midtone --help` prints; the module of the command's name describes its arguments.
COMMANDS = {
    "fix": "correct photographs",
    "inspect": "estimate how far off exposures are",
    "serve": "correct photographs over HTTP, with a page",
    "page": "write a page that corrects photographs in the browser",
    "models": "list the models in the package",
    "render": "RAW files to pairs in the paper's layout (needs midtone[raw])",
    "synthesize": "good photographs to pairs in the paper's layout",
    "explore": "map and exposure statistics of a set of pairs (needs midtone[explore])",
    "patches": "cut pairs into the paper's training patches",
    "train": "train a model (needs midtone[train])",
    "export": "make a model file of a training run (needs midtone[train])",
    "evaluate": "compare methods on pairs: PSNR, SSIM, NIQE, PI (needs midtone[evaluate])",
    "baselines": "learned methods to compare with: list, import published weights, train",
    "swap": "show the effect of each pyramid level",
}


def run() -> NoReturn:
    """The command `midtone`: ``main``, started and ended without what takes time for nothing."""
    gc.set_threshold(50_000)  # importing makes many objects, and hardly any garbage
    code = main()
    if sys.argv[1:2] == ["fix"]:
        # Its files are written and its workers have ended. Python would spend 30 ms on taking NumPy
        # and ONNX Runtime apart.
        with contextlib.suppress(OSError):  # of a closed pipe, which Python reports below
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    sys.exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    # Our systems of equations are small: threads of the linear algebra would spin for nothing.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    warnings.simplefilter("ignore")
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names need not be UTF-8
            stream.reconfigure(errors="surrogateescape")
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = build_parser([word for word in arguments if word in COMMANDS][:1])
    options = parser.parse_args(arguments)
    if options.version:
        from midtone.commands import version

        print(version.text(verbose=options.verbose))
        return 0
    if "verb" not in options:
        parser.error("a command is needed; see midtone --help")
    # Decoders log details of damaged files. The user gets one sentence of ours instead.
    import logging  # here: `midtone --help` must stay light

    logging.getLogger().addHandler(logging.NullHandler())
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


def build_parser(described: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of all commands; the modules of the ``described`` ones alone are imported."""
    parser = argparse.ArgumentParser(
        prog="midtone", description="Correct wrongly exposed photographs, offline."
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument(
        "--verbose",
        action="store_true",
        help="with --version: model, libraries, formats",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if name in described:
            import_module(f"midtone.commands.{name}").add(command)
    return parser


if __name__ == "__main__":
    run()
