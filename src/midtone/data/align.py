"""Whether two renderings of one scene are aligned.

Renderings differ in exposure and colour, so their gradients are compared. The peak of the phase
correlation (Kuglin and Hines 1975) of the gradients of log luma is their shift.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from midtone import colour

SIDE = 384
MOST = 1.0  # largest shift, in pixels at SIDE
LEAST = 0.3  # least correlation of the gradients at that shift
RATIO = 0.01  # largest relative difference of the aspect ratios


def shift(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """The shift of two pictures in pixels at 384 on the long side, and their correlation there.

    one, other: H x W x 3 uint8 of about one shape. The correlation is that of their gradients, at
    most 1. Pictures without structure have the shift 0 and the correlation 0.
    """
    size = (SIDE, max(8, round(SIDE * one.shape[0] / one.shape[1])))
    if one.shape[0] > one.shape[1]:
        size = (max(8, round(SIDE * one.shape[1] / one.shape[0])), SIDE)
    left, right = (_gradients(image, size) for image in (one, other))
    spectrum = np.fft.fft2(left) * np.conj(np.fft.fft2(right))
    surface = np.fft.ifft2(spectrum / np.maximum(np.abs(spectrum), 1e-12)).real
    row, column = np.unravel_index(int(surface.argmax()), surface.shape)
    moved = np.roll(right, (int(row), int(column)), (0, 1))
    norm = np.sqrt((left**2).sum() * (right**2).sum())
    if not norm:
        return 0.0, 0.0
    far = np.hypot(*(min(d, n - d) for d, n in zip((row, column), surface.shape, strict=True)))
    return float(far), float((left * moved).sum() / norm)


def problem(one: np.ndarray, other: np.ndarray) -> str:
    """Why two pictures cannot be a pair, as the end of a sentence; "" if they can."""
    ratios = [image.shape[1] / image.shape[0] for image in (one, other)]
    if abs(ratios[0] / ratios[1] - 1) > RATIO:
        sizes = " and ".join(f"{image.shape[1]} x {image.shape[0]}" for image in (one, other))
        return f"its shape is another one ({sizes})"
    far, alike = shift(one, other)
    if far > MOST:
        return f"it is shifted by {far:.1f} px of {SIDE}"
    if alike < LEAST:
        return f"it does not show the same (gradients correlate by {alike:.2f}, {LEAST} needed)"
    return ""


def _gradients(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX), np.float64)
    tones = np.log2(colour.luma(small) + 8)
    found = np.hypot(*np.gradient(tones))
    found -= found.mean()
    window = np.outer(np.hanning(found.shape[0]), np.hanning(found.shape[1]))
    return np.asarray(found * window)
