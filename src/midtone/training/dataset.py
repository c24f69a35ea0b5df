"""The data set of a run: a folder of pairs or of well exposed photographs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from midtone.data.pairs import Pair, is_pairs, read_pairs, split_scenes
from midtone.data.photographs import (
    decode,
    find_photos,
    hold_out,
    is_well_exposed,
    size_of,
)
from midtone.errors import PhotoError, UsageError
from midtone.training import validation
from midtone.training.examples import Examples, PairExamples, PhotographExamples
from midtone.training.recipe import Recipe, Stage

Warn = Callable[[str], None]
Photographs = tuple[list[np.ndarray], list[bool]]  # H x W x 3 uint8; whether well exposed
LEAST_PHOTOGRAPHS = 4
_FEW = 500
_LEAST_SHARE = 0.05
_NAMED = 3


@dataclass(frozen=True)
class Dataset:
    """What a run trains on, and what it validates on.

    examples: of each stage of the recipe
    checks:   held-out pictures
    """

    examples: list[Examples]
    checks: list[validation.Check]


def open_dataset(folder: Path, recipe: Recipe, warn: Warn) -> Dataset:
    """Read pairs if the folder holds a layout of ``data.pairs``, else photographs.

    warn: called with a sentence for each file that is left out, and for each stage that can use
          less than half of the images
    Raises UsageError if the folder is missing, or holds too little for a stage.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    return (_open_pairs if is_pairs(folder) else _open_photographs)(folder, recipe, warn)


def _open_photographs(folder: Path, recipe: Recipe, warn: Warn) -> Dataset:
    found = find_photos(folder)
    paths = [path for path in found if _is_readable(path, warn)]
    if not found:
        raise UsageError(f"{folder}: holds neither photographs nor pairs")
    _require(len(paths), f"{folder}: {len(paths)} of {len(found)} files are readable photographs")
    training, held_out = hold_out(paths, recipe.hold_out)

    @cache
    def decoded(longest_side: int | None) -> Photographs:
        return _decode_all(folder, training, longest_side, warn)

    last = recipe.stages[-1]
    kept = [decode(path, last.longest_side or 2 * last.size) for path in held_out]
    checks = validation.from_photographs(kept, last.errors, last.targets, recipe.seed)
    examples: list[Examples] = []
    for stage in recipe.stages:
        images, good = decoded(stage.longest_side)
        if stage.crops is None:
            sides = [min(image.shape[:2]) for image in images]
            _check_sizes(folder, stage, sides, "photographs", warn)
        examples.append(_photograph_examples(stage, images, good, recipe.seed))
    return Dataset(examples, checks)


def _decode_all(
    folder: Path, paths: Sequence[Path], longest_side: int | None, warn: Warn
) -> Photographs:
    """Decode photographs, and warn of those that cannot be targets."""
    images = [decode(path, longest_side) for path in paths]
    good = [is_well_exposed(image) for image in images]
    _require(sum(good), f"{folder}: {sum(good)} of {len(images)} photographs are well exposed")
    poor = [path for path, one in zip(paths, good, strict=True) if not one]
    if poor:
        warn(
            f"{len(poor)} of {len(images)} photographs are dark, bright or flat as a whole and "
            f"no targets ({_names(poor)})"
        )
    if sum(good) < _FEW:
        warn(f"{sum(good)} photographs are few: the network will overfit below {_FEW}")
    return images, good


def _photograph_examples(
    stage: Stage, images: Sequence[np.ndarray], good: Sequence[bool], seed: int
) -> PhotographExamples:
    """The examples of a stage, from the photographs that it can use."""
    chosen = [
        number
        for number, image in enumerate(images)
        if (good[number] or stage.unchanged_others)
        and (stage.crops or min(image.shape[:2]) >= stage.size)
    ]
    return PhotographExamples(
        photographs=[images[number] for number in chosen],
        well_exposed=[good[number] for number in chosen],
        size=stage.size,
        seed=seed,
        crops=stage.crops,
        augmentation=stage.augmentation,
        errors=stage.errors,
        targets=stage.targets,
        per_image=stage.per_image,
    )


def _open_pairs(folder: Path, recipe: Recipe, warn: Warn) -> Dataset:
    found = read_pairs(folder)
    for problem in found.problems:
        warn(problem)
    training: Sequence[Pair] = found.of("training") or found.pairs
    held_out: Sequence[Pair] = found.of("validation")
    if not held_out:
        training, held_out = split_scenes(training, recipe.hold_out)
    sides = [_shorter_side(pair, warn) for pair in training]
    pairs = [pair for pair, side in zip(training, sides, strict=True) if side]
    sides = [side for side in sides if side]
    if not pairs or not held_out:
        raise UsageError(
            f"{folder}: {len(pairs)} pairs to train on and {len(held_out)} to validate on; at "
            "least one scene is needed for each"
        )

    def examples(stage: Stage) -> Examples:
        usable = pairs
        if stage.crops is None:
            _check_sizes(folder, stage, sides, "pairs", warn)
            usable = [p for p, side in zip(pairs, sides, strict=True) if side >= stage.size]
        return PairExamples(
            pairs=usable,
            size=stage.size,
            seed=recipe.seed,
            crops=stage.crops,
            per_image=stage.per_image,
        )

    return Dataset(
        [examples(stage) for stage in recipe.stages],
        validation.from_pairs(held_out, 2 * recipe.stages[-1].size),
    )


def _check_sizes(folder: Path, stage: Stage, sides: Sequence[int], things: str, warn: Warn) -> None:
    """Warn where a stage can use less than half of the images, refuse where next to none."""
    usable = sum(side >= stage.size for side in sides)
    counted = f"{usable} of {len(sides)} {things} are {stage.size} px wide and high or larger"
    if usable < max(1, _LEAST_SHARE * len(sides)):
        raise UsageError(
            f"{folder}: {counted}, too few for patches of that size; give larger {things} or a "
            "recipe with smaller patches"
        )
    if usable < len(sides) / 2:
        warn(f"{counted}; the stage of {stage.size} px patches leaves out the others")


def _shorter_side(pair: Pair, warn: Warn) -> int:
    """Shorter side of a pair in pixels, from the headers; 0 if it cannot be used."""
    try:
        size, wanted = size_of(pair.input), size_of(pair.reference)
    except PhotoError as error:
        warn(f"{error}; left out")
        return 0
    if size != wanted:
        warn(f"{pair.input}: is not of the size of {pair.reference.name}; left out")
        return 0
    return min(size)


def _is_readable(path: Path, warn: Warn) -> bool:
    try:
        size_of(path)
    except PhotoError as error:
        warn(f"{error}; left out")
        return False
    return True


def _require(count: int, sentence: str) -> None:
    if count < LEAST_PHOTOGRAPHS:
        raise UsageError(f"{sentence}; training needs at least {LEAST_PHOTOGRAPHS}")


def _names(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(path.name for path in paths[:_NAMED]) + more
