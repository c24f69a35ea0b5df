"""Which photographs are meant, and where each result goes."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from midtone.errors import UsageError
from midtone.photo import FORMATS, format_of, writable_as

Job = tuple[Path, Path]  # source, target


def plan(
    sources: Sequence[Path],
    out: Path,
    *,
    format: str | None = None,
    recursive: bool = True,
    shard: tuple[int, int] | None = None,
) -> list[Job]:
    """(source, target) of every file: folders are walked, and mirrored below ``out``.

    ``out`` is a file if there is one input file and ``out`` has the suffix of an image format, else
    a folder. format: of the results; by default that of the input, JPEG for camera RAW.
    shard: (i, n), the i-th of n disjoint parts, i from 1; a file's part depends on its place below
    ``out`` alone. Raises UsageError if two sources would have one target or a folder has none.
    """
    if writable_as(out) and not out.is_dir():
        if len(sources) != 1 or sources[0].is_dir():
            raise UsageError(f"{out}: several photographs need a folder as output, not a file")
        return [(sources[0], out)]
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file of no known image format, and no folder")
    targets: dict[Path, Path] = {}
    for path, relative in _files(sources, out, recursive):
        if format or not writable_as(relative):
            relative = relative.with_suffix(FORMATS[format or "JPEG"].suffix)
        target = out / relative
        if target in targets:
            raise UsageError(
                f"{targets[target]} and {path} would both become {target}; "
                "give them separate output folders"
            )
        targets[target] = path
    return [
        (path, target)
        for target, path in targets.items()
        if shard is None or part_of(target.relative_to(out), shard[1]) == shard[0]
    ]


def find(sources: Sequence[Path], *, recursive: bool = True) -> list[Path]:
    """All photographs among and below ``sources``."""
    return [path for path, _ in _files(sources, None, recursive)]


def part_of(name: Path, parts: int) -> int:
    """Which of 1 .. parts a file belongs to: the same on every machine, whatever else is there."""
    digest = hashlib.sha256(name.as_posix().encode()).digest()
    return 1 + int.from_bytes(digest[:8], "big") % parts


def parse_shard(text: str) -> tuple[int, int]:
    """ "2/5" -> (2, 5). Raises UsageError."""
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise UsageError(f"a shard is i/n with i from 1 to n, such as 2/5, not {text}")
    return int(part), int(parts)


def read_list(stream: TextIO) -> list[Path]:
    """One path a line; empty lines are skipped."""
    return [Path(line.rstrip("\r\n")) for line in stream if line.strip()]


def _files(
    sources: Sequence[Path], out: Path | None, recursive: bool
) -> Iterator[tuple[Path, Path]]:
    """Each photograph and its path below the source it was found in."""
    for source in sources:
        if source.is_dir():
            yield from _walk(source, out, recursive)
        elif not source.exists() and glob.has_magic(str(source)):
            matches = sorted(glob.glob(str(source), recursive=True))
            if not matches:
                raise UsageError(f"{source}: matches no file")
            yield from _files([Path(match) for match in matches], out, recursive)
        else:
            yield source, Path(source.name)


def _walk(source: Path, out: Path | None, recursive: bool) -> Iterator[tuple[Path, Path]]:
    inside = out.resolve() if out else None
    found = False
    for folder, folders, names in os.walk(source):
        # Results of an earlier run inside the source are no photographs to correct again.
        folders[:] = sorted(
            name
            for name in folders
            if recursive and not name.startswith(".") and (Path(folder) / name).resolve() != inside
        )
        for name in sorted(names):
            path = Path(folder) / name
            if format_of(path) and not name.startswith("."):
                found = True
                yield path, path.relative_to(source)
    if not found:
        raise UsageError(f"{source}: no photographs in this folder")
