"""The result of each file of a run."""

from __future__ import annotations

import os
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Any

from midtone.batch import parallel
from midtone.batch.inputs import PIPE, Job
from midtone.errors import Error
from midtone.options import FileOptions


@dataclass(frozen=True)
class Result:
    """The result of one file.

    status: "done"; "unchanged" (its exposure is off by less than ``min_error``, nothing is
            written); "skipped" (its result exists already); "failed"; or, in a dry run, "planned"
    error:  one sentence if it failed
    exposure_error: estimated, in EV;  quality: of the written file, for lossy formats
    notes:  sentences on what could not be kept
    """

    source: Path
    target: Path
    status: str = "done"
    error: str | None = None
    _: KW_ONLY
    exposure_error: float | None = None
    seconds: float = 0.0
    quality: int | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        numbers = {"exposure_error": self.exposure_error, "seconds": self.seconds}
        return {
            "source": str(self.source),
            "target": str(self.target),
            "status": self.status,
            "error": self.error,
            **{name: None if n is None else round(n, 3) for name, n in numbers.items()},
            "quality": self.quality,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Report:
    """The results of all files, in the order of the input."""

    results: tuple[Result, ...]

    @property
    def failed(self) -> tuple[Result, ...]:
        """The files that could not be corrected."""
        return tuple(result for result in self.results if result.error)


def result_exists(job: Job, options: FileOptions) -> bool:
    """Whether the target exists and stays."""
    if job.target == PIPE or options.output.existing == "overwrite":
        return False
    return os.path.exists(job.target)


def existing_result(job: Job, options: FileOptions) -> Result | None:
    """ "skipped" or "failed" for a job whose target or table exists and stays, else None."""
    if not result_exists(job, options):
        there = options.lut
        if there is None or options.output.existing == "overwrite" or not os.path.exists(there):
            return None
    elif options.output.existing in ("skip", "resume"):
        return Result(*job, "skipped")
    else:
        there = job.target
    return Result(*job, "failed", f"{there}: exists already; use --overwrite to replace it")


def failed(result: Result, error: Error | OSError | MemoryError) -> Result:
    """The result of a file whose work raised an error. An OSError is one of writing."""
    if isinstance(error, Error):
        reason = str(error)
    elif isinstance(error, MemoryError):
        reason = f"{result.source}: too large for this computer's memory"
    else:
        name = "standard output" if result.target == PIPE else result.target
        reason = f"{name}: cannot be written ({error.strerror or error})"
    return replace(result, status="failed", error=reason)


def result_of(outcome: parallel.Outcome[Job, Result]) -> Result:
    """The result of a job, failed if its work raised an error."""
    if isinstance(outcome, parallel.Done):
        return outcome.value
    source = str(outcome.item.source)
    reason = outcome.reason
    error = reason if reason.startswith(source) else f"{source}: {reason}"
    return Result(*outcome.item, status="failed", error=error)
