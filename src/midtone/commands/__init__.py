"""The commands, one file each: `add` describes one to argparse, `run` does it.

What a command needs is imported when it runs, so that `midtone --help` answers at once.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]


def model_options(parser: argparse.ArgumentParser) -> None:
    """The options of every command that runs a model."""
    parser.add_argument("--model", default="default", help="name or file of a model (default)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
