"""Correct a sequence: observe each photograph, plan all corrections, apply each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from midtone import adapters
from midtone.adapters import AnyImage
from midtone.bilateral_grid import GridConfig
from midtone.correction import Correction
from midtone.corrector import Corrector
from midtone.errors import UsageError
from midtone.options import TOGETHER, CorrectionOptions
from midtone.photo import Photo
from midtone.sequence.member import Member, observe
from midtone.sequence.same import SameCorrection
from midtone.sequence.smooth import SmoothCorrection


class SequenceCorrection(Protocol):
    """The corrections of all pictures of a sequence."""

    members: Sequence[Member]

    def fit(self, number: int, photo: Photo) -> Correction:
        """The correction of picture ``number``, from 0, in its own colour space."""


def correct(
    corrector: Corrector, images: Sequence[AnyImage], options: CorrectionOptions, together: str
) -> list[AnyImage]:
    """Correct images in memory: see ``Corrector.correct_sequence``."""
    check(together)
    photos = [adapters.to_photo(image) for image in images]
    if not photos:
        return []
    members = [
        observe(corrector, photo, options, together=together, pictures=len(photos))
        for photo in photos
    ]
    corrections = plan(members, together, corrector.config.grid)
    results = []
    for number, (image, photo) in enumerate(zip(images, photos, strict=True)):
        corrected, _ = correct_member(corrector, corrections, number, photo, options)
        results.append(adapters.like(image, [corrected or photo]))
    return results


def check(together: str) -> None:
    """Raise UsageError for a name that is not in ``TOGETHER``."""
    if together not in TOGETHER:
        raise UsageError(f"together must be one of {', '.join(TOGETHER)}, not {together}")


def plan(members: Sequence[Member], together: str, config: GridConfig) -> SequenceCorrection:
    """The corrections of a sequence, whose members are in the order of time."""
    check(together)
    kind = SameCorrection if together == "same" else SmoothCorrection
    return kind(members, config)


def correct_member(
    corrector: Corrector,
    corrections: SequenceCorrection,
    number: int,
    photo: Photo,
    options: CorrectionOptions,
    *,
    in_place: bool = False,
) -> tuple[Photo | None, Correction]:
    """Correct picture ``number`` of a sequence, from 0.

    in_place: overwrite the photograph's pixels
    The photograph is None if ``is_unchanged`` for ``options.min_error``.
    """
    correction = corrections.fit(number, photo)
    if is_unchanged(corrections.members, options.min_error):
        return None, correction
    threads = corrector.threads
    return correction.slice(photo, options.strength, threads, in_place=in_place), correction


def is_unchanged(members: Sequence[Member], min_error: float) -> bool:
    """Whether the median of the pictures' exposure errors is less than ``min_error`` EV."""
    return abs(float(np.median([one.exposure_error for one in members]))) < min_error
