"""What a run learns from: folders of pairs or of good photographs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from midtone.data.pairs import Pair, is_pairs, read_pairs, split_scenes
from midtone.data.patches import Examples, FromPairs, FromPhotographs
from midtone.data.photographs import Photographs, find_photos, hold_out, size_of
from midtone.errors import PhotoError, UsageError
from midtone.training import validation
from midtone.training.recipe import Recipe, Stage


@dataclass(frozen=True)
class Source:
    """Training examples for each stage, and held-out pictures."""

    examples: Callable[[Stage], Examples]
    checks: list[validation.Check]


def open_source(folder: Path, recipe: Recipe, warn: Callable[[str], None]) -> Source:
    """Pairs if the folder holds a layout of ``data.pairs``, else photographs.

    ``warn`` is told of every file that is left out. Raises UsageError if nothing is left.
    """
    return (_pairs if is_pairs(folder) else _photographs)(folder, recipe, warn)


def _photographs(folder: Path, recipe: Recipe, warn: Callable[[str], None]) -> Source:
    paths = []
    for path in find_photos(folder):
        try:
            size_of(path)
            paths.append(path)
        except PhotoError as error:
            warn(f"{error}; left out")
    training, held_out = hold_out(paths, recipe.hold_out)
    if not training or not held_out:
        raise UsageError(f"{folder}: too few photographs to train on, or no pairs")

    @lru_cache(maxsize=1)
    def decoded(longest_side: int | None) -> Photographs:
        return Photographs.read(training, longest_side, chosen=True)

    def examples(stage: Stage) -> Examples:
        photographs = decoded(stage.longest_side)
        if stage.windows is None:
            photographs = photographs.at_least(stage.size)
        if not len(photographs):
            raise UsageError(
                f"{folder}: no well exposed photograph is {stage.size} px wide and high or larger"
            )
        return FromPhotographs(
            photographs, stage.size, recipe.seed, stage.errors, stage.windows, stage.per_image
        )

    last = recipe.stages[-1]
    kept = Photographs.read(held_out, last.longest_side or 2 * last.size)
    return Source(examples, validation.from_photographs(kept, last.errors, recipe.seed))


def _pairs(folder: Path, recipe: Recipe, warn: Callable[[str], None]) -> Source:
    found = read_pairs(folder)
    for problem in found.problems:
        warn(problem)
    training: Sequence[Pair] = found.of("training") or found.pairs
    held_out: Sequence[Pair] = found.of("validation")
    if not held_out:
        training, held_out = split_scenes(training, recipe.hold_out)
    sides: list[tuple[Pair, int]] = []
    for pair in training:
        try:
            size, wanted = size_of(pair.input), size_of(pair.reference)
        except PhotoError as error:
            warn(f"{error}; left out")
            continue
        if size == wanted:
            sides.append((pair, min(size)))
        else:
            warn(f"{pair.input}: is not of the size of {pair.reference.name}; left out")
    if not sides or not held_out:
        raise UsageError(f"{folder}: too few pairs to train on")

    @lru_cache  # says once a stage what is left out
    def examples(stage: Stage) -> Examples:
        usable = [pair for pair, side in sides if stage.windows or side >= stage.size]
        if not usable:
            raise UsageError(f"{folder}: no pair is at least {stage.size} px wide and high")
        if len(usable) < len(sides):
            warn(f"{len(sides) - len(usable)} pairs are smaller than {stage.size} px; left out")
        return FromPairs(usable, stage.size, recipe.seed, stage.windows, stage.per_image)

    return Source(examples, validation.from_pairs(held_out, 2 * recipe.stages[-1].size))
