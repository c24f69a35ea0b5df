"""Correct a video into another: planned in a first pass, written in a second."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from midtone import bilateral_grid
from midtone.atomic import replacing
from midtone.batch.inputs import Job
from midtone.batch.results import Result, existing_result, failed
from midtone.corrector import Corrector
from midtone.errors import Error, UsageError
from midtone.options import FileOptions
from midtone.video.clip import open_clip, seconds
from midtone.video.encode import Output, writing
from midtone.video.pixels import Pixels
from midtone.video.plan import VideoCorrection, plan


def correct_video(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    corrector: Corrector | None = None,
    options: FileOptions = FileOptions(),
    dry_run: bool = False,
    advance: Callable[[], Any] = lambda: None,
) -> Result:
    """Correct a video; errors end up in the result. Needs midtone[video].

    Audio and subtitles, times, orientation and metadata stay as they are. Of the output options,
    ``existing``, ``quality`` (100 - 100 CRF / 51 for H.264) and ``strip`` apply.
    dry_run: nothing is written
    advance: called for each frame, in both passes
    Raises UsageError if PyAV is not installed.
    """
    job = Job(Path(source), Path(target))
    result = Result(*job)
    started = time.perf_counter()
    try:
        if existing := existing_result(job, options):
            return existing
        least = options.correction.min_error
        if dry_run and not least:
            return replace(result, status="planned")
        corrector = corrector or Corrector()
        with open_clip(job.source, options.input.max_megapixels) as clip:
            planned = plan(
                clip,
                corrector,
                options.correction,
                salvage=options.input.salvage,
                advance=advance,
            )
        result = replace(result, exposure_error=planned.exposure_error)
        if abs(planned.exposure_error) < least:
            return replace(result, status="unchanged")
        if dry_run:
            return replace(result, status="planned")
        notes = _write(job, planned, corrector, options, advance)
        result = replace(result, notes=tuple(notes))
    except UsageError:  # PyAV is not installed
        raise
    except (Error, OSError, MemoryError) as error:
        result = failed(result, error)
    return replace(result, seconds=time.perf_counter() - started)


def _write(
    job: Job,
    planned: VideoCorrection,
    corrector: Corrector,
    options: FileOptions,
    advance: Callable[[], Any],
) -> list[str]:
    """The second pass. Returns sentences on what was not kept."""
    strength = options.correction.strength
    with (
        open_clip(job.source, options.input.max_megapixels) as clip,
        replacing(job.target) as temporary,
        writing(job.target, temporary) as container,
    ):
        output = Output(
            clip, job.target, container, options.output, display_matrix=planned.display_matrix
        )
        pixels = Pixels(clip, output.format)
        for packet, frames in clip.packets():
            output.copy(packet)
            for frame in frames:
                image = pixels.read(frame)
                grid = bilateral_grid.blend_with_identity(planned.grid(seconds(frame)), strength)
                bilateral_grid.slice_grid(grid, image, out=image, threads=corrector.threads)
                output.encode(pixels.write(image, frame))
                advance()
        output.finish()
    return output.notes
