"""Gaussian and Laplacian pyramids (Burt & Adelson 1983; Afifi et al. 2021, section 3.1).

One implementation serves NumPy arrays (H x W or H x W x C) and torch tensors (... x H x W).
Level 1 is the finest, as in the paper. Any size works, odd ones and single pixels included.
``down`` extends the image half-sample symmetrically and ``up`` by replication, so a constant image
has zero Laplacian levels and ``merge(split(x))`` gives back ``x`` to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch

Taps: TypeAlias = tuple[float, float, float, float, float]
Image = TypeVar("Image", np.ndarray, "torch.Tensor")

BURT_ADELSON: Taps = (0.05, 0.25, 0.4, 0.25, 0.05)
BINOMIAL: Taps = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def down(image: Image, taps: Taps = BURT_ADELSON) -> Image:
    """Low-pass filter and keep every second row and column, starting with the first.

    H x W [x C] array or ... x H x W tensor -> the same with ceil(H/2) x ceil(W/2).
    """
    _check(taps)
    for axis in _axes(image):
        image = _down_axis(image, axis, taps)
    return image


def up(image: Image, size: tuple[int, int], taps: Taps = BURT_ADELSON) -> Image:
    """Enlarge to ``size`` = (H, W), each side 2n or 2n - 1 of the input's n.

    Raises ValueError for any other size.
    """
    _check(taps)
    for axis, target in zip(_axes(image), size, strict=True):
        image = _up_axis(image, axis, target, taps)
    return image


def gaussian(image: Image, levels: int, taps: Taps = BURT_ADELSON) -> list[Image]:
    """Gaussian pyramid, finest level (the image itself) first."""
    if levels < 1:
        raise ValueError(f"a pyramid has at least one level, got {levels}")
    pyramid = [image]
    for _ in range(levels - 1):
        pyramid.append(down(pyramid[-1], taps))
    return pyramid


def split(image: Image, levels: int, taps: Taps = BURT_ADELSON) -> list[Image]:
    """Laplacian pyramid, finest first: L_l = G_l - up(G_{l+1}), and the last level is G_n."""
    pyramid = gaussian(image, levels, taps)
    result: list[Image] = [
        fine - up(coarse, size(fine), taps) for fine, coarse in pairwise(pyramid)
    ]
    result.append(pyramid[-1])
    return result


def merge(pyramid: Sequence[Image], taps: Taps = BURT_ADELSON) -> Image:
    """Inverse of ``split``: R = L_n; R = L_l + up(R) for l = n-1 .. 1."""
    image = pyramid[-1]
    for detail in reversed(pyramid[:-1]):
        image = detail + up(image, size(detail), taps)
    return image


def size(image: np.ndarray | torch.Tensor) -> tuple[int, int]:
    """(H, W) of an array or a tensor."""
    rows, columns = _axes(image)
    return image.shape[rows], image.shape[columns]


def _check(taps: Taps) -> None:
    far, near, centre = taps[0], taps[1], taps[2]
    symmetric = len(taps) == 5 and taps[3] == near and taps[4] == far
    # Both phases of `up` must sum to one half, or a constant image would not stay constant.
    if not symmetric or abs(2 * near - 0.5) > 1e-9 or abs(centre + 2 * far - 0.5) > 1e-9:
        raise ValueError(
            f"taps must be five symmetric numbers with equal even and odd sums: {taps}"
        )


def _axes(image: np.ndarray | torch.Tensor) -> tuple[int, int]:
    return (0, 1) if isinstance(image, np.ndarray) else (-2, -1)


def _down_axis(image: Image, axis: int, taps: Taps) -> Image:
    far, near, centre = taps[:3]
    length = image.shape[axis]
    kept = (length + 1) // 2
    position = np.arange(-2, 2 * kept + 1) % (2 * length)
    position = np.minimum(position, 2 * length - 1 - position)
    # Even and odd samples apart: the sums then run over contiguous values.
    even, odd = _take(image, position[0::2], axis), _take(image, position[1::2], axis)

    def part(samples: Image, start: int) -> Image:
        return _slice(samples, axis, start, start + kept)

    return (
        centre * part(even, 1)
        + near * (part(odd, 0) + part(odd, 1))
        + far * (part(even, 0) + part(even, 2))
    )


def _up_axis(image: Image, axis: int, target: int, taps: Taps) -> Image:
    far, near, centre = taps[:3]
    length = image.shape[axis]
    if target not in (2 * length, 2 * length - 1):
        raise ValueError(
            f"{length} samples can be enlarged to {2 * length - 1} or {2 * length}, not to {target}"
        )
    extended = _take(image, np.clip(np.arange(-1, length + 1), 0, length - 1), axis)
    left = _slice(extended, axis, 0, length)
    middle = _slice(extended, axis, 1, length + 1)
    right = _slice(extended, axis, 2, length + 2)
    even = (2 * centre) * middle + (2 * far) * (left + right)
    odd = (2 * near) * (middle + right)
    return _slice(_interleave(even, odd, axis), axis, 0, target)


def _take(image: Image, index: np.ndarray, axis: int) -> Image:
    if isinstance(image, np.ndarray):
        return np.take(image, index, axis)
    import torch

    return image.index_select(axis, torch.from_numpy(index).to(image.device))


def _slice(image: Image, axis: int, start: int, stop: int) -> Image:
    where: list[slice] = [slice(None)] * image.ndim
    where[axis] = slice(start, stop)
    return image[tuple(where)]


def _interleave(even: Image, odd: Image, axis: int) -> Image:
    shape = list(even.shape)
    shape[axis] *= 2
    position = axis % even.ndim + 1
    if isinstance(even, np.ndarray):
        return np.stack((even, odd), position).reshape(shape)
    import torch

    return torch.stack((even, odd), position).reshape(shape)
