"""The Ma score: "Learning a no-reference quality metric for single-image super-resolution".

Ma, Yang, Yang, Yang, Computer Vision and Image Understanding 158, 2017. Three groups of features of
the luma, a regression forest for each, and a linear mix of their predictions; 0 to 10, higher is
better.
The authors' trained forests are not distributed with midtone: users give their model.mat
(docs/evaluation.md names the source).
"""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from midtone.errors import ModelError
from midtone.evaluation.forest import Forest
from midtone.evaluation.niqe import luma
from midtone.evaluation.shape import generalised_shape
from midtone.evaluation.wavelets import wavelet_statistics

_WINDOW, _STEP, _MARGIN, _PATCH = 7, 3, 2, 5
_LEAST = 45  # px a side
_FEATURES = 18, 45, 75  # of the three groups


@dataclass(frozen=True)
class MaModel:
    """The forests of the three feature groups and the linear mix of their predictions.

    sha256: of the file
    """

    forests: tuple[Forest, Forest, Forest]
    mix: np.ndarray
    sha256: str

    @classmethod
    def read(cls, path: Path) -> MaModel:
        """Read the authors' model.mat, and check that its forests fit the features.

        Raises ModelError.
        """
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError

        try:
            data = path.read_bytes()
            model = loadmat(io.BytesIO(data), squeeze_me=True, struct_as_record=False)["model"]
            first, second, third = (Forest.from_matlab(one) for one in model.rf)
            mix = np.asarray(model.linear, np.float64).ravel()
            if mix.shape != (4,):
                raise ValueError(f"linear has {mix.size} numbers instead of 4")
            for forest, count, group in zip((first, second, third), _FEATURES, "123", strict=True):
                if forest.features > count:
                    raise ValueError(f"forest {group} needs more than {count} features")
        except NotImplementedError as error:
            raise ModelError(f"{path}: saved as MATLAB 7.3; save it again with -v7") from error
        except (OSError, KeyError, AttributeError, TypeError, ValueError, MatReadError) as error:
            raise ModelError(f"{path}: is no model of the Ma metric ({error})") from error
        return cls((first, second, third), mix, hashlib.sha256(data).hexdigest())

    @staticmethod
    @cache
    def load(path: str) -> MaModel:
        """``read``, once."""
        return MaModel.read(Path(path))


def ma(image: np.ndarray, model: MaModel, shave: int = 4) -> float | None:
    """Score of H x W x 3 (uint8 or float in [0, 1]); None below 45 pixels a side.

    Of BT.601 luma with ``shave`` pixels left off each side, as in the PIRM challenge.
    """
    plane = luma(image)
    plane = plane[shave : plane.shape[0] - shave, shave : plane.shape[1] - shave]
    if min(plane.shape) < _LEAST:
        return None
    groups = features(plane)
    predictions = [forest(group) for forest, group in zip(model.forests, groups, strict=True)]
    return float(model.mix[0] + model.mix[1:] @ predictions)


def perceptual_index(ma_score: float, niqe_score: float) -> float:
    """PI = ((10 - Ma) + NIQE) / 2 (Blau et al., PIRM 2018); lower is better."""
    return (10 - ma_score + niqe_score) / 2


def features(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three groups of H x W uint8 luma: 18 of block DCTs, 45 of wavelets, 75 singular values.

    Raises ValueError below 45 pixels a side.
    """
    if min(plane.shape) < _LEAST:
        raise ValueError(f"the Ma metric needs sides of at least {_LEAST} px, got {plane.shape}")
    stack = [plane / 255]
    for _ in range(2):
        stack.append(_halve(stack[-1]))
    return (
        np.concatenate([_dct_statistics(one) for one in stack]),
        wavelet_statistics(plane.astype(np.float64)),
        np.concatenate([_singular_values(one) for one in stack]),
    )


def _halve(plane: np.ndarray) -> np.ndarray:
    """Every second sample of the blurred plane, from the second on."""
    import cv2

    taps = np.exp(-np.array([1.0, 0.0, 1.0]) / (2 * 0.5**2))
    taps /= taps.sum()
    blurred = cv2.sepFilter2D(plane, -1, taps, taps, borderType=cv2.BORDER_CONSTANT)
    return blurred[1::2, 1::2]


def _dct_statistics(plane: np.ndarray) -> np.ndarray:
    """Shape, variation and orientation of the DCTs of overlapping windows, pooled: 6 numbers."""
    height, width = (-(-side // _STEP) * _STEP for side in plane.shape)
    padded = np.zeros((height + 2 * _MARGIN, width + 2 * _MARGIN))
    padded[_MARGIN : _MARGIN + plane.shape[0], _MARGIN : _MARGIN + plane.shape[1]] = plane
    windows = np.lib.stride_tricks.sliding_window_view(padded, (_WINDOW, _WINDOW))
    windows = windows[::_STEP, ::_STEP]
    basis = _dct_basis()
    columns = []
    for row in np.array_split(windows, max(1, windows.shape[0] * windows.shape[1] // 20_000)):
        flat = row.reshape(-1, _WINDOW**2)
        waves = (flat @ basis)[:, 1:]  # without the mean
        parts = [_variation(waves[:, some], 1e-8) for some in _orientations()]
        columns.append(
            (generalised_shape(waves), _variation(waves, 1e-7), np.var(parts, axis=0, ddof=1))
        )
    shape, variation, orientation = (np.concatenate(one) for one in zip(*columns, strict=True))
    low = np.sort(shape)[: math.ceil(0.1 * len(shape))].mean()
    tops = [np.sort(x)[int(0.9 * len(x)) - 1 :].mean() for x in (variation, orientation)]
    return np.array([low, shape.mean(), tops[0], variation.mean(), tops[1], orientation.mean()])


def _variation(values: np.ndarray, guard: float) -> np.ndarray:
    size = np.abs(values)
    return np.asarray(size.std(-1, ddof=1) / (size.mean(-1) + guard))


@cache
def _dct_basis() -> np.ndarray:
    """49 x 49: flat window @ basis = its orthonormal DCT-II, row by row."""
    n = np.arange(_WINDOW)
    one = np.sqrt(2 / _WINDOW) * np.cos(np.pi * (2 * n + 1) * n[:, None] / (2 * _WINDOW))
    one[0] = np.sqrt(1 / _WINDOW)
    return np.kron(one, one).T


@cache
def _orientations() -> list[np.ndarray]:
    """The 48 coefficients as horizontal, diagonal and vertical ones."""
    horizontal = np.zeros((_WINDOW, _WINDOW), bool)
    for row, first in enumerate((1, 2, 4, 5)):
        horizontal[row, first:] = True
    vertical = horizontal.T
    diagonal = ~(horizontal | vertical)
    return [np.flatnonzero(some.ravel()[1:]) for some in (horizontal, diagonal, vertical)]


def _singular_values(plane: np.ndarray) -> np.ndarray:
    """Singular values of the matrix of all 5 x 5 patches, no mean removed: 25 numbers."""
    padded = np.pad(plane, [(0, -side % _PATCH) for side in plane.shape])
    rows, columns = (side // _PATCH for side in padded.shape)
    patches = padded.reshape(rows, _PATCH, columns, _PATCH).transpose(0, 2, 3, 1)
    matrix: Any = patches.reshape(rows * columns, _PATCH**2)
    triangle = np.linalg.qr(matrix, mode="r") if len(matrix) >= _PATCH**2 else matrix
    found = np.linalg.svd(triangle, compute_uv=False)
    return np.pad(found, (0, _PATCH**2 - len(found)))
