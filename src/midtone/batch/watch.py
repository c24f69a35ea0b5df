"""Correct photographs as they arrive in a folder, for instance from a tethered camera."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from midtone.batch import inputs
from midtone.errors import UsageError

_Seen = dict[Path, tuple[int, int]]


def arrivals(
    folder: Path,
    out: Path,
    *,
    format: str | None = None,
    interval: float = 1.0,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[inputs.Job]:
    """Yield (source, target) of each photograph in ``folder`` that has no result yet, for ever.

    A file counts when its size and time have stood still for one interval (seconds): cameras and
    copies write slowly. A file that was yielded comes again only if it changes.
    Raises UsageError if ``folder`` is none, or goes away.
    """
    before: _Seen = {}
    yielded: _Seen = {}
    while True:
        if not folder.is_dir():
            raise UsageError(f"{folder}: is no folder to watch")
        now: _Seen = {}
        for source, target in _jobs(folder, out, format):
            try:
                state = source.stat()
            except OSError:  # gone again, as temporary files go
                continue
            now[source] = (state.st_size, state.st_mtime_ns)
            settled = before.get(source) == now[source] != yielded.get(source)
            if settled and state.st_size and (source in yielded or not target.exists()):
                yielded[source] = now[source]
                yield source, target
        before = now
        pause(interval)


def _jobs(folder: Path, out: Path, format: str | None) -> list[inputs.Job]:
    try:
        return inputs.plan([folder], out, format=format)
    except UsageError:  # no photograph yet
        return []
