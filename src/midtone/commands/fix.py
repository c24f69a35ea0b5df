"""`midtone fix`: correct photographs."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from midtone.commands.flags import (
    add_options,
    model_options,
    parallel_options,
    quiet_option,
    source_options,
)
from midtone.options import (
    TOGETHER,
    CorrectionOptions,
    InputOptions,
    OutputOptions,
)

if TYPE_CHECKING:
    from midtone.batch.inputs import Job
    from midtone.batch.results import Result
    from midtone.commands.fix_plan import Work
    from midtone.commands.progress import Progress
    from midtone.corrector import Corrector
    from midtone.options import FileOptions

PREVIEW_SIZE = 512  # px, of the default model, which is not loaded yet when a preview is begun
# What is done with camera RAW files beside another file of the same name.
_RAW_RULES = {
    "also": "both are corrected, the RAW file to a name like IMG_1.dng.jpg",
    "prefer": "only the RAW file is corrected",
    "skip": "only the other file is corrected",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = (
        "Correct photographs. Folders are mirrored below OUT; '-' reads a photograph "
        "from standard input, and as OUT writes it to standard output."
    )
    source_options(parser)
    parser.add_argument(
        "-o", "--out", type=Path, required=True, help="file or folder to write, or - for stdout"
    )
    add_options(parser, CorrectionOptions, InputOptions, OutputOptions)
    _existing_options(parser)
    parser.add_argument(
        "--together",
        nargs="?",
        const="same",
        choices=TOGETHER,
        help="one correction for a folder: the same, or changing smoothly",
    )
    parallel_options(parser, backend="threads")
    parser.add_argument("--shard", metavar="I/N", help="only the I-th of N parts of the files")
    parser.add_argument("--report", type=Path, metavar="FILE", help="append one JSON line per file")
    parser.add_argument(
        "--lut",
        type=Path,
        metavar="FILE.cube",
        help="also write the correction as a 3D look-up table (of one photograph)",
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would be written")
    parser.add_argument("--watch", action="store_true", help="go on as photographs arrive (FOLDER)")
    quiet_option(parser)
    model_options(parser)
    parser.set_defaults(verb=run)


def _existing_options(parser: argparse.ArgumentParser) -> None:
    """A flag for each value of ``OutputOptions.existing`` but the default, "fail"."""
    group = parser.add_mutually_exclusive_group()
    for name, text in (
        ("overwrite", "replace existing files"),
        ("skip", "skip photographs whose result exists"),
        ("resume", "as --skip; remove what an interrupted run left half written"),
    ):
        group.add_argument(
            f"--{name}", dest="existing", action="store_const", const=name, help=text
        )
    parser.set_defaults(existing="fail")


def run(options: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    from midtone.commands.corrector import load_corrector, load_model

    one = len(options.sources) == 1 and not options.files_from
    alone = one and not os.path.isdir(options.sources[0]) and options.backend == "threads"
    # First, because both go on while the rest is imported.
    if alone and not options.dry_run and options.model == options.pipeline == "default":
        from midtone import jpeg_decoder

        jpeg_decoder.begin(options.sources[0], PREVIEW_SIZE, options.max_megapixels)
    model = load_model(options, once=alone)
    from midtone.batch import watch
    from midtone.batch.results import Result
    from midtone.commands.fix_plan import plan_work
    from midtone.commands.fix_results import Results, open_report
    from midtone.commands.progress import Progress

    work = plan_work(options)
    corrector = load_corrector(options, model)
    with (
        open_report(options.report) as report,
        Progress(work.total, quiet=options.quiet) as progress,
    ):
        show_each = options.dry_run or options.watch
        results = Results(progress, report, show_each=show_each, dry_run=options.dry_run)
        _note_before(work, progress)
        if work.watched:
            progress.note(f"watching {work.watched}; interrupt to end")
            with contextlib.suppress(KeyboardInterrupt):
                for jobs in watch.arrivals(work.watched, work.plan):
                    for result in _correct(options, work.options, corrector, jobs, progress):
                        results.add(result)
        else:
            jobs = work.photographs.jobs
            for result in _correct(options, work.options, corrector, jobs, progress):
                results.add(result)
            for job, reason in work.photographs.unreadable:
                results.add(Result(*job, "failed", reason))
            for job in work.videos:
                results.add(_correct_video(options, work.options, corrector, job))
        results.close(work.total, work.photographs.passed_over)
    return 1 if results.counts["failed"] else 0


def _note_before(work: Work, progress: Progress) -> None:
    """Print notes before the run: missing compiled code, files beside others of their name."""
    from midtone.bilateral_grid.slice import COMPILED

    if work.total != 1 and not COMPILED:
        from midtone.commands.version import SLOW

        progress.note(f"slicing: {SLOW}")
    if paired := work.photographs.paired:
        files = "1 camera RAW file" if paired == 1 else f"{paired} camera RAW files"
        progress.note(
            f"{files} beside another file of the same name: "
            f"{_RAW_RULES[work.options.input.raw]} (--raw)"
        )
    if renamed := work.photographs.renamed:
        files = "1 file" if renamed == 1 else f"{renamed} files"
        progress.note(
            f"{files} beside another file of the same name: results have names like IMG_1.heic.jpg"
        )


def _correct(
    options: argparse.Namespace,
    file_settings: FileOptions,
    corrector: Corrector,
    jobs: Sequence[Job],
    progress: Progress,
) -> Iterator[Result]:
    """Correct photographs, as sequences with --together; yield results as they are finished."""
    if options.together:
        from midtone.batch.sequences import correct_sequences

        return correct_sequences(
            jobs,
            corrector,
            options.together,
            file_settings,
            workers=options.workers,
            dry_run=options.dry_run,
            planned=progress.planned,
        )
    from midtone.batch.correct_files import correct_jobs

    return correct_jobs(
        jobs,
        corrector,
        file_settings,
        workers=options.workers,
        backend=options.backend,
        address=options.address,
        dry_run=options.dry_run,
    )


def _correct_video(
    options: argparse.Namespace, file_settings: FileOptions, corrector: Corrector, job: Job
) -> Result:
    """Correct one video, with a bar that counts its frames in both passes."""
    from midtone.commands.progress import Progress
    from midtone.video.clip import count_frames
    from midtone.video.correct import correct_video

    count = count_frames(job.source)
    passes = 2 * count if count else None
    with Progress(passes, quiet=options.quiet, unit="frame") as frames:
        return correct_video(
            *job,
            corrector=corrector,
            options=file_settings,
            dry_run=options.dry_run,
            advance=frames.advance,
        )
