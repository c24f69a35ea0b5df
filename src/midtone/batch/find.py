"""Find photographs: in folders, by patterns and in lists of files."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from midtone.errors import UsageError
from midtone.photo import format_of


class NoPhotographsError(UsageError):
    """There is no photograph in a folder."""


@dataclass(frozen=True)
class Found:
    """Photographs among and below the sources of a run.

    places:      each photograph, and its path below the source it was found in
    passed_over: files of other kinds in the folders, counted by suffix; hidden files are not
    """

    places: list[tuple[Path, Path]] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)

    @property
    def paths(self) -> list[Path]:
        """The photographs."""
        return [path for path, _ in self.places]


def find(sources: Sequence[Path], *, recursive: bool = True, out: Path | None = None) -> Found:
    """All photographs among and below ``sources``, except below ``out``.

    Raises UsageError for a folder without photographs and a pattern that matches nothing.
    """
    found = Found()
    _collect(sources, found, out.resolve() if out else None, recursive)
    return found


def read_list(stream: TextIO) -> list[Path]:
    """One path a line; empty lines are skipped."""
    return [Path(line.rstrip("\r\n")) for line in stream if line.strip()]


def _collect(sources: Sequence[Path], found: Found, out: Path | None, recursive: bool) -> None:
    for source in sources:
        if source.is_dir():
            before = len(found.places)
            for path in _walk(source, out, recursive):
                if format_of(path):
                    found.places.append((path, path.relative_to(source)))
                else:
                    found.passed_over[path.suffix.lower() or "without suffix"] += 1
            if len(found.places) == before:
                kinds = ", ".join(f"{n} {kind}" for kind, n in found.passed_over.most_common())
                rest = f", only {kinds}" if kinds else ""
                raise NoPhotographsError(f"{source}: no photographs in this folder{rest}")
        elif not source.exists() and glob.has_magic(str(source)):
            matches = sorted(glob.glob(str(source), recursive=True))
            if not matches:
                raise UsageError(f"{source}: matches no file")
            _collect([Path(match) for match in matches], found, out, recursive)
        else:
            found.places.append((source, Path(source.name)))


def _walk(source: Path, out: Path | None, recursive: bool) -> Iterator[Path]:
    """Files below a folder in order, without hidden ones and those below ``out``."""
    for folder, folders, names in os.walk(source):
        # Results of an earlier run inside the source are no photographs to correct again.
        folders[:] = sorted(
            name
            for name in folders
            if recursive and not name.startswith(".") and (Path(folder) / name).resolve() != out
        )
        yield from (Path(folder) / name for name in sorted(names) if not name.startswith("."))
