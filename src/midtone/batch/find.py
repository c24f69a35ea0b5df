"""Find photographs: in folders, by patterns and in lists of files."""

from __future__ import annotations

import glob
import os
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from midtone.errors import UsageError
from midtone.photo import format_of
from midtone.photo.reader import ADDRESS


class NoPhotographsError(UsageError):
    """There is no photograph in a folder."""


@dataclass(frozen=True)
class Found:
    """Photographs among and below the sources of a run.

    places:      each photograph, and its path below the source it was found in
    passed_over: files of other kinds in the folders, counted by suffix; hidden files are not
    unreadable:  each folder that cannot be listed, its path below the source, and the reason
    """

    places: list[tuple[Path, Path]] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    unreadable: list[tuple[Path, Path, str]] = field(default_factory=list)

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
        if os.path.isdir(source):
            before = len(found.places)
            _walk(source, found, out, recursive)
            if len(found.places) == before:
                for folder, _, reason in found.unreadable:
                    if folder == source:
                        raise UsageError(reason)
                kinds = ", ".join(f"{n} {kind}" for kind, n in found.passed_over.most_common())
                rest = f", only {kinds}" if kinds else ""
                raise NoPhotographsError(f"{source}: no photographs in this folder{rest}")
        elif (
            not os.path.exists(source)
            and glob.has_magic(str(source))
            and not ADDRESS.match(str(source))
        ):
            matches = sorted(glob.glob(str(source), recursive=True))
            if not matches:
                raise UsageError(f"{source}: matches no file")
            _collect([Path(match) for match in matches], found, out, recursive)
        else:
            found.places.append((source, Path(source.name)))


def _walk(source: Path, found: Found, out: Path | None, recursive: bool) -> None:
    """Add the files below a folder in order, without hidden ones and those below ``out``."""

    def note_unreadable(error: OSError) -> None:
        folder = Path(error.filename)
        reason = f"{folder}: the folder cannot be read ({error.strerror})"
        found.unreadable.append((folder, folder.relative_to(source), reason))

    for folder, folders, names in os.walk(source, onerror=note_unreadable):
        below = [Path(folder) / name for name in sorted(folders) if not name.startswith(".")]
        # They may lead in a circle, so they are not followed.
        if recursive and (links := sum(path.is_symlink() for path in below)):
            found.passed_over["link to a folder"] += links
        # Results of an earlier run inside the source are no photographs to correct again.
        folders[:] = [path.name for path in below if recursive and path.resolve() != out]
        for path in (Path(folder) / name for name in sorted(names) if not name.startswith(".")):
            if not format_of(path):
                found.passed_over[path.suffix.lower() or "without suffix"] += 1
            elif _is_special(path):
                found.passed_over["special file"] += 1
            else:
                found.places.append((path, path.relative_to(source)))


def _is_special(path: Path) -> bool:
    """Whether a path is a named pipe or a device, which may have no end."""
    try:
        mode = path.stat().st_mode
    except OSError:  # it is named when it is read
        return False
    return not stat.S_ISREG(mode)
