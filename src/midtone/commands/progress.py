"""What commands over many files show: a bar with the time left, messages, a closing line."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm


_ESCAPES = {code: ascii(chr(code))[1:-1] for code in (*range(32), *range(127, 160))}


class Progress:
    """A bar on standard error, if that is a terminal, and lines that do not disturb it.

    total: None if it is not known; with a single photograph there is no bar
    """

    def __init__(self, total: int | None, *, quiet: bool = False, unit: str = "photo") -> None:
        self._bar: tqdm[Any] | None = None
        if not quiet and total != 1 and sys.stderr.isatty():
            from tqdm import tqdm  # here: it takes 20 ms

            self._bar = tqdm(total=total, unit=unit)
        self._quiet = quiet
        self._failed = self._planned = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: Any) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self) -> None:
        """Count one more."""
        if self._bar is not None:
            self._bar.update()

    def planned(self) -> None:
        """Count one more photograph of a sequence that is planned, before any is corrected."""
        self._planned += 1
        if self._bar is not None:
            self._bar.set_postfix(planned=self._planned)

    def print(self, line: str) -> None:
        """A result, on standard output at once."""
        self._write(line, sys.stdout)
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """A remark, on standard error unless quiet."""
        if not self._quiet:
            self._write(f"midtone: {text}", sys.stderr)

    def fail(self, text: str) -> None:
        """An error, on standard error."""
        self._failed += 1
        self._write(f"midtone: {text}", sys.stderr)
        if self._bar is not None:
            self._bar.set_postfix(failed=self._failed)

    def _write(self, line: str, stream: TextIO) -> None:
        line = one_line(line)
        if self._bar is None:
            print(line, file=stream)
        else:
            self._bar.write(line, file=stream)


def one_line(text: str) -> str:
    """The text without control characters, which names of files may hold: "a\\nb.jpg"."""
    return text.translate(_ESCAPES)


def print_problems(problems: Iterable[str]) -> None:
    """Print sentences on standard error, a line each."""
    for problem in problems:
        print(f"midtone: {one_line(problem)}", file=sys.stderr)


def closing_line(counts: Mapping[str, int], passed_over: Counter[str]) -> str:
    """ "11 corrected, 1 failed; 3 files of other kinds passed over (2 .txt, 1 .xmp)".

    counts: number of photographs by what became of them, in the order of the sentence
    """
    line = ", ".join(f"{count} {what}" for what, count in counts.items())
    if total := sum(passed_over.values()):
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in passed_over.most_common())
        files = "1 file of another kind" if total == 1 else f"{total} files of other kinds"
        line += f"; {files} passed over ({kinds})"
    return line
