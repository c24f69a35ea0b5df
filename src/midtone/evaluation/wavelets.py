"""Statistics of a steerable pyramid: the second feature group of the Ma score.

The pyramid is that of Simoncelli and Freeman 1995 (2 scales, 6 orientations, in the frequency
domain), its bands normalised by a Gaussian scale mixture (Wainwright and Simoncelli 2000).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from midtone.evaluation.shape import generalised_shape

_ORIENTATIONS, _SCALES = 6, 2
_C2 = (0.03 * 255) ** 2
_CHUNK = 400_000  # pixels whose neighbourhoods are held at once


def wavelet_statistics(plane: np.ndarray) -> np.ndarray:
    """45 numbers of H x W luma in 0..255, sides of at least 45 px."""
    high, bands = steerable_pyramid(plane)
    mixed = [
        [_normalised(bands, scale, number) for number in range(_ORIENTATIONS)]
        for scale in range(_SCALES)
    ]
    flat = [[one.ravel() for one in scale] for scale in mixed]
    shapes = [generalised_shape(one) for scale in flat for one in scale]
    pooled = [generalised_shape(np.concatenate(pair)) for pair in zip(*flat, strict=True)]
    residual = _Local(high)
    across = [
        _Local(band if band.shape == plane.shape else resize(band, plane.shape)).structure(residual)
        for scale in bands
        for band in scale
    ]
    between = [one.structure(two) for one, two in combinations(map(_Local, mixed[0]), 2)]
    return np.array([*shapes, *pooled, *across, *between], np.float64)


def steerable_pyramid(plane: np.ndarray) -> tuple[np.ndarray, list[list[np.ndarray]]]:
    """High-pass residual, and the bands of each scale, real; nothing compensates their gains."""
    spectrum = np.fft.fftshift(np.fft.fft2(plane))
    radius, direction = _polar(plane.shape)
    high = _inverse(spectrum * _high(radius))
    spectrum = spectrum * _low(radius)
    order = _ORIENTATIONS - 1
    gain = (
        2 ** (2 * order) * math.factorial(order) ** 2 / (_ORIENTATIONS * math.factorial(2 * order))
    )
    bands = []
    for scale in range(1, _SCALES + 1):
        passed = spectrum * _high(radius + scale) * (-1j) ** order * np.sqrt(gain)
        bands.append(
            [_inverse(passed * _turned(direction, number)) for number in range(_ORIENTATIONS)]
        )
        middle = tuple(_middle(side) for side in spectrum.shape)
        spectrum, radius = spectrum[middle], radius[middle]
        direction = direction[:, *middle]
        spectrum = spectrum * _low(radius + scale)
    return high, bands


def resize(plane: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Enlarge by Keys' bicubic (a = -1/2), mirrored borders."""
    for wanted in shape:
        length = plane.shape[0]
        place = (np.arange(wanted) + 0.5) * length / wanted - 0.5
        first = np.floor(place).astype(np.intp) - 1
        result = np.zeros((wanted, plane.shape[1]))
        for tap in range(4):
            index = first + tap
            distance = np.abs(place - index)
            weight = np.where(
                distance <= 1,
                1.5 * distance**3 - 2.5 * distance**2 + 1,
                -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2,
            )
            index = np.where(index < 0, -1 - index, index)
            index = np.where(index >= length, 2 * length - 1 - index, index)
            result += weight[:, None] * plane[index]
        plane = result.T
    return plane


def _polar(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Log2 of the radius, 0 at Nyquist, and cosine and sine of the angle in a shifted spectrum."""
    y, x = ((np.arange(side) - side // 2) / (side / 2) for side in shape)
    radius = np.hypot(y[:, None], x)
    length = np.where(radius, radius, 1)
    direction = np.stack([x / length, y[:, None] / length])
    row, column = (side // 2 for side in shape)
    radius[row, column] = radius[row, column - 1]
    direction[0, row, column] = 1  # atan2(0, 0) is 0
    return np.log2(radius), direction


def _turned(direction: np.ndarray, number: int) -> np.ndarray:
    """cos(angle - pi number / 6) ** 5."""
    turn = np.pi * number / _ORIENTATIONS
    cosine = np.cos(turn) * direction[0] + np.sin(turn) * direction[1]
    square = cosine * cosine
    return np.asarray(square * square * cosine)


def _high(octave: np.ndarray) -> np.ndarray:
    return np.asarray(np.cos(np.pi / 2 * np.clip(octave, -1, 0)))


def _low(octave: np.ndarray) -> np.ndarray:
    return np.asarray(np.sin(-np.pi / 2 * np.clip(octave, -1, 0)))


def _middle(side: int) -> slice:
    """The half of a shifted axis around its zero frequency."""
    half = -(-side // 2)
    first = side // 2 - half // 2
    return slice(first, first + half)


def _inverse(spectrum: np.ndarray) -> np.ndarray:
    from scipy.fft import ifft2

    return np.ascontiguousarray(ifft2(np.fft.ifftshift(spectrum), workers=-1).real)


def _normalised(bands: list[list[np.ndarray]], scale: int, number: int) -> np.ndarray:
    """A band divided by the size of its neighbourhood, without the border, without its mean.

    The last orientation of the finer scale has no parent, as in the authors' program.
    """
    band = bands[scale][number]
    others = [one for k, one in enumerate(bands[scale]) if k != number]
    parent = scale + 1 < _SCALES and number + 1 < _ORIENTATIONS
    if parent:
        large = resize(
            bands[scale + 1][number], tuple(2 * n for n in bands[scale + 1][number].shape)
        )
        others = [large[: band.shape[0], : band.shape[1]], *others]
    covariance = sum(part @ part.T for part in _neighbourhoods(band, others))
    covariance = covariance / ((band.shape[0] - 2) * (band.shape[1] - 2))
    inverse = np.linalg.pinv(covariance) / (9 + parent)
    size = np.concatenate(
        [
            np.sqrt(np.maximum((part * (inverse @ part)).sum(0), 0))
            for part in _neighbourhoods(band, others)
        ]
    )
    inner = band[1:-1, 1:-1]
    result = (inner - inner.mean()) / np.maximum(size, np.finfo(float).tiny).reshape(inner.shape)
    border = 16 >> scale
    result = result[border:-border, border:-border]
    return np.asarray(result - result.mean())


def _neighbourhoods(band: np.ndarray, others: list[np.ndarray]) -> Iterator[np.ndarray]:
    """3 x 3 neighbours in the band, then the same place in the others: N x pixels, by strips."""
    height, width = band.shape
    rows = max(1, _CHUNK // width)
    for top in range(1, height - 1, rows):
        bottom = min(top + rows, height - 1)
        parts = [
            band[top + y : bottom + y, 1 + x : width - 1 + x]
            for y in (-1, 0, 1)
            for x in (-1, 0, 1)
        ]
        parts += [one[top:bottom, 1:-1] for one in others]
        yield np.stack([part.ravel() for part in parts])


class _Local:
    """A band with its local means and variances, where SSIM's window fits."""

    def __init__(self, band: np.ndarray) -> None:
        self.band = band
        self.mean = _blur(band)
        self.variance = _blur(band * band) - self.mean**2

    def structure(self, other: _Local) -> float:
        """Mean of SSIM's contrast and structure term."""
        covariance = _blur(self.band * other.band) - self.mean * other.mean
        return float(((2 * covariance + _C2) / (self.variance + other.variance + _C2)).mean())


def _blur(values: np.ndarray) -> np.ndarray:
    import cv2

    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()
    return np.asarray(cv2.sepFilter2D(values, -1, taps, taps)[5:-5, 5:-5])
