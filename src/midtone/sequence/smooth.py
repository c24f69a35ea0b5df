"""Corrections that change smoothly from photograph to photograph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from midtone import bilateral_grid, colour
from midtone.bilateral_grid import GridConfig
from midtone.correction import Correction
from midtone.photo import Photo
from midtone.preprocess import NetworkInput, resize, to_source_space
from midtone.sequence.member import SIZE, Member

SIGMA = 8.0  # pictures: a third of a second when a time lapse is played
_REACH = 3.0  # sigmas


class SmoothCorrection:
    """Corrections that change smoothly from picture to picture, whatever the exposure does.

    A picture is exposed like each of its neighbours, corrected by the neighbour's own correction,
    and the results are averaged:

        y_t = sum_s w_ts G_s(2^(b_s - b_t) x_t)

    x is linear light, b the mean log2 luminance, G_s the single correction of picture s, and w are
    the weights of local linear regression with a Gaussian of ``SIGMA`` pictures. A steady change is
    kept, at both ends of the sequence too.
    """

    def __init__(self, members: Sequence[Member], config: GridConfig) -> None:
        self.members = members
        self._config = config

    def fit(self, number: int, photo: Photo) -> Correction:
        """The correction of one picture."""
        member = self.members[number]
        small = resize(photo.pixels, SIZE)
        before = np.ascontiguousarray(colour.to_srgb(small, photo.icc))
        after = np.zeros_like(before)
        reach = int(SIGMA * _REACH)
        first = max(0, number - reach)
        near = self.members[first : number + reach + 1]
        weights = smoothing_weights(first + np.arange(len(near)), number, SIGMA)
        for one, weight in zip(near, weights, strict=True):
            assert one.grid is not None
            exposed = colour.expose(before, one.brightness - member.brightness)
            after += np.float32(weight) * bilateral_grid.slice_grid(one.grid, exposed, threads=1)
        target = to_source_space(after, NetworkInput([], before, small), photo.icc)
        grid = bilateral_grid.fit(small, target, self._config)
        error, confidence = member.exposure_error, member.confidence
        return Correction(before, after.clip(0, 1), grid, error, confidence=confidence)


def smoothing_weights(positions: np.ndarray, at: float, sigma: float) -> np.ndarray:
    """Weights of local linear regression: the fitted value at ``at`` is weights @ values.

    positions: n, in any order, not all further than 3 ``sigma`` from ``at``
    The weights are Gaussian where the positions lie evenly around ``at``. They sum to one, and
    weights @ positions = at if two positions differ: linear changes stay as they are.
    """
    away = np.asarray(positions, np.float64) - at
    gaussian = np.where(np.abs(away) <= _REACH * sigma, np.exp(-((away / sigma) ** 2) / 2), 0)
    zeroth, first, second = (float((gaussian * away**power).sum()) for power in range(3))
    spread = zeroth * second - first**2
    if spread <= 1e-9 * zeroth**2 * sigma**2:
        return np.asarray(gaussian / zeroth)
    return np.asarray(gaussian * (second - first * away) / spread)
