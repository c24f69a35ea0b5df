"""The plan of `midtone fix`: which files it corrects, and whether the flags allow it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from midtone.errors import UsageError
from midtone.options import file_options

if TYPE_CHECKING:
    from midtone.batch.inputs import Job, Plan
    from midtone.options import FileOptions


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a run is to do.

    plan:    of the photographs, at the moment of the call
    total:   number of files, None if it is not known
    watched: the folder that is watched, or None
    """

    options: FileOptions
    plan: Callable[[], Plan]
    photographs: Plan
    videos: list[Job]
    total: int | None
    watched: Path | None


def plan_work(options: argparse.Namespace) -> Work:
    """Check the flags and plan all files, before anything is written. Raises UsageError."""
    from midtone import atomic
    from midtone.batch import inputs
    from midtone.commands.flags import given_sources
    from midtone.video import targets

    given = given_sources(options)
    _check_flags(options, given)
    file_settings = file_options(vars(options))
    output = file_settings.output
    overwrite = output.existing == "overwrite"
    videos = [one for one in given if targets.is_video(one)]
    photographs = [one for one in given if one not in videos]
    video_jobs = targets.plan(videos, options.out, alone=not photographs, overwrite=overwrite)
    if video_jobs:
        _check_videos(options)
    elif targets.is_video(options.out):
        raise UsageError(f"{options.out}: a photograph cannot become a video")
    plan = partial(
        inputs.plan,
        photographs,
        options.out,
        format=output.format,
        recursive=options.recursive,
        shard=inputs.parse_shard(options.shard) if options.shard else None,
        overwrite=overwrite,
        raw=file_settings.input.raw,
        arriving=options.watch,
    )
    planned = plan() if photographs and not options.watch else inputs.Plan([])
    if options.lut and len(planned.jobs) != 1:
        raise UsageError("--lut is of one photograph")
    if output.existing == "resume" and not options.dry_run:
        atomic.sweep(options.out)
    count = len(planned.jobs) + len(planned.unreadable) + len(video_jobs)
    return Work(
        options=file_settings,
        plan=plan,
        photographs=planned,
        videos=video_jobs,
        total=None if options.watch else count,
        watched=given[0] if options.watch else None,
    )


def _check_flags(options: argparse.Namespace, given: list[Path]) -> None:
    """Raise UsageError for flags that exclude each other."""
    from midtone.batch.inputs import PIPE

    if options.watch:
        if len(given) != 1 or PIPE in (given[0], options.out):
            raise UsageError("--watch takes one folder")
        if not os.path.isdir(given[0]):
            raise UsageError(f"{given[0]}: is no folder to watch")
        if given[0].resolve() == options.out.resolve():
            raise UsageError(f"{given[0]}: --watch needs another folder as OUT")
    if options.together and (options.watch or options.shard or options.backend != "threads"):
        raise UsageError("--together needs all files at once: no --watch, --shard or --backend")


def _check_videos(options: argparse.Namespace) -> None:
    """Raise UsageError for what is of photographs alone."""
    for name in ("together", "watch", "shard", "lut", "format"):
        if getattr(options, name):
            raise UsageError(f"--{name} is of photographs, not of videos")
