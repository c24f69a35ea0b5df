"""`midtone models`: the models in the package."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from midtone.commands import Verbs


def add(verbs: Verbs) -> None:
    """Describe the command."""
    parser = verbs.add_parser("models", help="list the models in the package")
    parser.add_argument("--json", action="store_true", help="with all they say about themselves")
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    from midtone import model

    for name, path in model.embedded().items():
        info = model.info(path)
        about = {
            "name": name,
            "file": str(path),
            "bytes": path.stat().st_size,
            "sha256": info.sha256,
            "size": info.size,
            "levels": info.levels,
        }
        if options.json:
            print(json.dumps(about | {"made": info.made}))
        else:
            print("  ".join(f"{key}: {value}" for key, value in about.items()))
    return 0
