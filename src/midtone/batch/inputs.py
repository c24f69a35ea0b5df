"""The plan of a run: the source and the target of each photograph."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from midtone.batch.find import find
from midtone.errors import UsageError
from midtone.options import RAW_RULES
from midtone.photo import FORMATS, format_of, writable_as

PIPE = Path("-")  # standard input as a source, standard output as a target


class Job(NamedTuple):
    """One photograph and where its result goes."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Plan:
    """What a run will do.

    passed_over: as in ``Found``
    paired: number of camera RAW files beside a file of the same name and another kind
    renamed: number of other files whose results have names like IMG_1.heic.jpg
    unreadable: folders that cannot be listed: what would be their job, and the reason
    """

    jobs: list[Job]
    passed_over: Counter[str] = field(default_factory=Counter)
    paired: int = 0
    renamed: int = 0
    unreadable: list[tuple[Job, str]] = field(default_factory=list)


def plan(
    sources: Sequence[Path],
    out: Path,
    *,
    format: str | None = None,
    recursive: bool = True,
    shard: tuple[int, int] | None = None,
    overwrite: bool = False,
    raw: str = "also",
    arriving: bool = False,
) -> Plan:
    """(source, target) of every photograph: folders are walked, and mirrored below ``out``.

    Where a result needs another suffix and another photograph has the same stem, the result of
    IMG_1.heic is IMG_1.heic.jpg; IMG_1.jpeg, which is of the wanted format, keeps its name.

    out:    a file if there is one input file and ``out`` has the suffix of an image format, else a
            folder; a source or ``out`` may be ``PIPE``
    format: of the results; by default that of the input, JPEG for camera RAW
    shard:  (i, n), the i-th of n disjoint parts, i from 1; a file's part depends on its place below
            ``out`` alone
    overwrite: a photograph may be replaced by its result
    raw:    of a camera RAW file and another of the same name beside it, correct both ("also"), the
            RAW file ("prefer") or the other ("skip"); of two RAW files of one name always both
    arriving: another photograph of the same stem may still come, so results are named as if it had
    Raises UsageError if two sources would have one target, a photograph would be replaced, a folder
    has none, or ``out`` has the suffix of another format than ``format`` or of none.
    """
    check_format(out, format)
    if PIPE in sources or out == PIPE:
        return Plan([_pipe(sources, out)])
    if writable_as(out) and not os.path.isdir(out):
        if len(sources) != 1 or os.path.isdir(sources[0]):
            raise UsageError(f"{out}: several photographs need a folder as output, not a file")
        top, planned = out.parent, Plan([Job(sources[0], out)])
    elif os.path.exists(out) and not os.path.isdir(out):
        raise UsageError(f"{out}: is a file of no known image format, and no folder")
    else:
        if len(sources) == 1 and os.path.isfile(sources[0]):
            check_folder(out)
        found = find(sources, recursive=recursive, out=out)
        places, paired = _apply_raw_rule(found.places, raw)
        stems = Counter(place.with_suffix("") for _, place in places)
        shared = {stem for stem, count in stems.items() if arriving or count > 1}
        jobs = _mirror(places, out, format, shared)
        renamed = sum(
            target.stem == source.name != source.stem and not _is_raw(source)
            for source, target in jobs
        )
        unreadable = [(Job(path, out / place), why) for path, place, why in found.unreadable]
        top, planned = out, Plan(jobs, found.passed_over, len(paired), renamed, unreadable)
    _check_replaced(planned.jobs, overwrite)
    if shard is None:
        return planned
    number, parts = shard
    own = [job for job in planned.jobs if part_of(job.target.relative_to(top), parts) == number]
    return replace(planned, jobs=own)


def check_format(target: Path, format: str | None) -> None:
    """Raise UsageError if the suffix of a file and ``format`` name different formats."""
    own = writable_as(target)
    if format and own not in (None, FORMATS[format]) and not os.path.isdir(target):
        raise UsageError(
            f"{target}: its suffix and the format {FORMATS[format].title} differ; give one of them"
        )


def check_folder(out: Path) -> None:
    """Raise UsageError if a new folder would get a name like a file's, such as "fixed.gif"."""
    if re.fullmatch(r"\.[A-Za-z]\w{1,4}", out.suffix) and not os.path.exists(out):
        raise UsageError(
            f"{out}: no format with this suffix can be written; for a folder of this name, make it "
            "first"
        )


def part_of(name: Path, parts: int) -> int:
    """Which of 1 .. parts a file belongs to: the same on every machine and in every set."""
    digest = hashlib.sha256(os.fsencode(name.as_posix())).digest()
    return 1 + int.from_bytes(digest[:8], "big") % parts


def parse_shard(text: str) -> tuple[int, int]:
    """ "2/5" -> (2, 5). Raises UsageError."""
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise UsageError(f"a shard is i/n with i from 1 to n, such as 2/5, not {text}")
    return int(part), int(parts)


def _pipe(sources: Sequence[Path], out: Path) -> Job:
    if len(sources) != 1 or os.path.isdir(sources[0]):
        raise UsageError("a pipe takes one photograph")
    if out != PIPE and (os.path.isdir(out) or not writable_as(out)):
        raise UsageError(f"{out}: a pipe needs a file with the suffix of an image format as output")
    return Job(sources[0], out)


def _apply_raw_rule(
    places: list[tuple[Path, Path]], rule: str
) -> tuple[list[tuple[Path, Path]], set[Path]]:
    """The photographs that are corrected, and the RAW files beside another of their name."""
    if rule not in RAW_RULES:
        raise UsageError(f"raw must be one of {', '.join(RAW_RULES)}, not {rule}")
    others = {path.with_suffix("") for path, _ in places if not _is_raw(path)}
    paired = {path for path, _ in places if _is_raw(path) and path.with_suffix("") in others}
    stems = {path.with_suffix("") for path in paired}
    if rule == "skip":
        places = [one for one in places if one[0] not in paired]
    elif rule == "prefer":
        places = [one for one in places if _is_raw(one[0]) or one[0].with_suffix("") not in stems]
    return places, paired


def _is_raw(path: Path) -> bool:
    return format_of(path) is FORMATS["RAW"]


def _mirror(
    places: list[tuple[Path, Path]], out: Path, format: str | None, shared: set[Path]
) -> list[Job]:
    """A target for each photograph, at its place below ``out``.

    shared: places without suffixes that several photographs have
    """
    sources: dict[Path, Path] = {}
    for path, place in places:
        own, wanted = writable_as(place), FORMATS[format or "JPEG"]
        if format or not own:
            if place.with_suffix("") not in shared:
                place = place.with_suffix(wanted.suffix)
            elif own is not wanted:
                place = place.with_name(place.name + wanted.suffix)
        target = out / place
        if target in sources:
            raise UsageError(
                f"{sources[target]} and {path} would both become {target}; "
                "give them separate output folders"
            )
        sources[target] = path
    return [Job(path, target) for target, path in sources.items()]


def _check_replaced(jobs: list[Job], overwrite: bool) -> None:
    """Raise UsageError if a target is a photograph of the run; its own only with ``overwrite``."""
    sources: dict[tuple[int, int], Path] = {}
    for job in jobs:
        there = _inode(job.target)
        if there is None:
            continue
        if not sources:
            sources = {inode: one.source for one in jobs if (inode := _inode(one.source))}
        replaced = sources.get(there)
        if replaced == job.source and not overwrite:
            raise UsageError(
                f"{job.target}: the output would replace the input; choose another OUT, or use "
                "--overwrite to replace it"
            )
        if replaced not in (None, job.source):
            raise UsageError(f"{replaced}: would be replaced by the result of {job.source}")


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino
