"""Slicing: a bilateral grid applied to a full-size image with the image as its own guide.

Compiled code (``_slice.c``) and NumPy give the same pixels; NumPy is 13 times slower.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from types import ModuleType

import numpy as np

_slice: ModuleType | None
try:
    from midtone.bilateral_grid import _slice
except ImportError:  # installed where there was no compiler
    _slice = None
COMPILED = _slice is not None


# NumPy: 8192 x 12 float32 coefficients stay in a core's second-level cache. Compiled: enough that
# the strips' own cost does not count.
_STRIP_PIXELS = (8192, 1 << 19)
_DTYPES = [np.dtype(kind) for kind in ("u1", "u2", "f4")]


def identity(shape: tuple[int, int, int] = (22, 22, 8), channels: int = 3) -> np.ndarray:
    """The grid that changes nothing."""
    return np.broadcast_to(np.eye(channels, channels + 1), (*shape, channels, channels + 1)).copy()


def blend_with_identity(grid: np.ndarray, strength: float) -> np.ndarray:
    """strength * grid + (1 - strength) * identity: the correction at another strength."""
    if strength == 1:
        return grid
    return strength * grid + (1 - strength) * identity(grid.shape[:3], grid.shape[3])


def slice_grid(
    grid: np.ndarray,
    image: np.ndarray,
    *,
    out: np.ndarray | None = None,
    rows: tuple[int, int] | None = None,
    strip: int | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Slice ``grid`` with ``image`` as guide and transform the image: same shape, same dtype.

    image: H x W x 3, or H x W x 1 with a grey grid, uint8, uint16 or float (0..255, 0..65535,
    nominally 0..1; integers are rounded and clipped, floats are not clipped, but their guide is).
    out:   where the result goes, of the image's shape and dtype and C-contiguous; may be ``image``
    rows:  (first, height) if the image is a part of a larger one, of that height, from that row on
    strip: rows worked on at a time; the result does not depend on it.
    threads: strips worked on side by side, by default one a core.
    """
    outputs, terms = grid.shape[-2:]
    if image.ndim != 3 or image.shape[2] != outputs or terms != outputs + 1:
        raise ValueError(f"a grid of {grid.shape} cannot transform an image of {image.shape}")
    height, width = image.shape[:2]
    result = np.empty(image.shape, image.dtype) if out is None else out
    if result.shape != image.shape or result.dtype != image.dtype or not result.flags.c_contiguous:
        raise ValueError("the result needs the image's shape and dtype, and C order")
    slicer = _Slicer(grid, image, *(rows or (0, height)))
    work = slicer.compiled if _slice and image.dtype in _DTYPES else slicer.numpy
    strip = strip or max(1, _STRIP_PIXELS[work == slicer.compiled] // max(1, width))
    strips = [(top, min(top + strip, height)) for top in range(0, height, strip)]
    workers = min(threads or os.cpu_count() or 1, len(strips))
    if workers <= 1:
        for top, bottom in strips:
            work(top, bottom, result)
        return result
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(work, top, bottom, result) for top, bottom in strips]:
            done.result()
    return result


class _Slicer:
    """The tables that all strips of one image share.

    Compiled code and NumPy do the same float32 operations in the same order. In a row, with n the
    node left of and below a pixel, d the step to the next node to the right, fx and fz the parts
    of the way to the next column and the next node along the guide:

        c = low + fz (high - low),  low = n + fx d,  high = n' + fx d'
        result = (c_R R + c_B B) + (c_G G + c_1)
    """

    def __init__(self, grid: np.ndarray, image: np.ndarray, first: int, height: int) -> None:
        self.image = np.ascontiguousarray(image)
        self.full = np.float32(np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1)
        self.depth = grid.shape[2]
        table = grid.swapaxes(-1, -2).astype(np.float32)  # the terms of one value side by side
        table[..., -1, :] *= self.full
        self.table = table
        row, part = _nodes_below(height, grid.shape[0])
        end = first + image.shape[0]
        self.row, self.row_part = row[first:end], part[first:end]
        self.column, self.column_part = _nodes_below(image.shape[1], grid.shape[1])
        self.scale = np.float32((self.depth - 1) / (4 * self.full))

    @cached_property
    def _padded(self) -> np.ndarray:
        """Colour nodes as the compiled code has them: four values for three outputs."""
        if self.table.shape[-1] == 1:
            return self.table
        return np.pad(self.table, [(0, 0)] * 4 + [(0, 1)])

    def compiled(self, top: int, bottom: int, result: np.ndarray) -> None:
        """Rows ``top`` to ``bottom`` by compiled code."""
        assert _slice
        _slice.rows(
            self._padded,
            self.row,
            self.row_part,
            self.column,
            self.column_part,
            self.image,
            result,
            self.image.shape[1],
            self.table.shape[1],
            self.depth,
            top,
            bottom,
            _DTYPES.index(self.image.dtype),
            self.image.shape[2],
            self.scale,
            self.full,
        )

    def numpy(self, top: int, bottom: int, result: np.ndarray) -> None:
        """Rows ``top`` to ``bottom`` by NumPy."""
        pixels = self.image[top:bottom].astype(np.float32)
        rows, columns, channels = pixels.shape
        below = self.row[top:bottom]
        nodes = self.table[below]
        nodes += self.row_part[top:bottom, None, None, None, None] * (self.table[below + 1] - nodes)
        steps = np.zeros_like(nodes)
        np.subtract(nodes[:, 1:], nodes[:, :-1], out=steps[:, :-1])
        inner = nodes.shape[1] * self.depth
        nodes, steps = (table.reshape(rows * inner, -1) for table in (nodes, steps))

        guide = pixels[..., 0] + pixels[..., -1]
        guide += 2 * pixels[..., channels // 2]
        guide *= self.scale
        np.clip(guide, 0, self.depth - 1, guide)
        node = np.minimum(guide, self.depth - 2).astype(np.int32)
        upper = (guide - node).reshape(-1, 1)
        node += self.column * self.depth
        node += (np.arange(rows, dtype=np.int32) * inner)[:, None]
        node = node.ravel()
        right = np.broadcast_to(self.column_part, (rows, columns)).reshape(-1, 1)

        low = np.take(steps, node, 0) * right
        low += np.take(nodes, node, 0)
        node += 1
        high = np.take(steps, node, 0) * right
        high += np.take(nodes, node, 0)
        high -= low
        high *= upper
        low += high

        coefficients = low.reshape(len(low), -1, channels)
        flat = pixels.reshape(-1, channels)
        out = coefficients[:, -1]
        if channels == 3:
            out += coefficients[:, 1] * flat[:, 1:2]
            out += coefficients[:, 0] * flat[:, 0:1] + coefficients[:, 2] * flat[:, 2:3]
        else:
            out += coefficients[:, 0] * flat
        if result.dtype.kind == "u":
            np.rint(out, out)
            np.clip(out, 0, self.full, out)
        result[top:bottom] = out.reshape(pixels.shape)


def _nodes_below(length: int, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Node below each sample (at most the last but one) and the part of the way to the next."""
    position = (np.arange(length) + 0.5) * (nodes - 1) / length
    below = np.minimum(position.astype(np.int32), nodes - 2)
    return below, (position - below).astype(np.float32)
