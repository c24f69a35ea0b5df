"""Photographs that belong together: one correction for all, or one that changes smoothly.

A correction is a small grid, so the corrections of a sequence can be kept, fitted together and
averaged before any photograph is written. The network runs once for each photograph. What is kept
of it is a ``Member`` of some 20 kilobytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Protocol

import numpy as np

from midtone import bilateral_grid, colour
from midtone.bilateral_grid import GridConfig
from midtone.correction import Correction
from midtone.errors import UsageError
from midtone.options import TOGETHER
from midtone.photo import Photo, capture
from midtone.preprocess import NetworkInput, resize, to_source_space

SIGMA = 8.0  # pictures: a third of a second when a time lapse is played
_REACH = 3.0  # sigmas
_SAMPLES = 1 << 16  # colours that a common correction is fitted to, from all pictures together
_LEAST_SAMPLES = 64
_SIZE = 128  # longer side of the picture that a smoothed correction is fitted at
_RIGID = 1e6  # spatial smoothness that leaves one transform for the whole plane
_CLIPPED = 0.98
_GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class Member:
    """What is kept of one picture of a sequence.

    brightness: mean log2 luminance of the picture in EV
    exposure_error, confidence: of its single correction
    exposure:   of the camera's settings in EV (``capture.exposure``) or None
    time:       of capture (``capture.time``) or None
    grid:       of its single correction, sRGB to sRGB, float16; None for "same"
    colours:    k x 2 x 3 float16 sRGB: pixels before and after; None for "smooth"
    """

    brightness: float
    exposure_error: float
    confidence: float
    exposure: float | None = None
    time: str | None = None
    grid: np.ndarray | None = field(default=None, repr=False)
    colours: np.ndarray | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Single:
    """The correction of one picture at low resolution, on its own.

    prediction: h x w x 3 float32 sRGB, after all steps, unclipped
    exposure_error, confidence: as in ``Correction``
    """

    inputs: NetworkInput
    prediction: np.ndarray
    exposure_error: float
    confidence: float


class SequenceCorrection(Protocol):
    """The corrections of all pictures of a sequence."""

    members: Sequence[Member]

    def fit(self, number: int, photo: Photo) -> Correction:
        """The correction of picture ``number``, from 0, in its own colour space."""


def check(together: str) -> None:
    """Raise UsageError for a name that is not in ``TOGETHER``."""
    if together not in TOGETHER:
        raise UsageError(f"together must be one of {', '.join(TOGETHER)}, not {together}")


def observe(
    photo: Photo, single: Single, together: str, config: GridConfig, pictures: int
) -> Member:
    """What a sequence of that many ``pictures`` keeps of one."""
    before, after = single.inputs.reference, single.prediction
    member = Member(
        float(colour.log_luminance(before).mean()),
        single.exposure_error,
        single.confidence,
        capture.exposure(photo.metadata.exif),
        capture.time(photo.metadata.exif),
    )
    if together == "smooth":
        grid = bilateral_grid.fit(before, after, config).astype(np.float16)
        return replace(member, grid=grid)
    count = max(_LEAST_SAMPLES, _SAMPLES // pictures)
    # Multiples of the golden ratio spread over rows and columns alike, whatever the size.
    at = (np.arange(count) * _GOLDEN % 1 * before.shape[0] * before.shape[1]).astype(np.intp)
    pairs = np.stack((before.reshape(-1, 3)[at], after.reshape(-1, 3)[at].clip(0, 1)), 1)
    return replace(member, colours=pairs.astype(np.float16))


def plan(members: Sequence[Member], together: str, config: GridConfig) -> SequenceCorrection:
    """The corrections of a sequence, whose members are in the order of time."""
    check(together)
    kind = SameCorrection if together == "same" else SmoothCorrection
    return kind(members, config)


def is_unchanged(members: Sequence[Member], min_error: float) -> bool:
    """Whether the median of the pictures' exposure errors is less than ``min_error`` EV."""
    return abs(float(np.median([one.exposure_error for one in members]))) < min_error


class SameCorrection:
    """One function from colour to colour for all pictures, the same everywhere in them.

    The function is the least squares fit to the single corrections of all pictures. Where the
    cameras' settings differ, every picture counts as exposed like the median one:

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
            if gain < 0:  # what a longer exposure clips says nothing of the scene
                colours = colours[colours[:, 0].max(1) < _CLIPPED]
            before.append(expose(colours[:, 0], gain))
            after.append(colours[:, 1])
        self._before, self._after = _square(np.concatenate(before), np.concatenate(after))
        self._grid = lru_cache(maxsize=64)(self._fit_grid)

    def fit(self, number: int, photo: Photo) -> Correction:
        """The correction of one picture: the same for all of one exposure and colour space."""
        above = round(self._above_median(self.members[number]), 2)
        grid = self._grid(above, photo.icc, photo.pixels.shape[2])
        before = colour.to_srgb(resize(photo.pixels, _SIZE), photo.icc)
        after = bilateral_grid.slice_grid(
            self._grid(above, None, 3), np.ascontiguousarray(before), threads=1
        )
        return _correction(self.members[number], before, after, grid)

    def _above_median(self, member: Member) -> float:
        return 0.0 if member.exposure is None else member.exposure - self._median

    def _fit_grid(self, above: float, icc: bytes | None, channels: int) -> np.ndarray:
        before = expose(self._before, above)
        source = colour.from_srgb(before, icc, channels)
        target = to_source_space(self._after, NetworkInput([], before, source), icc)
        shape = (2, 2, self._config.depth)
        grid = bilateral_grid.fit(source, target, self._config, shape=shape)
        return np.broadcast_to(grid.mean((0, 1)), grid.shape).copy()


class SmoothCorrection:
    """Corrections that change smoothly from picture to picture, whatever the exposure does.

    A picture is corrected as each of its neighbours would be, had it their exposure:

        y_t = sum_s w_ts G_s(2^(b_s - b_t) x_t)

    x is linear light, b the mean log2 luminance, G_s the single correction of picture s, and w are
    the weights of local linear regression with a Gaussian of ``SIGMA`` pictures: a steady change is
    kept, at both ends too.
    """

    def __init__(self, members: Sequence[Member], config: GridConfig) -> None:
        self.members = members
        self._config = config

    def fit(self, number: int, photo: Photo) -> Correction:
        """The correction of one picture."""
        small = resize(photo.pixels, _SIZE)
        before = np.ascontiguousarray(colour.to_srgb(small, photo.icc))
        after = np.zeros_like(before)
        reach = int(SIGMA * _REACH)
        first = max(0, number - reach)
        near = self.members[first : number + reach + 1]
        weights = smoothing_weights(first + np.arange(len(near)), number, SIGMA)
        brightness = self.members[number].brightness
        for one, weight in zip(near, weights, strict=True):
            assert one.grid is not None
            exposed = expose(before, one.brightness - brightness)
            after += np.float32(weight) * bilateral_grid.slice_grid(one.grid, exposed, threads=1)
        target = to_source_space(after, NetworkInput([], before, small), photo.icc)
        grid = bilateral_grid.fit(small, target, self._config)
        return _correction(self.members[number], before, after, grid)


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


def expose(image: np.ndarray, ev: float) -> np.ndarray:
    """The image exposed by ``ev`` more: sRGB in [0, 1], any shape; linear light is clipped at 1."""
    if ev == 0:
        return image
    linear = colour.srgb_to_linear(image) * np.float32(2**ev)
    return np.asarray(colour.linear_to_srgb(linear.clip(0, 1)), np.float32)


def _correction(
    member: Member, before: np.ndarray, after: np.ndarray, grid: np.ndarray
) -> Correction:
    return Correction(before, after.clip(0, 1), grid, member.exposure_error, member.confidence)


def _square(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colours, n x 3, as images of one shape; some are repeated to fill the last row."""
    side = max(1, int(np.ceil(len(before) ** 0.5)))
    order = np.arange(side * side) % len(before)
    return before[order].reshape(side, side, 3), after[order].reshape(side, side, 3)
