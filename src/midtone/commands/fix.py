"""`midtone fix`: correct photographs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midtone.commands import add_options, model_options, source_options
from midtone.errors import UsageError
from midtone.options import CorrectionOptions, InputOptions, OutputOptions, file_options

if TYPE_CHECKING:
    from midtone.batch.correct_files import Result
    from midtone.commands import Verbs
    from midtone.corrector import Corrector
    from midtone.options import FileOptions

_PIPE = Path("-")


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
        ("resume", "go on with a run that was stopped: skip what is done, sweep up what is half"),
    ):
        there.add_argument(
            f"--{name}", dest="existing", action="store_const", const=name, help=text
        )
    parser.set_defaults(existing="fail")
    parser.add_argument("--workers", type=int, default=1, help="files worked on side by side (1)")
    parser.add_argument("--shard", metavar="I/N", help="only the I-th of N parts of the files")
    parser.add_argument(
        "--engine", default="threads", choices=("threads", "processes", "dask"), help="(threads)"
    )
    parser.add_argument("--address", help="of a running Dask scheduler")
    parser.add_argument("--report", type=Path, metavar="FILE", help="a JSON object a file, a line")
    parser.add_argument("--dry-run", action="store_true", help="say what would be written")
    parser.add_argument("--watch", action="store_true", help="go on as photographs arrive (FOLDER)")
    model_options(parser)
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Do it; returns the exit code."""
    from midtone.batch import correct_files, inputs
    from midtone.commands import given_sources
    from midtone.corrector import Corrector

    if options.workers < 1:
        raise UsageError(f"--workers must be at least 1, not {options.workers}")
    how = file_options(vars(options))
    given = given_sources(options)
    if _PIPE in given or options.out == _PIPE:
        return _pipe(
            given,
            options.out,
            Corrector(options.model, options.device, pipeline=options.pipeline),
            how,
        )
    if options.watch:
        corrector = Corrector(options.model, options.device, pipeline=options.pipeline)
        return _watch(given, options.out, corrector, how)
    jobs = inputs.plan(
        given,
        options.out,
        format=how.output.format,
        recursive=options.recursive,
        shard=inputs.parse_shard(options.shard) if options.shard else None,
    )
    if options.dry_run:
        for source, target in jobs:
            there = f"  ({how.output.existing}: exists)" if target.exists() else ""
            print(f"{source} -> {target}{there}")
        return 0
    # Side by side, files keep the cores busy; a file's own threads would only get in the way.
    threads = None if options.workers == 1 else max(1, (os.cpu_count() or 1) // options.workers)
    with _Progress(len(jobs), options.report) as progress:
        report = correct_files.correct_jobs(
            jobs,
            Corrector(options.model, options.device, threads=threads, pipeline=options.pipeline),
            how,
            out=options.out,
            workers=options.workers,
            engine_name=options.engine,
            address=options.address,
            progress=progress.show,
        )
    if len(jobs) > 1 and report.failed:
        print(f"midtone: {len(report.failed)} of {len(jobs)} photographs failed", file=sys.stderr)
    return 1 if report.failed else 0


class _Progress:
    """A bar with the time left and the failures, and a line of JSON for each file."""

    def __init__(self, total: int, report: Path | None) -> None:
        from tqdm import tqdm

        try:
            self._report = report.open("a", encoding="utf-8") if report else None
        except OSError as error:
            raise UsageError(f"{report}: cannot be written ({error.strerror})") from error
        self._bar = tqdm(total=total, unit="photo", disable=None if total > 1 else True)
        self._failed = 0

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: Any) -> None:
        self._bar.close()
        if self._report:
            self._report.close()

    def show(self, result: Result) -> None:
        for note in result.notes:
            self._bar.write(f"midtone: {result.source}: {note}", file=sys.stderr)
        if result.error:
            self._failed += 1
            self._bar.write(f"midtone: {result.error}", file=sys.stderr)
            self._bar.set_postfix(failed=self._failed)
        if self._report:
            self._report.write(json.dumps(result.to_dict()) + "\n")
            self._report.flush()
        self._bar.update()


def _pipe(given: list[Path], out: Path, corrector: Corrector, how: FileOptions) -> int:
    """One photograph from a file or standard input to a file or standard output."""
    from midtone import photo
    from midtone.batch import correct_files

    if len(given) != 1 or given[0].is_dir():
        raise UsageError("a pipe takes one photograph")
    source = sys.stdin.buffer if given[0] == _PIPE else given[0]
    opened = photo.open_file(source, max_megapixels=how.input.max_megapixels)
    result, _ = corrector.correct_file(opened, how.correction)
    assert result
    if out == _PIPE:
        correct_files.write(result, sys.stdout.buffer, corrector, how)
    else:
        correct_files.write(result, out, corrector, how)
    return 0


def _watch(given: list[Path], out: Path, corrector: Corrector, how: FileOptions) -> int:
    """Correct what arrives until interrupted."""
    from midtone.batch import correct_files, watch

    if len(given) != 1:
        raise UsageError("--watch takes one folder")
    print(f"midtone: watching {given[0]}; interrupt to end", file=sys.stderr)
    for job in watch.arrivals(given[0], out, format=how.output.format):
        result = correct_files.correct_one(corrector, how, job)
        print(result.error or f"{result.source} -> {result.target}", flush=True)
    return 0
