"""Which of the given files are videos, and where their results go."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from midtone.batch.inputs import PIPE, Job, check_folder
from midtone.errors import UsageError
from midtone.video.clip import SUFFIXES
from midtone.video.encode import CONTAINERS


def is_video(path: Path) -> bool:
    """Whether a file given by name is a video, by its suffix."""
    return path.suffix.lower() in SUFFIXES and not os.path.isdir(path)


def plan(videos: Sequence[Path], out: Path, *, alone: bool, overwrite: bool) -> list[Job]:
    """Source and target of each video.

    out:   a file if it has the suffix of a video, else a folder; what cannot be written as it was
           becomes .mp4
    alone: whether no photographs are corrected in the same run
    Raises UsageError if two would get one name or a video would be replaced without ``overwrite``.
    """
    if not videos:
        return []
    if is_video(out):
        if len(videos) != 1 or not alone:
            raise UsageError(f"{out}: several files need a folder as output, not a video")
        jobs = [Job(videos[0], out)]
    elif out == PIPE or (os.path.exists(out) and not os.path.isdir(out)):
        raise UsageError(f"{out}: a video is written to a file or a folder")
    else:
        if len(videos) == 1 and alone:
            check_folder(out)
        jobs = [Job(one, out / _name(one)) for one in videos]
    targets = {job.target: job.source for job in reversed(jobs)}
    for source, target in jobs:
        if targets[target] != source:
            raise UsageError(
                f"{targets[target]} and {source} would both become {target}; "
                "give them separate output folders"
            )
        if target.exists() and source.exists() and target.samefile(source) and not overwrite:
            raise UsageError(f"{target}: the output would replace the input; choose another OUT")
    return jobs


def _name(video: Path) -> str:
    return video.name if video.suffix.lower() in CONTAINERS else f"{video.stem}.mp4"
