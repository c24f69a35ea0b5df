"""`midtone models`: the models in the package."""

from __future__ import annotations

import argparse
import json
from typing import Any


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = "List the models in the package and their pipelines."
    parser.add_argument(
        "--json", action="store_true", help="print one JSON line per model, with its training"
    )
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    from midtone import model

    for name, path in model.embedded().items():
        info = model.info(path)
        about = {
            "name": name,
            "file": str(path),
            "bytes": path.stat().st_size,
            "sha256": info.sha256,
            "levels": info.config.levels,
            "finest": info.config.finest,
            "pipeline": info.config.to_dict(),
        }
        if options.json:
            print(json.dumps(about | {"made": info.made}))
        else:
            print("\n".join(f"{key}: {_plain(value)}" for key, value in about.items()))
    return 0


def _plain(value: Any) -> str:
    """Settings a line each, indented."""
    if not isinstance(value, dict):
        return str(value)
    lines = []
    for key, setting in value.items():
        several = isinstance(setting, list) and setting and isinstance(setting[0], dict)
        lines += [f"  {key}: {one}" for one in (setting if several else [setting])]
    return "\n" + "\n".join(lines)
