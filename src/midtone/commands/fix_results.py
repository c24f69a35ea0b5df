"""The results of `midtone fix`: each is shown, reported and counted."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from midtone.errors import Error, UsageError

if TYPE_CHECKING:
    from midtone.batch.results import Result
    from midtone.commands.progress import Progress

# Each status in the closing line.
_STATUS_TEXT = {
    "done": "corrected",
    "planned": "to be corrected",
    "unchanged": "left unchanged",
    "skipped": "skipped because the result exists",
    "failed": "failed",
}


class Results:
    """Shows results as they come, writes their lines to the report, and counts them.

    show_each: print a line for each file, not only its notes and errors
    dry_run:   whether files are only planned
    """

    def __init__(
        self, progress: Progress, report: BinaryIO | None, *, show_each: bool, dry_run: bool
    ) -> None:
        self._progress = progress
        self._report = report
        self._show_each = show_each
        self._dry_run = dry_run
        self.counts: Counter[str] = Counter()

    def add(self, result: Result) -> None:
        """Take the next result."""
        self.counts[result.status] += 1
        for note in result.notes:
            self._progress.note(f"{result.source}: {note}")
        if result.error:
            self._progress.fail(result.error)
        elif self._show_each:
            written = result.status in ("done", "planned")
            after = f"-> {result.target}" if written else f"({_STATUS_TEXT[result.status]})"
            self._progress.print(f"{result.source} {after}")
        self._progress.advance()
        if self._report:
            line = json.dumps(result.to_dict()) + "\n"
            try:
                self._report.write(line.encode())
            except OSError as error:
                raise Error(f"{self._report.name}: cannot be written ({error.strerror})") from error

    def close(self, total: int | None, passed_over: Counter[str]) -> None:
        """Print the closing line; there is none if a single photograph was corrected.

        total: number of files, None if it is not known
        """
        from midtone.commands.progress import closing_line

        if total == 1 and not (passed_over or self.counts["unchanged"] or self.counts["skipped"]):
            return
        first = "planned" if self._dry_run else "done"
        counts = {
            text: self.counts[status]
            for status, text in _STATUS_TEXT.items()
            if status == first or self.counts[status]
        }
        self._progress.note(closing_line(counts, passed_over))


@contextlib.contextmanager
def open_report(path: Path | None) -> Iterator[BinaryIO | None]:
    """The report, to append whole lines to. Raises UsageError."""
    if path is None:
        yield None
        return
    try:
        stream = path.open("ab", buffering=0)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from error
    with stream:
        yield cast("BinaryIO", stream)
