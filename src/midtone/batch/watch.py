"""Find photographs as they arrive in a folder, for instance from a tethered camera."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from midtone.batch.find import NoPhotographsError
from midtone.batch.inputs import Job, Plan
from midtone.errors import UsageError


def arrivals(
    folder: Path,
    plan: Callable[[], Plan],
    *,
    interval: float = 1.0,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[list[Job]]:
    """Yield what has newly arrived in ``folder`` and has no result yet, for ever.

    plan:     what a run over ``folder`` would do at that moment
    interval: in seconds. A file has arrived when its size and time stay the same for one interval:
              cameras and copies write slowly
    A file that was yielded is yielded again only if it changes. Raises UsageError if ``folder`` is
    no folder, or goes away.
    """
    before: dict[Path, tuple[int, int]] = {}
    yielded: dict[Path, tuple[int, int]] = {}
    while True:
        if not folder.is_dir():
            raise UsageError(f"{folder}: is no folder to watch")
        now: dict[Path, tuple[int, int]] = {}
        arrived = []
        for job in _jobs(plan):
            source = job.source
            try:
                state = source.stat()
            except OSError:  # gone again, as temporary files go
                continue
            now[source] = (state.st_size, state.st_mtime_ns)
            settled = before.get(source) == now[source] != yielded.get(source)
            if settled and state.st_size and (source in yielded or not job.target.exists()):
                yielded[source] = now[source]
                arrived.append(job)
        if arrived:
            yield arrived
        before = now
        pause(interval)


def _jobs(plan: Callable[[], Plan]) -> list[Job]:
    try:
        return plan().jobs
    except NoPhotographsError:  # not yet
        return []
