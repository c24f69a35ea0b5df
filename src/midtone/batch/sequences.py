"""Files that belong together: each folder is one sequence, in the order of capture.

All files are observed before the first is written. What is kept of each takes some 20 kilobytes, so
ten thousand files need 200 megabytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from midtone import sequence
from midtone.batch import parallel
from midtone.batch.correct_one import correct_one, open_source
from midtone.batch.inputs import PIPE, Job
from midtone.batch.results import Result, existing_result, result_exists, result_of
from midtone.correction import Correction
from midtone.corrector import Corrector
from midtone.errors import UsageError
from midtone.options import FileOptions
from midtone.photo import ImageFile, Photo
from midtone.sequence import Member, SequenceCorrection


def correct_sequences(
    jobs: Sequence[Job],
    corrector: Corrector,
    together: str,
    options: FileOptions = FileOptions(),
    *,
    workers: int = 1,
    dry_run: bool = False,
    planned: Callable[[], Any] = lambda: None,
) -> Iterator[Result]:
    """Correct the files of each folder together; yield results as they are finished.

    together: "same" or "smooth", of ``Corrector.correct_sequence``
    workers:  threads
    dry_run:  nothing is written
    planned:  called as each file is planned
    A file that cannot be read is left out of its sequence. A file whose result exists is planned
    all the same, so that a run that goes on gives what a single run would have given.
    """
    sequence.check(together)
    corrector.check(options.correction)
    if any(PIPE in job for job in jobs):
        raise UsageError("a sequence is made of files, not of standard input")
    folders: dict[Path, list[Job]] = {}
    for job in jobs:
        folders.setdefault(job.source.parent, []).append(job)
    for folder in folders.values():
        if all(result_exists(job, options) for job in folder) or (
            dry_run and not options.correction.min_error
        ):
            yield from (correct_one(corrector, options, job, dry_run=dry_run) for job in folder)
            continue
        members: dict[Job, Member] = {}
        observe = partial(_observe, corrector, together, len(folder), options)
        for outcome in parallel.run(observe, folder, workers=workers, catch=(Exception,)):
            planned()
            if isinstance(outcome, parallel.Done):
                members[outcome.item] = outcome.value
            else:
                yield result_of(outcome)
        if members:
            yield from _correct_folder(corrector, together, members, options, workers, dry_run)


def sort_by_capture(members: Mapping[Job, Member]) -> list[Job]:
    """The jobs by time of capture if all have one, then by name.

    Numbers in names count as numbers.
    """
    timed = all(one.time for one in members.values())
    return sorted(
        members,
        key=lambda job: (members[job].time if timed else "", natural_sort_key(job.source.name)),
    )


def natural_sort_key(name: str) -> list[tuple[bool, int, str]]:
    """A key that sorts "frame9" before "frame10"."""
    parts = re.findall(r"\d+|\D+", name)
    return [(False, int(part), "") if part.isdecimal() else (True, 0, part) for part in parts]


def _observe(
    corrector: Corrector, together: str, pictures: int, options: FileOptions, job: Job
) -> Member:
    file = open_source(job.source, options)
    small = file.reduced(corrector.config.preview_size)
    return sequence.observe(
        corrector, small, options.correction, together=together, pictures=pictures
    )


def _correct_folder(
    corrector: Corrector,
    together: str,
    members: Mapping[Job, Member],
    options: FileOptions,
    workers: int,
    dry_run: bool,
) -> Iterator[Result]:
    ordered = sort_by_capture(members)
    corrections = sequence.plan([members[job] for job in ordered], together, corrector.config.grid)
    numbers = {job: number for number, job in enumerate(ordered)}

    def work(job: Job) -> Result:
        if dry_run:
            unchanged = sequence.is_unchanged(corrections.members, options.correction.min_error)
            status = "unchanged" if unchanged else "planned"
            planned = Result(*job, status, exposure_error=members[job].exposure_error)
            return existing_result(job, options) or planned
        correct = partial(_correct_file, corrector, corrections, numbers[job], options)
        return correct_one(corrector, options, job, correct=correct)

    for outcome in parallel.run(work, ordered, workers=workers, catch=(Exception,)):
        yield result_of(outcome)


def _correct_file(
    corrector: Corrector,
    corrections: SequenceCorrection,
    number: int,
    options: FileOptions,
    file: ImageFile,
) -> tuple[Photo | None, Correction]:
    return sequence.correct_member(
        corrector, corrections, number, file.decode(), options.correction, in_place=True
    )
