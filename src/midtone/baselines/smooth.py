"""Edge-aware smoothing for the illumination-based methods, in time linear in the pixels."""

from __future__ import annotations

import numpy as np

_PASSES = 3


def smooth(image: np.ndarray, across: np.ndarray, down: np.ndarray, strength: float) -> np.ndarray:
    """Minimise |t - image|^2 + strength sum (across (dx t)^2 + down (dy t)^2), nearly.

    image: H x W float.  across, down: H x W weights of the differences to the next pixel to the
    right and below (the last column and row do not count). Returns H x W float64.

    The fast global smoother (Min et al., IEEE TIP 2014, eqs. 6-10): rows and columns are solved
    exactly in alternation, with a strength that falls by 4 from pass to pass. The two-dimensional
    system itself would take minutes at 12 megapixels.
    """
    result = image.astype(np.float64)
    for turn in range(1, _PASSES + 1):
        part = 1.5 * 4.0 ** (_PASSES - turn) / (4.0**_PASSES - 1) * strength
        result = _solve_rows(result.T, part * across.T).T
        result = _solve_rows(result, part * down)
    return result


def _solve_rows(right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(1 + D' weights D) t = right for every column at once; Thomas's algorithm down the rows."""
    count = len(right)
    if count == 1:
        return np.array(right)
    below = -np.ascontiguousarray(weights[:-1])
    diagonal = np.ones(right.shape)
    diagonal[:-1] -= below
    diagonal[1:] -= below
    result = np.array(right)
    factor = np.empty_like(below)
    factor[0] = below[0] / diagonal[0]
    result[0] /= diagonal[0]
    for row in range(1, count):
        pivot = 1 / (diagonal[row] - below[row - 1] * factor[row - 1])
        if row < count - 1:
            factor[row] = below[row] * pivot
        result[row] = (result[row] - below[row - 1] * result[row - 1]) * pivot
    for row in range(count - 2, -1, -1):
        result[row] -= factor[row] * result[row + 1]
    return result


def differences(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differences to the next pixel to the right and below, 0 at the end: H x W each."""
    across, down = np.zeros_like(image), np.zeros_like(image)
    across[:, :-1] = np.diff(image, axis=1)
    down[:-1] = np.diff(image, axis=0)
    return across, down


def gaussian(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian filter by OpenCV, borders reflected. H x W float64."""
    import cv2

    return np.asarray(cv2.GaussianBlur(image.astype(np.float64), (0, 0), sigma))
