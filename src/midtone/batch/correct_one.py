"""Correct one file: open it, plan its correction, apply it at full size, write the result."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO

from midtone import __version__, lut, photo
from midtone.batch.inputs import PIPE, Job
from midtone.batch.results import Result, existing_result, failed
from midtone.correction import Correction
from midtone.corrector import Corrector
from midtone.errors import Error
from midtone.model import Model
from midtone.options import CorrectionOptions, FileOptions
from midtone.photo import FORMATS, WRITABLE, ImageFile, Photo

# Corrects an opened file; without a photograph if its exposure is off by less than ``min_error``.
Correct = Callable[[ImageFile], tuple[Photo | None, Correction]]


def correct_one(
    corrector: Corrector,
    options: FileOptions,
    job: Job,
    *,
    correct: Correct | None = None,
    dry_run: bool = False,
) -> Result:
    """Correct one file; its errors end up in the result. ``PIPE`` is a standard stream.

    correct: what is done with the opened file, by default ``correct_file``
    dry_run: nothing is written
    """
    result = Result(*job)
    started = time.perf_counter()
    try:
        # Before any work: a batch that was run already should end at once.
        if existing := existing_result(job, options):
            return existing
        if dry_run:
            return _plan_one(corrector, options, result)
        file = open_source(job.source, options)
        if correct:
            photograph, correction = correct(file)
        else:
            strips = _output_format(options, job.target, file.format.name) == "JPEG"
            photograph, correction = correct_file(
                corrector, file, options.correction, strips=strips
            )
        result = replace(result, exposure_error=correction.exposure_error)
        if photograph is None:
            result = replace(result, status="unchanged")
        else:
            target = sys.stdout.buffer if job.target == PIPE else job.target
            quality, notes = write(photograph, target, corrector, options)
            result = replace(result, quality=quality, notes=photograph.notes + notes)
            _write_lut(correction, corrector, options)
    except (Error, OSError, MemoryError) as error:
        result = failed(result, error)
    return replace(result, seconds=time.perf_counter() - started)


def open_source(source: Path, options: FileOptions) -> ImageFile:
    """Open a file, or standard input for ``PIPE``. Raises PhotoError."""
    return photo.open_file(
        sys.stdin.buffer if source == PIPE else source,
        max_megapixels=options.input.max_megapixels,
        salvage=options.input.salvage,
        name="standard input" if source == PIPE else None,
    )


def plan_file(
    corrector: Corrector, file: ImageFile, options: CorrectionOptions = CorrectionOptions()
) -> Correction:
    """Only the correction, from a preview where the format has one. Raises PhotoError."""
    return corrector.plan(file.reduced(corrector.config.preview_size), options)


def correct_file(
    corrector: Corrector,
    file: ImageFile,
    options: CorrectionOptions = CorrectionOptions(),
    *,
    strips: bool = False,
) -> tuple[Photo | None, Correction]:
    """Decode and correct: the preview is planned while the pixels are decoded.

    strips: the result may have ``Strips`` for pixels, which are decoded and corrected while they
            are encoded as JPEG
    The photograph is None if its exposure is off by less than ``options.min_error`` EV. Raises
    PhotoError.
    """
    # With one thread, other photographs keep the cores busy.
    with file.decoding(strips=strips, ahead=corrector.threads != 1) as decoded:
        preview = file.preview(corrector.config.preview_size)
        correction = corrector.plan(preview or decoded(), options)
        image = decoded()
    if abs(correction.exposure_error) < options.min_error:
        return None, correction
    strength, threads = options.strength, corrector.threads
    return correction.slice(image, strength, threads, in_place=True), correction


def write(
    photograph: Photo, target: Path | IO[bytes], corrector: Corrector, options: FileOptions
) -> tuple[int | None, tuple[str, ...]]:
    """Write a corrected photograph. Raises PhotoError.

    Returns its quality if the format is lossy, and sentences on what the format could not hold.
    """
    output = options.output
    format = _output_format(options, target, photograph.format)
    quality = output.quality or photo.default_quality(photograph, format)
    tag = software_tag(corrector.model, options.correction)
    notes = photo.write(
        photograph,
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


def software_tag(model: Model, options: CorrectionOptions) -> str:
    """The Software tag of a corrected photograph: version, model, strength and trim."""
    name = f"{model.info.name} {model.info.sha256[:8]}"
    trim = f", {options.ev:+g} EV" if options.ev else ""
    return f"midtone {__version__} (model {name}, strength {options.strength:g}{trim})"


def _plan_one(corrector: Corrector, options: FileOptions, result: Result) -> Result:
    """What ``correct_one`` would do. The photograph is opened only if ``min_error`` decides."""
    least = options.correction.min_error
    if not least:
        return replace(result, status="planned")
    file = open_source(result.source, options)
    error = plan_file(corrector, file, options.correction).exposure_error
    status = "planned" if abs(error) >= least else "unchanged"
    return replace(result, status=status, exposure_error=error)


def _output_format(options: FileOptions, target: Path | IO[bytes], source: str | None) -> str:
    """Name of the format that a photograph of the format ``source`` is written in."""
    named = photo.writable_as(target) if isinstance(target, Path) else None
    format = named.name if named else options.output.format or source
    return format if format in WRITABLE else "JPEG"


def _write_lut(correction: Correction, corrector: Corrector, options: FileOptions) -> None:
    """Write ``options.lut`` if it is given."""
    if options.lut:
        lut.write_cube(
            lut.lookup_table(correction, options.correction.strength),
            options.lut,
            title=software_tag(corrector.model, options.correction),
            overwrite=options.output.existing == "overwrite",
        )
