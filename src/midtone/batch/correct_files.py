"""Many photographs: folders are mirrored, failures kept apart, nothing overwritten unasked."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO

from midtone import atomic, photo
from midtone.batch import inputs, parallel
from midtone.corrector import Corrector, software_tag
from midtone.errors import Error, UsageError
from midtone.options import FileOptions
from midtone.photo import FORMATS, WRITABLE


@dataclass(frozen=True)
class Result:
    """What became of one file.

    status: "done", "failed", "skipped" (it was there already) or "unchanged" (its exposure is
            off by less than ``min_error``)
    error:  one sentence if it failed
    exposure_error: estimated, in EV;  quality: of the written file, for lossy formats
    notes:  sentences on what could not be kept
    """

    source: Path
    target: Path
    status: str = "done"
    error: str | None = None
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
    """What became of all files, in the order of the input."""

    results: tuple[Result, ...]

    @property
    def failed(self) -> tuple[Result, ...]:
        """The files that could not be corrected."""
        return tuple(result for result in self.results if result.error)


def correct_tree(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    corrector: Corrector | None = None,
    options: FileOptions = FileOptions(),
    workers: int = 1,
    progress: Callable[[Result], None] | None = None,
) -> Report:
    """Correct files and all photographs below folders into ``out``, which mirrors the folders.

    workers:  files worked on side by side
    progress: called after each file
    A file that fails is reported and the others go on. Raises UsageError if there is nothing to do
    or two files would get the same name.
    """
    given = [source] if isinstance(source, str | os.PathLike) else source
    jobs = inputs.plan([Path(one) for one in given], Path(out), format=options.output.format)
    return correct_jobs(
        jobs,
        corrector or Corrector(),
        options,
        out=Path(out),
        workers=workers,
        progress=progress,
    )


def correct_jobs(
    jobs: Sequence[inputs.Job],
    corrector: Corrector,
    options: FileOptions = FileOptions(),
    *,
    out: Path | None = None,
    workers: int = 1,
    engine_name: str = "threads",
    address: str | None = None,
    progress: Callable[[Result], None] | None = None,
) -> Report:
    """Correct each source into its target. The folder ``out`` is swept first if resuming.

    engine_name, address: of ``parallel.run``; with processes and Dask each worker loads the model
    """
    corrector.check(options.correction)
    if options.output.existing == "resume" and out and out.is_dir():
        atomic.sweep(out)
    if engine_name == "threads":
        work = partial(correct_one, corrector, options)
    else:
        model = str(corrector.model.info.path.resolve())
        work = partial(_correct_elsewhere, model, options)
    results: dict[inputs.Job, Result] = {}
    flow = parallel.run(work, jobs, workers=workers, engine=engine_name, address=address)
    for job, outcome in flow:
        if isinstance(outcome, BaseException):
            outcome = Result(*job, status="failed", error=f"{job[0]}: {outcome}")
        results[job] = outcome
        if progress:
            progress(outcome)
    return Report(tuple(results[job] for job in jobs))


def correct_one(corrector: Corrector, options: FileOptions, job: inputs.Job) -> Result:
    """Correct one file; whatever goes wrong ends up in the result."""
    source, target = job
    started = time.perf_counter()
    exposure_error = quality = error = None
    status = "done"
    notes: tuple[str, ...] = ()
    existing = options.output.existing
    try:
        # Before any work: a batch that was run already should say so at once.
        if target.exists() and existing != "overwrite":
            if existing in ("skip", "resume"):
                return Result(source, target, "skipped")
            same = target.resolve() == source.resolve()
            what = "the output would replace the input" if same else "exists already"
            raise UsageError(f"{target}: {what}; use --overwrite to allow it")
        file = photo.open_file(source, max_megapixels=options.input.max_megapixels)
        result, correction = corrector.correct_file(file, options.correction)
        exposure_error = correction.exposure_error
        if result is None:
            status = "unchanged"
        else:
            quality, notes = write(result, target, corrector, options), result.notes
    except Error as known:
        error = str(known)
    except OSError as known:
        error = f"{target}: cannot be written ({known.strerror or known})"
    except MemoryError:
        error = f"{source}: too large for this computer's memory"
    seconds = time.perf_counter() - started
    status = "failed" if error else status
    return Result(source, target, status, error, exposure_error, seconds, quality, notes)


def write(
    result: photo.Photo, target: Path | BinaryIO, corrector: Corrector, options: FileOptions
) -> int | None:
    """Write a corrected photograph; returns its quality if the format is lossy."""
    output = options.output
    format = output.format
    if isinstance(target, Path):
        target.parent.mkdir(parents=True, exist_ok=True)
        named = photo.writable_as(target)
        format = named.name if named else format
    format = format or result.format
    format = format if format in WRITABLE else "JPEG"
    quality = output.quality or photo.default_quality(result)
    tag = software_tag(corrector.model, options.correction)
    photo.write(
        result,
        target,
        quality=quality,
        format=format,
        overwrite=output.existing == "overwrite",
        strip=output.strip,
        software=None if output.keep_software_tag or output.strip else tag,
    )
    return quality if FORMATS[format].lossy else None


def _correct_elsewhere(model: str, options: FileOptions, job: inputs.Job) -> Result:
    """``correct_one`` in a process of its own, which loads the model once."""
    return correct_one(_loaded(model), options, job)


@lru_cache(maxsize=1)
def _loaded(model: str) -> Corrector:
    # Many processes share the cores: one thread each.
    return Corrector(model, threads=1)
