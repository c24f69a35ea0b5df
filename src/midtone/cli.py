"""The command line. Exit codes: 0 all done, 1 some files failed, 2 wrong usage.

As usual, 130 is an interruption, and 141 a closed pipe, as of `midtone inspect DIR | head`.
"""

from __future__ import annotations

import argparse
import gc
import io
import os
import signal
import sys
import warnings
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from midtone.errors import Error, ModelError, UsageError

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

_INTERRUPTED, _BROKEN_PIPE = 130, 141


def run() -> NoReturn:
    """The command `midtone`: ``main``, started and ended without what takes time for nothing."""
    gc.set_threshold(50_000)  # importing makes many objects, and hardly any garbage
    _open_closed_streams()
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # as of jobs in the background
    try:
        if not ignored:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = main()
    except SystemExit as end:  # of argparse
        code = int(end.code or 0)
    except KeyboardInterrupt:  # a second one, while the first was reported
        code = _INTERRUPTED
    if not ignored:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # from here on it ends at once
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError as error:  # `main` has reported it; Python would do it again
        os._exit(_BROKEN_PIPE if isinstance(error, BrokenPipeError) else code or 1)
    if sys.argv[1:2] == ["fix"]:
        # Its files are written and its workers have ended. Python would spend 30 ms on taking NumPy
        # and ONNX Runtime apart.
        os._exit(code)
    sys.exit(code)


def _open_closed_streams() -> None:
    """Open streams that are closed, in the order of their numbers; writing to stdout fails."""
    for name, mode, access in (
        ("stdin", "r", os.O_RDONLY),
        ("stdout", "w", os.O_RDONLY),
        ("stderr", "w", os.O_WRONLY),
    ):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, access), mode))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    try:
        code = _run_command(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except Error as error:
        from midtone.commands.progress import one_line

        print(f"midtone: {one_line(str(error))}", file=sys.stderr)
        return 2 if isinstance(error, UsageError | ModelError) else 1
    except BrokenPipeError:
        return _BROKEN_PIPE
    except OSError as error:
        name = os.fsdecode(error.filename) if error.filename else "standard output"
        # Of a file where a folder is to be made.
        reason = "is a file, not a folder" if isinstance(error, FileExistsError) else error.strerror
        print(f"midtone: {name}: {reason or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("midtone: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except Exception as error:
        if not _is_interruption(error):
            raise
        print("midtone: interrupted", file=sys.stderr)
        return _INTERRUPTED
    return code


def _is_interruption(error: BaseException | None) -> bool:
    """Whether an error was made of an interruption, as compiled modules do while they load."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _run_command(arguments: Sequence[str]) -> int:
    # Our systems of equations are small: threads of the linear algebra would spin for nothing.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    warnings.simplefilter("ignore")  # of libraries, about their own use; ours are sentences
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names need not be UTF-8
            stream.reconfigure(errors="surrogateescape")
    parser = build_parser([word for word in arguments if word in COMMANDS][:1])
    options = parser.parse_args(arguments)
    if options.version:
        from midtone.commands import version

        print(version.text(verbose=options.verbose))
        return 0
    if "verb" not in options:
        parser.error("a command is needed")
    # Decoders log details of damaged files. The user gets one sentence of ours instead.
    import logging  # here: `midtone --help` must stay light

    logging.getLogger().addHandler(logging.NullHandler())
    code: int = options.verb(options)
    return code


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, without the list of all flags, and in plain words."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.register("type", int, _whole_number)
        self.register("type", float, _number)
        self.register("type", Path, _path)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"midtone: {message}; see {self.prog} --help\n")


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text}") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, not {text}") from None


def _path(text: str) -> Path:
    if not text:  # of a variable that is not set; Path would take it for the current folder
        raise argparse.ArgumentTypeError("must not be empty")
    return Path(text)


def build_parser(described: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of all commands; the modules of the ``described`` ones alone are imported."""
    parser = _Parser(prog="midtone", description="Correct wrongly exposed photographs, offline.")
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
