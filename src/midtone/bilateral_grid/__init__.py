"""Bilateral guided upsampling (Chen et al. 2016; Afifi et al. 2021, section 3.4).

``fit`` finds a small grid of affine colour transforms that carries one small picture into another;
``apply`` slices the grid with a full-size picture as its own guide. The grid holds what changed,
the full-size picture holds the detail, so the result is as sharp as the picture that came in.

Coordinates (0-based row r, column c of an h x w picture; nodes at the integers 0 .. g - 1):

    gy = (r + .5)(gh - 1)/h,  gx = (c + .5)(gw - 1)/w,  gz = guide (gd - 1)
    guide = .25 R + .5 G + .25 B, or the grey value itself
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

import numpy as np

_slice: ModuleType | None
try:
    from midtone.bilateral_grid import _slice
except ImportError:  # installed where there was no compiler: NumPy gives the same pixels
    _slice = None

PAPER_GRID = (22, 22, 8)
GUIDE = {1: np.array([1.0]), 3: np.array([0.25, 0.5, 0.25])}
_SPATIAL, _RANGE = 1.0, 4e-7  # lambda_s, lambda_z of the reference implementation
_RIDGE = 1e-12  # grey pictures make R, G, B dependent
# NumPy: 8192 x 12 float32 coefficients stay in a core's second-level cache. Compiled: enough that
# the strips' own cost does not count.
_STRIP_PIXELS = (8192, 1 << 19)
_COMPILED = [np.dtype(kind) for kind in ("u1", "u2", "f4")]


@dataclass(frozen=True)
class _Design:
    """The least squares problem of one picture: where its pixels fall, and what roughness costs.

    base:    P flat indices of the corner (y, x, z) below each pixel
    corners: P x 8 trilinear weights of the corners
    terms:   P x V values (R, G, B, 1) or (grey, 1)
    roughness: weights of the grid's differences in y, x, z
    """

    shape: tuple[int, int, int]
    base: np.ndarray
    corners: np.ndarray
    terms: np.ndarray
    roughness: tuple[float, float, float]


def fit(
    before: np.ndarray,
    after: np.ndarray,
    shape: tuple[int, int, int] | None = None,
    smoothness: tuple[float, float] = (1.0, 1.0),
) -> np.ndarray:
    """Grid of affine transforms that carries ``before`` into ``after``.

    before, after: h x w x 3 (or h x w x 1, grey), float, nominally in [0, 1], h and w at least 1.
    shape: grid nodes (gh, gw, gd), each at least 2; by default ``grid_shape`` of the picture.
    smoothness: of the grid over the picture and over the guide's range, as multiples of lambda_s
        and lambda_z of the reference implementation.
    Returns gh x gw x gd x U x V, U = 3 (1) outputs, V = (R, G, B, 1) or (grey, 1), float64.

    Minimises |sliced - after|^2 plus smoothness of the grid (squared first differences in y and x,
    second differences in z, first ones at its ends), the objective of the reference implementation,
    exactly. The time grows with the cube of the smaller of gh and gw.
    """
    if before.shape != after.shape or before.ndim != 3 or before.shape[2] not in GUIDE:
        raise ValueError(f"need two pictures of one shape, got {before.shape} and {after.shape}")
    shape = shape or grid_shape(*before.shape[:2])
    if min(shape) < 2:
        raise ValueError(f"a grid needs two nodes along each axis, got {shape}")
    if shape[0] > shape[1]:
        turned = fit(
            before.swapaxes(0, 1),
            after.swapaxes(0, 1),
            (shape[1], shape[0], shape[2]),
            smoothness,
        )
        return np.ascontiguousarray(turned.swapaxes(0, 1))
    design = _design(before.astype(np.float64), shape, smoothness)
    wanted = after.reshape(-1, after.shape[2]).astype(np.float64)
    # One transform for the whole picture first: nodes that see no pixel then follow it.
    overall = np.linalg.lstsq(design.terms, wanted)[0]
    # (Weights sum to less than one where the guide leaves the grid.)
    explained = design.corners.sum(1, keepdims=True) * (design.terms @ overall)
    unknown = _solve(design, wanted - explained) + overall
    return np.ascontiguousarray(unknown.swapaxes(-1, -2))


def grid_shape(height: int, width: int, longest: int = 24) -> tuple[int, int, int]:
    """Nodes for a picture: ``longest`` along its longer side, as dense along the other, 8.

    The paper takes 22 x 22 x 8 for any aspect ratio. Square cells serve as well and cost less.
    """
    scale = longest / max(height, width)
    return max(4, round(scale * height)), max(4, round(scale * width)), PAPER_GRID[2]


def identity(shape: tuple[int, int, int] = PAPER_GRID, channels: int = 3) -> np.ndarray:
    """The grid that changes nothing."""
    return np.broadcast_to(np.eye(channels, channels + 1), (*shape, channels, channels + 1)).copy()


def apply(
    grid: np.ndarray,
    image: np.ndarray,
    *,
    out: np.ndarray | None = None,
    strip: int | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Slice ``grid`` with ``image`` as guide and transform the image: same shape, same dtype.

    image: H x W x 3, or H x W x 1 with a grey grid, uint8, uint16 or float (0..255, 0..65535,
    nominally 0..1; integers are rounded and clipped, floats are not clipped, but their guide is).
    out:   where the result goes, of the image's shape and dtype and C-contiguous; may be ``image``
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
    slicer = _Slicer(grid, image)
    work = slicer.compiled if _slice and image.dtype in _COMPILED else slicer.numpy
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

    def __init__(self, grid: np.ndarray, image: np.ndarray) -> None:
        self.image = np.ascontiguousarray(image)
        self.full = np.float32(np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1)
        self.depth = grid.shape[2]
        table = grid.swapaxes(-1, -2).astype(np.float32)  # the terms of one value side by side
        table[..., -1, :] *= self.full
        self.table = table
        self.row, self.row_part = _place(image.shape[0], grid.shape[0])
        self.column, self.column_part = _place(image.shape[1], grid.shape[1])
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
            _COMPILED.index(self.image.dtype),
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


def _place(length: int, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Node below each sample (at most the last but one) and the part of the way to the next."""
    position = (np.arange(length) + 0.5) * (nodes - 1) / length
    below = np.minimum(position.astype(np.int32), nodes - 2)
    return below, (position - below).astype(np.float32)


def _design(
    before: np.ndarray, shape: tuple[int, int, int], smoothness: tuple[float, float]
) -> _Design:
    height, width, channels = before.shape
    pixels = before.reshape(-1, channels)
    rows, columns, depth = shape
    gy = np.repeat((np.arange(height) + 0.5) * (rows - 1) / height, width)
    gx = np.tile((np.arange(width) + 0.5) * (columns - 1) / width, height)
    gz = pixels @ GUIDE[channels] * (depth - 1)
    lower, weights = [], []
    for position, nodes in ((gy, rows), (gx, columns), (gz, depth)):
        below = np.clip(np.floor(position), 0, nodes - 2)
        # Hat functions: a guide outside [0, 1] loses the weight of the corner it has not got.
        pair = np.stack((1 - (position - below), position - below))
        weights.append(np.clip(np.where(pair > 1, 2 - pair, pair), 0, 1))
        lower.append(below.astype(np.intp))
    corners = np.einsum("ap,bp,cp->pabc", *weights).reshape(-1, 8)
    cell_y, cell_x, cell_z = height / rows, width / columns, 1 / depth
    across, along = smoothness[0] * _SPATIAL, smoothness[1] * _RANGE
    return _Design(
        shape,
        (lower[0] * columns + lower[1]) * depth + lower[2],
        corners,
        np.concatenate((pixels, np.ones((len(pixels), 1))), 1),
        (
            across * cell_x * cell_z / cell_y,
            across * cell_y * cell_z / cell_x,
            along * cell_x * cell_y / cell_z**2,
        ),
    )


def differences(
    shape: tuple[int, int, int], roughness: tuple[float, float, float]
) -> list[np.ndarray]:
    """Penalty matrices along y, x and z: squared weighted differences as D'D."""
    matrices = []
    for axis, (nodes, weight) in enumerate(zip(shape, roughness, strict=True)):
        first = np.diff(np.eye(nodes), axis=0)
        if axis == 2 and nodes > 2:
            second = np.diff(np.eye(nodes), 2, axis=0)
            first = np.concatenate((first[:1], second, first[-1:]))
        matrices.append(weight**2 * first.T @ first)
    return matrices


def _normal_blocks(design: _Design, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normal equations of each cell: gh-1 x gw-1 x gd-1 x (8V x 8V) and x (8V x U)."""
    terms, outputs = design.terms.shape[1], wanted.shape[1]
    cells = tuple(nodes - 1 for nodes in design.shape)
    matrix = np.zeros((*design.shape, 8 * terms, 8 * terms))
    right = np.zeros((*design.shape, 8 * terms, outputs))
    flat_matrix, flat_right = (
        matrix.reshape(-1, *matrix.shape[3:]),
        right.reshape(-1, *right.shape[3:]),
    )
    order = np.argsort(design.base, kind="stable")
    base = design.base[order]
    rows = (design.corners[order, :, None] * design.terms[order, None, :]).reshape(len(order), -1)
    values = wanted[order]
    starts = np.flatnonzero(np.diff(base, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(base)], strict=True):
        block = rows[start:stop]
        flat_matrix[base[start]] = block.T @ block
        flat_right[base[start]] = block.T @ values[start:stop]
    inside = tuple(slice(0, count) for count in cells)
    return matrix[inside], right[inside]


def _scatter(cells: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Sum what each cell has for its eight corners (axis 3) at the nodes."""
    nodes = np.zeros((*shape, *cells.shape[4:]))
    for number, (y, x, z) in enumerate(np.ndindex(2, 2, 2)):
        nodes[y : y + shape[0] - 1, x : x + shape[1] - 1, z : z + shape[2] - 1] += cells[
            :, :, :, number
        ]
    return nodes


def _solve(design: _Design, wanted: np.ndarray) -> np.ndarray:
    """Minimise the objective: block elimination along x, where the system is block tridiagonal.

    Coupling blocks are themselves block tridiagonal (along y), so only their narrow bands are
    multiplied; the work is one dense system of gh gd V unknowns for each column of nodes.
    """
    rows, columns, depth = design.shape
    terms = design.terms.shape[1]
    inner = depth * terms
    size = rows * inner
    matrix, right = _normal_blocks(design, wanted)
    load = _scatter(right.reshape(*right.shape[:3], 8, terms, -1), design.shape)
    load = load.transpose(1, 0, 2, 3, 4).reshape(columns, size, -1)
    blocks, beside = _block_tridiagonal(matrix, design, terms)
    bands = [
        (slice(inner * y, inner * (y + 1)), slice(inner * max(0, y - 1), inner * (y + 2)))
        for y in range(rows)
    ]

    def carry(coupling: np.ndarray, right: np.ndarray) -> np.ndarray:
        """coupling.T @ right."""
        return np.concatenate([coupling[near, own].T @ right[near] for own, near in bands])

    # Solving is as fast as inverting here and, unlike it, accurate where few pixels decide.
    ahead: list[np.ndarray] = []
    for x in range(columns):
        if x:
            blocks[x] -= carry(beside[x - 1], ahead[-1])
            load[x] -= carry(beside[x - 1], load[x - 1])
        coupling = beside[x] if x < columns - 1 else beside[0][:, :0]
        solved = np.linalg.solve(blocks[x], np.concatenate((load[x], coupling), 1))
        load[x], further = np.split(solved, [load.shape[2]], 1)
        ahead.append(further)
    for x in range(columns - 2, -1, -1):
        load[x] -= ahead[x] @ load[x + 1]
    return load.reshape(columns, rows, depth, terms, -1).transpose(1, 0, 2, 3, 4)


def _block_tridiagonal(
    matrix: np.ndarray, design: _Design, terms: int
) -> tuple[np.ndarray, np.ndarray]:
    """Diagonal blocks (one for each x) and those beside them, of the normal equations."""
    rows, columns, depth = design.shape
    size = rows * depth * terms
    matrix = matrix.reshape(*matrix.shape[:3], 2, 2, 2, terms, 2, 2, 2, terms)
    diagonal = np.zeros((columns, rows, depth, terms, rows, depth, terms))
    coupling = np.zeros((columns - 1, rows, depth, terms, rows, depth, terms))
    y, z = np.mgrid[0 : rows - 1, 0 : depth - 1]
    for ya, za, yb, zb in np.ndindex(2, 2, 2, 2):
        place = (slice(None), y + ya, z + za, slice(None), y + yb, z + zb)
        # Advanced indexing puts the cells first: y, z, x, V, V.
        part = matrix[:, :, :, ya, :, za, :, yb, :, zb].transpose(0, 2, 1, 3, 5, 4, 6)
        diagonal[:-1][place] += part[:, :, :, 0, 0]
        diagonal[1:][place] += part[:, :, :, 1, 1]
        coupling[place] += part[:, :, :, 0, 1]
    smooth_y, smooth_x, smooth_z = differences(design.shape, design.roughness)
    for v in range(terms):
        for node in range(depth):
            diagonal[:, :, node, v, :, node, v] += smooth_y
        for node in range(rows):
            diagonal[:, node, :, v, node, :, v] += smooth_z
    blocks = diagonal.reshape(columns, size, size)
    beside = coupling.reshape(columns - 1, size, size)
    index = np.arange(size)
    blocks[:, index, index] += np.diag(smooth_x)[:, None] + _RIDGE
    beside[:, index, index] += np.diag(smooth_x, 1)[:, None]
    return blocks, beside
