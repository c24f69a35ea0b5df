"""Training examples by number: (input, target), H x W x 3 uint8 each.

Example ``n`` depends on the seed and on ``n`` alone. A resumed run therefore trains on the same
examples as an uninterrupted one, with any number of loader processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from midtone.data.augment import Augmentation, augment, collage
from midtone.data.crops import Crop, CropModel, draw_crop, draw_patch, draw_position
from midtone.data.pairs import Pair
from midtone.data.photographs import decode_pair
from midtone.data.synthesize import ErrorModel, draw_ev, synthesize, vary_exposure
from midtone.data.targets import TargetModel, keep_whites, normalize_target

Example = tuple[np.ndarray, np.ndarray]


class Examples(Protocol):
    """What the loader reads: the examples of the first epoch, and any number after them."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int) -> Example: ...


@dataclass(frozen=True, kw_only=True)
class PhotographExamples:
    """Examples from well exposed photographs, with errors synthesised on the fly.

    photographs: H x W x 3 uint8 each
    size:        of the paper's patches, in pixels; crops that cover most of a photograph keep
                 their size, for the loader to resize
    crops:       None draws the paper's patches, at the photograph's own resolution
    per_image:   examples of each photograph in one epoch
    well_exposed: of each photograph; the others come unchanged (``ErrorModel.unchanged_ev``). None
                 if all of them are
    """

    photographs: Sequence[np.ndarray]
    size: int
    seed: int
    well_exposed: Sequence[bool] | None = None
    crops: CropModel | None = CropModel()
    augmentation: Augmentation = Augmentation()
    errors: ErrorModel = ErrorModel()
    targets: TargetModel = TargetModel()
    per_image: int = 1

    def __len__(self) -> int:
        return len(self.photographs) * self.per_image

    def __getitem__(self, number: int) -> Example:
        index, rng = _draw(number, len(self), self.seed)
        target = self._target(index, rng)
        if rng.random() < self.augmentation.collage_prob:
            target = collage(target, self._target(int(rng.integers(len(self))), rng), rng)
        # The error comes before the resize, as in a camera: codes and clipping are then realistic.
        index %= len(self.photographs)
        unchanged = self.well_exposed is not None and not self.well_exposed[index]
        return degrade(target, self.errors, self.targets, rng, unchanged=unchanged)

    def _target(self, index: int, rng: np.random.Generator) -> np.ndarray:
        image = self.photographs[index % len(self.photographs)]
        crop = _draw_crop(image, self.size, self.crops, rng)
        return augment(crop.cut(image), self.augmentation, rng)


@dataclass(frozen=True, kw_only=True)
class PairExamples:
    """Examples from pairs on disk: ``per_image`` crops of each pair in one epoch.

    crops: None draws the paper's patches, at the pair's own resolution
    """

    pairs: Sequence[Pair]
    size: int
    seed: int
    crops: CropModel | None = None
    per_image: int = 1

    def __len__(self) -> int:
        return len(self.pairs) * self.per_image

    def __getitem__(self, number: int) -> Example:
        index, rng = _draw(number, len(self), self.seed)
        source, target = decode_pair(self.pairs[index % len(self.pairs)])
        crop = _draw_crop(target, self.size, self.crops, rng)
        return crop.cut(source), crop.cut(target)


def degrade(
    target: np.ndarray,
    errors: ErrorModel,
    targets: TargetModel,
    rng: np.random.Generator,
    *,
    unchanged: bool = False,
) -> Example:
    """Make an example of a picture: H x W x 3 uint8 -> (input, target).

    unchanged: make an unchanged one, independent of ``errors.unchanged_prob``
    """
    ev = draw_ev(errors, rng)
    if rng.random() < errors.unchanged_prob or unchanged:
        source = target = vary_exposure(target, errors.unchanged_ev, rng)
    else:
        target = normalize_target(target, targets, ev)
        source = synthesize(target, ev, errors, rng)
    return source, keep_whites(target, source, targets.white_floor)


def _draw(number: int, count: int, seed: int) -> tuple[int, np.random.Generator]:
    """Which of the ``count`` examples of its epoch a number is, and its random numbers."""
    epoch, index = divmod(number, count)
    return int(_order(count, seed, epoch)[index]), np.random.default_rng((seed, epoch, index))


@lru_cache(maxsize=2)
def _order(count: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch)).permutation(count)


def _draw_crop(
    target: np.ndarray, size: int, crops: CropModel | None, rng: np.random.Generator
) -> Crop:
    if crops:
        return draw_crop(target.shape[:2], crops, rng)
    patch = draw_patch(target, size, rng)
    if patch:
        return patch
    # No detail anywhere: any crop of this size, so that every image has its turn.
    side = min(size, *target.shape[:2])
    return Crop(*draw_position(target.shape[:2], side, side, rng), side, side)
