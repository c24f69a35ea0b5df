"""Training examples by number: pairs (wrongly exposed, well exposed), size x size x 3 uint8 each.

Example ``n`` depends on the seed and on ``n`` alone, so a resumed run sees what an uninterrupted
one would have seen, whatever the number of loader processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from midtone.atomic import replacing
from midtone.data.crops import (
    Window,
    WindowModel,
    balance,
    brighten,
    collage,
    draw_patch,
    draw_window,
    fit,
    pad_square,
    place,
    saturate,
)
from midtone.data.pairs import PATCH_MARK, REFERENCE, Pair, format_ev
from midtone.data.photographs import Photographs, decode
from midtone.data.synthesize import ErrorModel, draw_ev, synthesize
from midtone.errors import PhotoError

Example = tuple[np.ndarray, np.ndarray]


class Examples(Protocol):
    """What the loader reads: as many examples as there are in one pass over the data, or more."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int) -> Example: ...


@dataclass(frozen=True)
class FromPhotographs:
    """Examples from good photographs, wrongly exposed on the fly.

    windows: None draws the paper's patches, at the photograph's own resolution
    """

    photographs: Photographs
    size: int
    seed: int
    errors: ErrorModel = ErrorModel()
    windows: WindowModel | None = WindowModel()
    per_image: int = 1

    def __len__(self) -> int:
        return len(self.photographs) * self.per_image

    def __getitem__(self, number: int) -> Example:
        place, rng = _draw(number, len(self), self.seed)
        right = self._right(place, rng)
        if self.windows and rng.random() < self.windows.collage_share:
            right = collage(right, self._right(int(rng.integers(len(self))), rng), rng)
        # Exposed before it is made smaller, as a camera does: codes and clipping then are as real.
        wrong = synthesize(right, draw_ev(self.errors, rng), self.errors, rng)
        if self.windows:
            wrong, right = fit(wrong, self.size), fit(right, self.size)
        return pad_square(wrong), pad_square(right)

    def _right(self, place: int, rng: np.random.Generator) -> np.ndarray:
        """A window of a photograph as it should be."""
        image = self.photographs.images[place % len(self.photographs)]
        right = _window(image, self.size, self.windows, rng).cut(image)
        if self.windows:
            right = saturate(right, rng.uniform(*self.windows.saturation))
            right = balance(right, np.exp(rng.normal(0, self.windows.balance, 3)))
            if self.windows.gamma:
                right = brighten(right, np.exp(rng.normal(0, self.windows.gamma)))
            if self.windows.swapped_share and rng.random() < self.windows.swapped_share:
                right = right[..., rng.permutation(3)]
        return right


@dataclass(frozen=True)
class FromPairs:
    """Examples from pairs on disk: ``per_image`` windows of each pair in one pass.

    windows: None draws the paper's patches, at the pair's own resolution
    """

    pairs: Sequence[Pair]
    size: int
    seed: int
    windows: WindowModel | None = None
    per_image: int = 1

    def __len__(self) -> int:
        return len(self.pairs) * self.per_image

    def __getitem__(self, number: int) -> Example:
        place, rng = _draw(number, len(self), self.seed)
        wrong, right = load(self.pairs[place % len(self.pairs)])
        window = _window(right, self.size, self.windows, rng)
        wrong, right = window.cut(wrong), window.cut(right)
        return pad_square(fit(wrong, self.size)), pad_square(fit(right, self.size))


def load(pair: Pair, longest_side: int | None = None) -> Example:
    """Decode a pair. Raises PhotoError if its two images differ in size."""
    wrong, right = decode(pair.input, longest_side), decode(pair.reference, longest_side)
    if wrong.shape != right.shape:
        raise PhotoError(
            f"{pair.input}: is {wrong.shape[1]} x {wrong.shape[0]}, its reference "
            f"{pair.reference.name} {right.shape[1]} x {right.shape[0]}; a pair needs one size"
        )
    return wrong, right


def write_patches(
    out: Path, size: int, per_image: int, seed: int, scene: Sequence[Pair]
) -> tuple[int, list[str]]:
    """Write the paper's patches of the pairs of one scene below ``out``, in the layout they have.

    The windows depend on the scene and its reference alone, so all exposures are cut alike. Files
    are PNG, <scene>@<number>_<EV>.png, which ``read_pairs`` knows to be of one scene; what is there
    already is written again. Returns the number of pairs written, and a sentence for each pair that
    could not be read. Raises PhotoError, OSError where ``out`` cannot be written.
    """
    written, problems = 0, []
    for pair in scene:
        try:
            wrong, right = load(pair)
        except PhotoError as error:
            problems.append(str(error))
            continue
        if pair.split:
            root = out / pair.split
            folders = root / "INPUT_IMAGES", root / "GT_IMAGES"
        else:
            folders = out / "input", out / REFERENCE
        rng = np.random.default_rng([seed, *pair.scene.encode()])
        for number in range(1, per_image + 1):
            window = draw_patch(right, size, rng)
            if window is None:
                break
            place = f"{pair.scene}{PATCH_MARK}{number}"
            name = place if pair.ev is None else f"{place}_{format_ev(pair.ev)}"
            _save(window.cut(wrong), folders[0] / f"{name}.png")
            _save(window.cut(right), folders[1] / f"{place if pair.split else name}.png")
            written += 1
    return written, problems


def _save(patch: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        Image.fromarray(np.ascontiguousarray(patch)).save(temporary, "PNG")


def _draw(number: int, count: int, seed: int) -> tuple[int, np.random.Generator]:
    """Which of the ``count`` examples of its epoch a number is, and its random numbers."""
    epoch, place = divmod(number, count)
    return int(_order(count, seed, epoch)[place]), np.random.default_rng((seed, epoch, place))


@lru_cache(maxsize=2)
def _order(count: int, seed: int, epoch: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch)).permutation(count)


def _window(
    reference: np.ndarray, size: int, windows: WindowModel | None, rng: np.random.Generator
) -> Window:
    if windows:
        return draw_window(reference.shape[:2], windows, rng)
    patch = draw_patch(reference, size, rng)
    if patch:
        return patch
    # Nowhere detail enough: any window of this size, rather than another image out of turn.
    side = min(size, *reference.shape[:2])
    return Window(*place(reference.shape[:2], side, side, rng), side, side)
