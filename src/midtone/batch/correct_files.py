"""Correct one file or many: folders are mirrored, a file that fails does not stop the others."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Any

from midtone import __version__, atomic, lut, photo
from midtone.batch import inputs, parallel
from midtone.batch.inputs import PIPE, Job
from midtone.correction import Correction
from midtone.corrector import Corrector
from midtone.errors import Error, PhotoError, UsageError
from midtone.model import Model
from midtone.options import CorrectionOptions, FileOptions
from midtone.photo import FORMATS, WRITABLE, ImageFile, Photo
from midtone.pipeline import PipelineConfig

STATUSES = ("done", "unchanged", "skipped", "failed", "planned")


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


def correct_tree(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    corrector: Corrector | None = None,
    options: FileOptions = FileOptions(),
    workers: int = 1,
    together: str | None = None,
    progress: Callable[[Result], None] | None = None,
) -> Report:
    """Correct files and all photographs below folders into ``out``, which mirrors the folders.

    workers:  files worked on in parallel
    together: "same" or "smooth": the files of a folder are one sequence, as in
              ``Corrector.correct_sequence``
    progress: called after each file
    A file that fails is reported and the others go on. Raises UsageError if there is nothing to do,
    two files would get the same name or a photograph would be replaced.
    """
    given = [source] if isinstance(source, str | os.PathLike) else source
    output = options.output
    jobs = inputs.plan(
        [Path(one) for one in given],
        Path(out),
        format=output.format,
        overwrite=output.existing == "overwrite",
    ).jobs
    if output.existing == "resume":
        atomic.sweep(Path(out))
    corrector = corrector or Corrector()
    if together:
        from midtone.batch import sequences  # here, because it imports this module

        run = sequences.correct_sequences(jobs, corrector, together, options, workers=workers)
    else:
        run = correct_jobs(jobs, corrector, options, workers=workers)
    results = {}
    for result in run:
        results[result.target] = result
        if progress:
            progress(result)
    return Report(tuple(results[job.target] for job in jobs))


def correct_jobs(
    jobs: Iterable[Job],
    corrector: Corrector,
    options: FileOptions = FileOptions(),
    *,
    workers: int = 1,
    backend: str = "threads",
    address: str | None = None,
    dry_run: bool = False,
) -> Iterator[Result]:
    """Correct each source into its target; yield results as they are finished.

    workers, backend, address: of ``parallel.run``; with processes and Dask each worker loads the
                               model
    dry_run: nothing is written
    """
    corrector.check(options.correction)
    work: Callable[[Job], Result]
    if backend == "threads":
        work = partial(correct_one, corrector, options, dry_run=dry_run)
    else:
        path = str(corrector.model.info.path.resolve())
        here = (path, corrector.device, corrector.config)
        work = partial(_correct_elsewhere, here, options, dry_run)
    for outcome in parallel.run(
        # An error of one file must not stop the others.
        work,
        jobs,
        workers=workers,
        backend=backend,
        address=address,
        catch=(Exception,),
    ):
        yield failed(outcome) if isinstance(outcome, parallel.Failed) else outcome.value


def failed(outcome: parallel.Failed[Job]) -> Result:
    """The result of a file whose work raised an error."""
    error = outcome.reason
    if not error.startswith(str(outcome.item.source)):
        error = f"{outcome.item.source}: {error}"
    return Result(*outcome.item, status="failed", error=error)


def settled(job: Job, options: FileOptions) -> bool:
    """Whether the result exists and stays."""
    return job.target != PIPE and job.target.exists() and options.output.existing != "overwrite"


def open_source(source: Path, options: FileOptions) -> ImageFile:
    """Open a file, or standard input for ``PIPE``. Raises PhotoError."""
    return photo.open_file(
        sys.stdin.buffer if source == PIPE else source,
        max_megapixels=options.input.max_megapixels,
        salvage=options.input.salvage,
        name="standard input" if source == PIPE else None,
    )


_Correct = Callable[[ImageFile], tuple[Photo | None, Correction]]


def correct_one(
    corrector: Corrector,
    options: FileOptions,
    job: Job,
    *,
    correct: _Correct | None = None,
    dry_run: bool = False,
) -> Result:
    """Correct one file; its errors end up in the result. ``PIPE`` is a standard stream.

    correct: what is done with the opened file, by default ``Corrector.correct_file``
    """
    source, target = job
    started = time.perf_counter()
    exposure_error = quality = error = None
    status = "done"
    notes: tuple[str, ...] = ()
    existing = options.output.existing
    try:
        # Before any work: a batch that was run already should say so at once.
        if settled(job, options):
            if existing in ("skip", "resume"):
                return Result(source, target, "skipped")
            raise UsageError(f"{target}: exists already; use --overwrite to allow it")
        least = options.correction.min_error
        if dry_run and not least:
            return Result(source, target, "planned")
        file = open_source(source, options)
        if dry_run:
            exposure_error = corrector.plan_file(file, options.correction).exposure_error
            status = "planned" if abs(exposure_error) >= least else "unchanged"
            return Result(source, target, status, exposure_error=exposure_error)
        if correct:
            result, correction = correct(file)
        else:
            strips = _output_format(options, target, file.format.name) == "JPEG"
            result, correction = corrector.correct_file(file, options.correction, strips=strips)
        exposure_error = correction.exposure_error
        if result is None:
            status = "unchanged"
        else:
            stream = sys.stdout.buffer if target == PIPE else target
            quality, notes = write(result, stream, corrector, options)
            notes = result.notes + notes
            if options.lut:
                _write_lut(correction, corrector, options)
    except Error as known:
        error = str(known)
    except OSError as known:
        name = "standard output" if target == PIPE else target
        error = f"{name}: cannot be written ({known.strerror or known})"
    except MemoryError:
        error = f"{source}: too large for this computer's memory"
    seconds = time.perf_counter() - started
    status = "failed" if error else status
    return Result(source, target, status, error, exposure_error, seconds, quality, notes)


def write(
    result: photo.Photo, target: Path | IO[bytes], corrector: Corrector, options: FileOptions
) -> tuple[int | None, tuple[str, ...]]:
    """Write a corrected photograph.

    Returns its quality if the format is lossy, and sentences on what the format could not hold.
    """
    output = options.output
    if isinstance(target, Path):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PhotoError(f"{target}: cannot be written ({error.strerror})") from error
    format = _output_format(options, target, result.format)
    quality = output.quality or photo.default_quality(result, format)
    tag = software_tag(corrector.model, options.correction)
    notes = photo.write(
        result,
        target,
        quality=quality,
        format=format,
        overwrite=output.existing == "overwrite",
        strip=output.strip,
        software=None if output.keep_software_tag or output.strip else tag,
    )
    if not isinstance(target, Path):
        target.flush()
    return (quality if FORMATS[format].lossy else None), notes


def _output_format(options: FileOptions, target: Path | IO[bytes], source: str | None) -> str:
    """Name of the format that a photograph of the format ``source`` is written in."""
    named = photo.writable_as(target) if isinstance(target, Path) else None
    format = named.name if named else options.output.format or source
    return format if format in WRITABLE else "JPEG"


def software_tag(model: Model, options: CorrectionOptions) -> str:
    """The Software tag of a corrected photograph: version, model, strength and trim."""
    name = f"{model.info.name} {model.info.sha256[:8]}"
    trim = f", {options.ev:+g} EV" if options.ev else ""
    return f"midtone {__version__} (model {name}, strength {options.strength:g}{trim})"


def _write_lut(correction: Correction, corrector: Corrector, options: FileOptions) -> None:
    assert options.lut
    lut.write_cube(
        lut.lookup_table(correction, options.correction.strength),
        options.lut,
        title=software_tag(corrector.model, options.correction),
        overwrite=options.output.existing == "overwrite",
    )


_Place = tuple[str, str, PipelineConfig]  # model, device, pipeline


def _correct_elsewhere(place: _Place, options: FileOptions, dry_run: bool, job: Job) -> Result:
    """``correct_one`` in a process of its own, which loads the model once."""
    return correct_one(_loaded(place), options, job, dry_run=dry_run)


@lru_cache(maxsize=1)
def _loaded(place: _Place) -> Corrector:
    model, device, pipeline = place
    # Many processes share the cores: one thread each.
    return Corrector(model, device, threads=1, pipeline=pipeline)
