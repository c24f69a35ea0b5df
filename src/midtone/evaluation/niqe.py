"""NIQE: Mittal, Soundararajan, Bovik, "Making a 'completely blind' image quality analyzer", 2013.

IEEE Signal Processing Letters 20(3). The pristine model in niqe_live.npz is the one of the release
of the Laboratory for Image and Video Engineering, (c) The University of Texas at Austin, which may
be used and distributed freely if this notice is kept and the paper cited.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files

import numpy as np

_BLOCK = 96
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))
# Keys' bicubic, a = -1/2, widened twice, at the eight samples around a halved one
_HALVE = np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 256


def niqe(image: np.ndarray, shave: int = 4) -> float:
    """Naturalness distance of a photograph, lower is better; 3 to 5 is usual.

    image: H x W x 3 or H x W, uint8 or float in [0, 1]. ``shave`` pixels are left off each side, as
    the PIRM challenge's perceptual index does. Where 7 x 7 pixels are all equal the method counts
    the signs of rounding noise: clipped areas leave the score certain to 0.05 only.

    Raises ValueError if less than 96 x 192 pixels (two blocks) are left.
    """
    plane = luma(image)
    plane = plane[shave : plane.shape[0] - shave, shave : plane.shape[1] - shave]
    rows, columns = (side // _BLOCK for side in plane.shape)
    if rows * columns < 2:
        raise ValueError(f"NIQE needs two blocks of {_BLOCK} x {_BLOCK} px, got {plane.shape}")
    plane = plane[: rows * _BLOCK, : columns * _BLOCK].astype(np.float64)
    found = np.hstack([features(plane, _BLOCK), features(halve(plane), _BLOCK // 2)])
    pristine_mean, pristine_covariance = _pristine()
    complete = found[~np.isnan(found).any(1)]
    difference = pristine_mean - np.nanmean(found, 0)
    pooled = (pristine_covariance + np.cov(complete, rowvar=False)) / 2
    return float(np.sqrt(difference @ np.linalg.pinv(pooled) @ difference))


def luma(image: np.ndarray) -> np.ndarray:
    """Luma of BT.601 in 16..235, rounded half up, uint8 H x W, in whole numbers throughout.

    Raises ValueError for an image that is neither uint8 nor float.
    """
    if image.dtype != np.uint8 and image.dtype.kind != "f":
        raise ValueError(f"an image is uint8 or float in [0, 1], not {image.dtype}")
    codes = image if image.dtype == np.uint8 else np.rint(255 * np.clip(image, 0, 1))
    codes = codes.astype(np.int32)
    if codes.ndim == 2:
        grey = 1000 * codes
    else:
        grey = 299 * codes[..., 0] + 587 * codes[..., 1] + 114 * codes[..., 2]
    return (16 + (438 * grey + 255_000) // 510_000).astype(np.uint8)


def halve(plane: np.ndarray) -> np.ndarray:
    """Half the size (even sides): bicubic without aliasing, mirrored borders."""
    for _ in range(2):
        length = plane.shape[0] // 2
        padded = np.pad(plane, ((3, 4), (0, 0)), mode="symmetric")
        taps = enumerate(_HALVE)
        plane = sum(tap * padded[k : k + 2 * length : 2] for k, tap in taps).swapaxes(0, 1)
    return plane


def features(plane: np.ndarray, block: int) -> np.ndarray:
    """18 features a block of the locally normalised plane, n x 18, blocks column by column."""
    import cv2

    offset = np.arange(-3, 4)
    taps = np.exp(-(offset**2) / (2 * (7 / 6) ** 2))
    kernel = np.outer(taps, taps) / taps.sum() ** 2

    def blur(values: np.ndarray) -> np.ndarray:
        return cv2.filter2D(values, -1, kernel, borderType=cv2.BORDER_REPLICATE)

    mean = blur(plane)
    deviation = np.sqrt(np.abs(blur(plane * plane) - mean * mean))
    normalised = (plane - mean) / (deviation + 1)
    columns = []
    for left in range(0, plane.shape[1], block):  # one column of blocks bounds the memory
        strip = normalised[:, left : left + block].reshape(-1, block, block)
        shape, below, above = _fit(strip)
        found = [shape, (below + above) / 2]
        for shift in _NEIGHBOURS:
            shape, below, above = _fit(strip * np.roll(strip, shift, (1, 2)))
            ratio = np.array([math.gamma(2 / a) / math.gamma(1 / a) for a in shape])
            found += [shape, (above - below) * ratio, below, above]
        columns.append(np.stack(found, 1))
    return np.vstack(columns)


def _fit(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Asymmetric generalised Gaussian of each block: shape, left and right scale.

    By moments (Lasmar et al. 2009). A block without values on one side gets NaN scales.
    """
    values = blocks.reshape(len(blocks), -1)
    squares = values * values
    with np.errstate(invalid="ignore", divide="ignore"):
        left = np.sqrt((squares * (values < 0)).sum(1) / (values < 0).sum(1))
        right = np.sqrt((squares * (values > 0)).sum(1) / (values > 0).sum(1))
        ratio = left / right
        moment = np.abs(values).mean(1) ** 2 / squares.mean(1)
        wanted = moment * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shapes, moments, scales = _table()
    above = np.clip(np.searchsorted(moments, wanted), 1, len(moments) - 1)
    nearest = np.where(wanted - moments[above - 1] <= moments[above] - wanted, above - 1, above)
    nearest[np.isnan(wanted)] = 0
    return shapes[nearest], left * scales[nearest], right * scales[nearest]


@cache
def _table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shapes = np.arange(200, 10_001) / 1000
    one, two, three = (np.array([math.gamma(k / shape) for shape in shapes]) for k in (1, 2, 3))
    return shapes, two**2 / (one * three), np.sqrt(one / three)


@cache
def _pristine() -> tuple[np.ndarray, np.ndarray]:
    source = files("midtone.evaluation") / "niqe_live.npz"
    with source.open("rb") as opened, np.load(opened) as stored:
        return stored["mean"], stored["covariance"]
