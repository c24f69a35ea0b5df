"""`midtone fix`: correct photographs."""

from __future__ import annotations

import argparse
import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from midtone.commands import (
    add_options,
    model_options,
    parallel_options,
    quiet_option,
    source_options,
)
from midtone.errors import UsageError
from midtone.options import (
    TOGETHER,
    CorrectionOptions,
    InputOptions,
    OutputOptions,
    file_options,
)

if TYPE_CHECKING:
    from midtone.batch.correct_files import Result
    from midtone.batch.inputs import Job
    from midtone.commands import Verbs
    from midtone.commands.progress import Progress
    from midtone.corrector import Corrector
    from midtone.options import FileOptions

# What is done with camera RAW files beside another file of the same name.
_RAW_RULES = {
    "also": "both are corrected, the RAW file to a name like IMG_1.dng.jpg",
    "prefer": "only the RAW file is corrected",
    "skip": "only the other file is corrected",
}
# Each status in the closing line.
_STATUS_TEXT = {
    "done": "corrected",
    "planned": "to be corrected",
    "unchanged": "left unchanged",
    "skipped": "skipped because the result exists",
    "failed": "failed",
}


def add(verbs: Verbs) -> None:
    """Describe the command."""
    parser = verbs.add_parser(
        "fix",
        help="correct photographs",
        description="Correct photographs. Folders are mirrored below OUT; '-' reads a photograph "
        "from standard input, and as OUT writes it to standard output.",
    )
    source_options(parser)
    parser.add_argument(
        "-o", "--out", type=Path, required=True, help="file or folder to write, or - for stdout"
    )
    add_options(parser, CorrectionOptions, InputOptions, OutputOptions)
    there = parser.add_mutually_exclusive_group()
    for name, text in (
        ("overwrite", "replace existing files"),
        ("skip", "skip photographs whose result exists"),
        ("resume", "as --skip; remove what an interrupted run left half written"),
    ):
        there.add_argument(
            f"--{name}", dest="existing", action="store_const", const=name, help=text
        )
    parser.set_defaults(existing="fail")
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


def run(options: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    from midtone.commands import given_sources, load_corrector, load_model

    single = len(options.sources) == 1 and not (options.files_from or options.sources[0].is_dir())
    # First, because it goes on while the rest is imported.
    model = load_model(options, once=single and options.backend == "threads")
    from midtone import atomic
    from midtone.batch import inputs, watch
    from midtone.bilateral_grid.slice import COMPILED
    from midtone.commands.progress import Progress, closing_line
    from midtone.video import targets

    given = given_sources(options)
    if options.watch and (len(given) != 1 or inputs.PIPE in (given[0], options.out)):
        raise UsageError("--watch takes one folder")
    if options.together and (options.watch or options.shard or options.backend != "threads"):
        raise UsageError("--together needs all files at once: no --watch, --shard or --backend")
    how = file_options(vars(options))
    videos = [one for one in given if targets.is_video(one)]
    given = [one for one in given if one not in videos]
    overwrite = how.output.existing == "overwrite"
    films = targets.plan(videos, options.out, alone=not given, overwrite=overwrite)
    if films:
        _check_videos(options)
    elif targets.is_video(options.out):
        raise UsageError(f"{options.out}: a photograph cannot become a video")
    plan = partial(
        inputs.plan,
        given,
        options.out,
        format=how.output.format,
        recursive=options.recursive,
        shard=inputs.parse_shard(options.shard) if options.shard else None,
        overwrite=overwrite,
        raw=how.input.raw,
        arriving=options.watch,
    )
    planned = plan() if given and not options.watch else inputs.Plan([])
    if options.lut and len(planned.jobs) != 1:
        raise UsageError("--lut is of one photograph")
    if how.output.existing == "resume" and not options.dry_run:
        atomic.sweep(options.out)
    total = None if options.watch else len(planned.jobs) + len(films)
    corrector = load_corrector(options, model)
    with _open_report(options.report) as report, Progress(total, quiet=options.quiet) as progress:
        if total != 1 and not COMPILED:
            from midtone.commands.version import SLOW

            progress.note(f"slicing: {SLOW}")
        if planned.paired:
            progress.note(
                f"{planned.paired} camera RAW files beside another file of the same name: "
                f"{_RAW_RULES[how.input.raw]} (--raw)"
            )
        fix = _Run(options, how, corrector, progress, report)
        if options.watch:
            progress.note(f"watching {given[0]}; interrupt to end")
            with contextlib.suppress(KeyboardInterrupt):
                for jobs in watch.arrivals(given[0], plan):
                    fix.correct(jobs)
        else:
            fix.correct(planned.jobs)
            if films:  # their modules take a while to import
                fix.correct_videos(films)
        left_out = planned.passed_over or fix.counts["unchanged"] or fix.counts["skipped"]
        if total != 1 or left_out:
            first = "planned" if options.dry_run else "done"
            counts = {
                text: fix.counts[status]
                for status, text in _STATUS_TEXT.items()
                if status == first or fix.counts[status]
            }
            progress.note(closing_line(counts, planned.passed_over))
    return 1 if fix.counts["failed"] else 0


def _check_videos(options: argparse.Namespace) -> None:
    """Raise UsageError for what is of photographs alone."""
    for name in ("together", "watch", "shard", "lut", "format"):
        if getattr(options, name):
            raise UsageError(f"--{name} is of photographs, not of videos")


@dataclass
class _Run:
    """Correct files, report each, and count."""

    options: argparse.Namespace
    how: FileOptions
    corrector: Corrector
    progress: Progress
    report: TextIO | None
    counts: Counter[str] = field(default_factory=Counter)

    def correct(self, jobs: Sequence[Job]) -> None:
        for result in self._results(jobs):
            self._count(result)

    def correct_videos(self, jobs: Sequence[Job]) -> None:
        from midtone.commands.progress import Progress
        from midtone.video.clip import count_frames
        from midtone.video.correct import correct_video

        for job in jobs:
            count = count_frames(job.source)
            passes = 2 * count if count else None
            with Progress(passes, quiet=self.options.quiet, unit="frame") as frames:
                result = correct_video(
                    *job,
                    corrector=self.corrector,
                    options=self.how,
                    dry_run=self.options.dry_run,
                    advance=frames.advance,
                )
            self._count(result)

    def _count(self, result: Result) -> None:
        self.counts[result.status] += 1
        self._show(result)
        if self.report:
            import json

            self.report.write(json.dumps(result.to_dict()) + "\n")
            self.report.flush()

    def _results(self, jobs: Sequence[Job]) -> Iterator[Result]:
        from midtone.batch.correct_files import correct_jobs
        from midtone.batch.sequences import correct_sequences

        options = self.options
        if options.together:
            return correct_sequences(
                jobs,
                self.corrector,
                options.together,
                self.how,
                workers=options.workers,
                dry_run=options.dry_run,
                planned=self.progress.planned,
            )
        return correct_jobs(
            jobs,
            self.corrector,
            self.how,
            workers=options.workers,
            backend=options.backend,
            address=options.address,
            dry_run=options.dry_run,
        )

    def _show(self, result: Result) -> None:
        for note in result.notes:
            self.progress.note(f"{result.source}: {note}")
        if result.error:
            self.progress.fail(result.error)
        elif self.options.dry_run or self.options.watch:
            written = result.status in ("done", "planned")
            after = f"-> {result.target}" if written else f"({_STATUS_TEXT[result.status]})"
            self.progress.print(f"{result.source} {after}")
        self.progress.advance()


@contextlib.contextmanager
def _open_report(path: Path | None) -> Iterator[TextIO | None]:
    """The report, to append to. Raises UsageError."""
    if path is None:
        yield None
        return
    try:
        stream = path.open("a", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from error
    with stream:
        yield stream
