"""One correction for all photographs of a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from midtone import bilateral_grid, colour
from midtone.bilateral_grid import GridConfig
from midtone.correction import Correction
from midtone.photo import Photo
from midtone.preprocess import NetworkInput, resize, to_source_space
from midtone.sequence.member import SIZE, Member

_RIGID = 1e6  # spatial smoothness that leaves one transform for the whole plane
_CLIPPED = 0.98


class SameCorrection:
    """One function from colour to colour for all pictures, the same everywhere in them.

    The function is the least squares fit to the single corrections of all pictures. Where the
    cameras' settings differ, every picture is first brought to the median exposure:

        y = f(2^(m - e) x)

    x is linear light, e the exposure of the camera's settings in EV and m the median of all. A
    picture without settings counts as exposed like the median.
    """

    def __init__(self, members: Sequence[Member], config: GridConfig) -> None:
        self.members = members
        self._config = replace(config, lambda_s=_RIGID)
        known = [one.exposure for one in members if one.exposure is not None]
        self._median = float(np.median(known)) if known else 0.0
        before, after = [], []
        for one in members:
            assert one.colours is not None
            colours = one.colours.astype(np.float32)
            gain = -self._above_median(one)
            if gain < 0:  # colours that are clipped here are not those of the scene
                colours = colours[colours[:, 0].max(1) < _CLIPPED]
            before.append(colour.expose(colours[:, 0], gain))
            after.append(colours[:, 1])
        self._before, self._after = _square(np.concatenate(before), np.concatenate(after))
        self._grid = lru_cache(maxsize=64)(self._fit_grid)

    def fit(self, number: int, photo: Photo) -> Correction:
        """The correction of one picture: the same for all of one exposure and colour space."""
        member = self.members[number]
        above = round(self._above_median(member), 2)
        grid = self._grid(above, photo.icc, photo.pixels.shape[2])
        before = colour.to_srgb(resize(photo.pixels, SIZE), photo.icc)
        after = bilateral_grid.slice_grid(
            self._grid(above, None, 3), np.ascontiguousarray(before), threads=1
        )
        error, confidence = member.exposure_error, member.confidence
        return Correction(before, after.clip(0, 1), grid, error, confidence=confidence)

    def _above_median(self, member: Member) -> float:
        return 0.0 if member.exposure is None else member.exposure - self._median

    def _fit_grid(self, above: float, icc: bytes | None, channels: int) -> np.ndarray:
        before = colour.expose(self._before, above)
        source = colour.from_srgb(before, icc, channels)
        target = to_source_space(self._after, NetworkInput([], before, source), icc)
        shape = (2, 2, self._config.depth)
        grid = bilateral_grid.fit(source, target, self._config, shape=shape)
        return np.broadcast_to(grid.mean((0, 1)), grid.shape).copy()


def _square(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colours, n x 3, as images of one shape; some are repeated to fill the last row."""
    side = max(1, int(np.ceil(len(before) ** 0.5)))
    order = np.arange(side * side) % len(before)
    return before[order].reshape(side, side, 3), after[order].reshape(side, side, 3)
