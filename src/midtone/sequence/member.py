"""What is kept of each photograph of a sequence."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, replace

import numpy as np

from midtone import bilateral_grid, colour
from midtone.corrector import Corrector
from midtone.options import CorrectionOptions
from midtone.photo import Photo, capture

SIZE = 128  # longer side of the picture that a correction of a sequence is fitted at
_SAMPLES = 1 << 16  # colours that a common correction is fitted to, from all pictures together
_LEAST_SAMPLES = 64
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
    _: KW_ONLY
    exposure: float | None = None
    time: str | None = None
    grid: np.ndarray | None = field(default=None, repr=False)
    colours: np.ndarray | None = field(default=None, repr=False)


def observe(
    corrector: Corrector,
    photo: Photo,
    options: CorrectionOptions,
    *,
    together: str,
    pictures: int,
) -> Member:
    """Correct one of ``pictures`` photographs on its own, and keep what its sequence needs."""
    inputs = corrector.preprocess(photo, options)
    low = corrector.correct_low_resolution(inputs, options)
    before, after = inputs.reference, low.corrected
    member = Member(
        float(colour.log_luminance(before).mean()),
        low.exposure_error,
        low.confidence,
        exposure=capture.exposure(photo.metadata.exif),
        time=capture.time(photo.metadata.exif),
    )
    if together == "smooth":
        grid = bilateral_grid.fit(before, after, corrector.config.grid)
        return replace(member, grid=grid.astype(np.float16))
    count = max(_LEAST_SAMPLES, _SAMPLES // pictures)
    # Multiples of the golden ratio spread over rows and columns alike, whatever the size.
    at = (np.arange(count) * _GOLDEN % 1 * before.shape[0] * before.shape[1]).astype(np.intp)
    pairs = np.stack((before.reshape(-1, 3)[at], after.reshape(-1, 3)[at].clip(0, 1)), 1)
    return replace(member, colours=pairs.astype(np.float16))
