"""Correct many files: folders are mirrored, a file that fails does not stop the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path

from midtone import atomic
from midtone.batch import inputs, parallel
from midtone.batch.correct_one import correct_one
from midtone.batch.inputs import Job
from midtone.batch.results import Report, Result, result_of
from midtone.corrector import Corrector
from midtone.options import FileOptions
from midtone.pipeline import PipelineConfig


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
    plan = inputs.plan(
        [Path(one) for one in given],
        Path(out),
        format=output.format,
        overwrite=output.existing == "overwrite",
        raw=options.input.raw,
    )
    jobs = plan.jobs
    if output.existing == "resume":
        atomic.sweep(Path(out))
    corrector = corrector or Corrector()
    if together:
        from midtone.batch import sequences  # here: a single photograph should start at once

        run = sequences.correct_sequences(jobs, corrector, together, options, workers=workers)
    else:
        run = correct_jobs(jobs, corrector, options, workers=workers)
    results = {}
    for result in run:
        results[result.target] = result
        if progress:
            progress(result)
    unreadable = [Result(*job, "failed", reason) for job, reason in plan.unreadable]
    return Report((*(results[job.target] for job in jobs), *unreadable))


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
        own = (path, corrector.device, corrector.config)
        work = partial(_correct_in_process, own, options, dry_run)
    for outcome in parallel.run(
        # An error of one file must not stop the others.
        work,
        jobs,
        workers=workers,
        backend=backend,
        address=address,
        catch=(Exception,),
    ):
        yield result_of(outcome)


_CorrectorArguments = tuple[str, str, PipelineConfig]  # model, device, pipeline


def _correct_in_process(
    own: _CorrectorArguments, options: FileOptions, dry_run: bool, job: Job
) -> Result:
    """``correct_one`` in a process of its own, which loads the model once."""
    return correct_one(_corrector(own), options, job, dry_run=dry_run)


@lru_cache(maxsize=1)
def _corrector(own: _CorrectorArguments) -> Corrector:
    model, device, pipeline = own
    # Many processes share the cores: one thread each.
    return Corrector(model, device, threads=1, pipeline=pipeline)
