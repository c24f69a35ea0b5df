"""Many photographs: folders are mirrored, failures kept apart, nothing overwritten unasked."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from midtone import photo
from midtone.corrector import Corrector, Settings
from midtone.errors import Error, UsageError


@dataclass(frozen=True)
class Result:
    """What became of one file. ``error`` is one sentence, or None if all went well."""

    source: Path
    target: Path
    error: str | None = None
    exposure_error: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """What became of all files, in the order of the input."""

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
    settings: Settings = Settings(),
    quality: int = photo.QUALITY,
    overwrite: bool = False,
    workers: int = 1,
    progress: Callable[[Result], None] | None = None,
) -> Report:
    """Correct files and all photographs below folders into ``out``, which mirrors the folders.

    workers:  files worked on side by side
    progress: called after each file
    A file that fails is reported and the others go on. Raises UsageError if there is nothing to do
    or two files would get the same name.
    """
    sources = [source] if isinstance(source, str | os.PathLike) else source
    jobs = list(plan([Path(one) for one in sources], Path(out)))
    chosen = corrector or Corrector()
    chosen.check(settings)

    def work(job: tuple[Path, Path]) -> Result:
        result = correct_one(*job, chosen, settings, quality=quality, overwrite=overwrite)
        if progress:
            progress(result)
        return result

    if workers == 1:
        return Report(tuple(map(work, jobs)))
    with ThreadPoolExecutor(workers) as pool:
        return Report(tuple(pool.map(work, jobs)))


def correct_one(
    source: Path,
    target: Path,
    corrector: Corrector,
    settings: Settings,
    *,
    quality: int = photo.QUALITY,
    overwrite: bool = False,
) -> Result:
    """Correct one file; whatever goes wrong ends up in the result."""
    started = time.perf_counter()
    exposure_error = error = None
    try:
        # Before any work: a batch that has been run already should say so at once.
        if target.exists() and not overwrite:
            same = target.resolve() == source.resolve()
            what = "the output would replace the input" if same else "exists already"
            raise UsageError(f"{target}: {what}; use --overwrite to allow it")
        image = photo.read(source)
        planned = corrector.plan(image, settings)
        exposure_error = planned.exposure_error
        result = corrector.finish(image, planned, settings)
        target.parent.mkdir(parents=True, exist_ok=True)
        photo.write(result, target, quality=quality, overwrite=overwrite)
    except Error as known:
        error = str(known)
    except OSError as known:
        error = f"{target}: cannot be written ({known.strerror or known})"
    except MemoryError:
        error = f"{source}: too large for this computer's memory"
    return Result(source, target, error, exposure_error, time.perf_counter() - started)


def plan(sources: Sequence[Path], out: Path) -> Iterator[tuple[Path, Path]]:
    """(source, target) of every file: folders are walked, and mirrored below ``out``.

    ``out`` is a file if there is one input file and ``out`` has the suffix of an image format, else
    a folder. Raises UsageError if two sources would have one target or a folder has no photographs.
    """
    if out.suffix.lower() in photo.FORMATS and not out.is_dir():
        if len(sources) != 1 or sources[0].is_dir():
            raise UsageError(f"{out}: several photographs need a folder as output, not a file")
        yield sources[0], out
        return
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file of no known image format, and no folder")
    targets: dict[Path, Path] = {}
    for source in sources:
        for path, relative in _files(source, out):
            target = out / relative
            if target in targets:
                raise UsageError(f"{targets[target]} and {path} would both become {target}")
            targets[target] = path
    yield from ((path, target) for target, path in targets.items())


def find(sources: Iterable[Path]) -> list[Path]:
    """All files among and below ``sources``."""
    return [path for source in sources for path, _ in _files(source, None)]


def _files(source: Path, out: Path | None) -> Iterator[tuple[Path, Path]]:
    if not source.is_dir():
        yield source, Path(source.name)
        return
    inside = out.resolve() if out else None
    found = False
    for folder, folders, names in os.walk(source):
        # Results of an earlier run inside the source are no photographs to correct again.
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and (Path(folder) / name).resolve() != inside
        )
        for name in sorted(names):
            path = Path(folder) / name
            if path.suffix.lower() in photo.FORMATS and not name.startswith("."):
                found = True
                yield path, path.relative_to(source)
    if not found:
        raise UsageError(f"{source}: no photographs in this folder")
