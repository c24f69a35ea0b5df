"""`midtone models`: the models in the package, and their pipelines as TOML."""

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
        print(json.dumps(about | {"made": info.made}) if options.json else _text(about))
    return 0


def _text(about: dict[str, Any]) -> str:
    """The model, and its pipeline as a file for --pipeline."""
    finest, levels = about["finest"], about["levels"]
    runs = "all" if finest == 1 else f"{finest} to {levels}, the coarsest"
    return "\n".join(
        [
            f"# model {about['name']}: {about['file']}",
            f"# {about['bytes']:,} bytes, sha256 {about['sha256']}",
            f"# {levels} pyramid levels, of which run: {runs}",
            *_toml(about["pipeline"]),
            "",
        ]
    )


def _toml(pipeline: dict[str, Any]) -> list[str]:
    """Settings, then tables, then tables of which there are several."""
    lines = [f"{key} = {_value(value)}" for key, value in pipeline.items() if _is_plain(value)]
    for key, value in pipeline.items():
        if value == []:
            lines.insert(0, f"{key} = []")
        elif not _is_plain(value):
            for table in value if isinstance(value, list) else [value]:
                lines += ["", f"[[{key}]]" if isinstance(value, list) else f"[{key}]"]
                lines += [f"{name} = {_value(one)}" for name, one in table.items()]
    return lines


def _is_plain(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _value(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str | bool) else str(value)
