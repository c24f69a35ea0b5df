"""Fitting: the bilateral grid of affine colour transforms from one small image to another."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from midtone.bilateral_grid.blas import one_blas_thread
from midtone.errors import UsageError

GUIDE = {1: np.array([1.0]), 3: np.array([0.25, 0.5, 0.25])}
_PAPER_NODES = 22
MAX_NODES = 256
_SPATIAL, _RANGE = 1.0, 4e-7  # lambda_s, lambda_z of the reference implementation
_RIDGE = 1e-12  # grey images make R, G, B dependent


@dataclass(frozen=True)
class GridConfig:
    """Size and smoothness of a bilateral grid.

    nodes:    along the longer side; the other side has square cells. 0: 22 x 22, as in the paper
    depth:    nodes along the guide
    lambda_s: spatial smoothness, as a multiple of the reference implementation's
    lambda_z: smoothness along the guide, as a multiple of the reference implementation's
    Raises UsageError for values that make no grid.
    """

    nodes: int = 0
    depth: int = 8
    lambda_s: float = 1.0
    lambda_z: float = 1.0

    def __post_init__(self) -> None:
        if self.nodes and not 2 <= self.nodes <= MAX_NODES:
            raise UsageError(
                f"a grid has 2 to {MAX_NODES} nodes (or 0: the paper's 22 x 22), not {self.nodes}"
            )
        if not 2 <= self.depth <= MAX_NODES:
            raise UsageError(f"a grid has a depth of 2 to {MAX_NODES} nodes, not {self.depth}")
        for name in ("lambda_s", "lambda_z"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise UsageError(f"{name} of a grid must be at least 0 and finite, not {value}")

    def shape(self, height: int, width: int) -> tuple[int, int, int]:
        """Nodes along y, x and the guide for an image of that size."""
        if not self.nodes:
            return _PAPER_NODES, _PAPER_NODES, self.depth
        scale = self.nodes / max(height, width)
        return max(4, round(scale * height)), max(4, round(scale * width)), self.depth


PAPER = GridConfig()


def fit(
    before: np.ndarray,
    after: np.ndarray,
    config: GridConfig = PAPER,
    *,
    shape: tuple[int, int, int] | None = None,
) -> np.ndarray:
    """Least-squares grid of affine transforms from ``before`` to ``after``.

    ``Fitter``, of one image and one target. Raises ValueError for two images of different shapes.
    """
    if before.shape != after.shape:
        raise ValueError(f"need two images of one shape, got {before.shape} and {after.shape}")
    return Fitter(before, config, shape=shape)(after)


def begin_fit(
    before: np.ndarray, config: GridConfig, *, parallel: bool
) -> Callable[[np.ndarray], np.ndarray]:
    """``Fitter``, which is made in a thread meanwhile if ``parallel``; its result takes the target.

    Most of the fit depends on the photograph alone, so it need not wait for the network.
    """
    if not parallel:
        return Fitter(before, config)
    pool = ThreadPoolExecutor(1)
    fitter = pool.submit(Fitter, before, config)
    pool.shutdown(wait=False)  # the thread ends with its work
    return lambda after: fitter.result()(after)


class Fitter:
    """Least-squares grids of affine transforms from one image to others.

    before: h x w x 3 (or h x w x 1, grey), float, nominally in [0, 1], h and w at least 1.
    config: size and smoothness of the grid
    shape:  nodes (gh, gw, gd), each at least 2, in place of those of ``config``

    Minimises |sliced - after|^2 plus smoothness of the grid (squared first differences in y and x,
    second differences in z, first ones at its ends), the objective of the reference implementation,
    exactly. The equations are made and factorized here, which takes most of the time; the target
    is on their right side alone. The time grows with the cube of the smaller of gh and gw. Raises
    ValueError for what is no image.
    """

    @one_blas_thread()
    def __init__(
        self,
        before: np.ndarray,
        config: GridConfig = PAPER,
        *,
        shape: tuple[int, int, int] | None = None,
    ) -> None:
        if before.ndim != 3 or before.shape[2] not in GUIDE:
            raise ValueError(f"need an image of one or three channels, got {before.shape}")
        rows, columns, depth = shape or config.shape(*before.shape[:2])
        if min(rows, columns, depth) < 2:
            raise ValueError(f"a grid needs two nodes along each axis, got {shape}")
        self._transposed = rows > columns
        if self._transposed:
            before, rows, columns = before.swapaxes(0, 1), columns, rows
        self._image, self._shape = before.shape, (rows, columns, depth)
        pixels = before.reshape(-1, before.shape[2]).astype(np.float64)
        self._terms = np.concatenate((pixels, np.ones((len(pixels), 1))), 1)
        base, corners = _places(pixels, self._image, self._shape)
        self._weight = corners.sum(1, keepdims=True)
        self._order = np.argsort(base, kind="stable")
        base = base[self._order]
        starts = np.flatnonzero(np.diff(base, prepend=-1))
        self._cells = base[starts]
        self._parts = list(zip(starts, [*starts[1:], len(base)], strict=True))
        terms = self._terms[self._order, None, :]
        self._rows = (corners[self._order, :, None] * terms).reshape(len(base), -1)
        smoothness, ridge = _weights(self._image, self._shape, config), _RIDGE
        while True:
            try:
                self._factor = _factorize(self._equations(smoothness, ridge))
            except np.linalg.LinAlgError:  # singular to rounding
                ridge *= 100
            else:
                break

    @one_blas_thread()
    def __call__(self, after: np.ndarray) -> np.ndarray:
        """The grid to ``after``, of the shape of ``before``: gh x gw x gd x U x V, float64.

        U = 3 (1) outputs, V = (R, G, B, 1) or (grey, 1).
        """
        if self._transposed:
            after = after.swapaxes(0, 1)
        target = after.reshape(-1, after.shape[2]).astype(np.float64)
        # One transform for the whole image first: nodes without any pixel then follow it.
        overall = np.linalg.lstsq(self._terms, target)[0]
        # Weights sum to less than one where the guide leaves the grid.
        rest = target - self._weight * (self._terms @ overall)
        unknown = _substitute(self._factor, self._right_side(rest[self._order]))
        rows, columns, depth = self._shape
        unknown = unknown.reshape(columns, rows, depth, *overall.shape) + overall
        order = (0, 1, 2, 4, 3) if self._transposed else (1, 0, 2, 4, 3)
        grid = np.ascontiguousarray(unknown.transpose(order))
        if (after[..., 1:] == after[..., :1]).all():
            grid[...] = grid[..., :1, :]  # to the last bit, or rounding would tint grey images
        return grid

    def _equations(self, smoothness: tuple[float, float, float], ridge: float) -> np.ndarray:
        """The upper half of the normal equations, as ``_factorize`` takes them.

        Nodes are numbered column by column: (y, x) is gh x + y.
        """
        rows, columns, depth = self._shape
        terms = self._terms.shape[1]
        cells = np.zeros((*self._shape, 8 * terms, 8 * terms))
        flat = cells.reshape(-1, *cells.shape[3:])
        for cell, (start, stop) in zip(self._cells, self._parts, strict=True):
            flat[cell] = self._rows[start:stop].T @ self._rows[start:stop]
        cells = cells[:-1, :-1, :-1].reshape(
            rows - 1, columns - 1, depth - 1, 2, 2, 2, terms, 2, 2, 2, terms
        )
        count, size, reach = columns * rows, depth * terms, rows + 2
        equations = np.zeros((count + reach, size, reach * size))
        blocks = equations[:count].reshape(columns, rows, depth, terms, reach, depth, terms)
        for ya, xa, za, yb, xb, zb in np.ndindex(2, 2, 2, 2, 2, 2):
            ahead = (xb - xa) * rows + yb - ya
            if ahead < 0:
                continue
            part = blocks[
                xa : xa + columns - 1, ya : ya + rows - 1, za : za + depth - 1, :, ahead,
                zb : zb + depth - 1,
            ]  # fmt: skip
            # A view of the pairs of nodes that belong to one cell: x, y, z, V, V.
            pairs = np.einsum("xyzvzw->xyzvw", part)
            pairs += cells[:, :, :, ya, xa, za, :, yb, xb, zb].swapaxes(0, 1)
        smooth_y, smooth_x, smooth_z = differences(self._shape, smoothness)
        for v in range(terms):
            blocks[:, :, :, v, 0, :, v] += smooth_z
            for z in range(depth):
                own, below, right = (blocks[:, :, z, v, n, z, v] for n in (0, 1, rows))
                own += np.diag(smooth_y) + np.diag(smooth_x)[:, None] + ridge
                below[:, :-1] += np.diag(smooth_y, 1)
                right[:-1] += np.diag(smooth_x, 1)[:, None]
        return equations

    def _right_side(self, values: np.ndarray) -> np.ndarray:
        """Their right side, of the values of the pixels in order: gh gw x gd V x U."""
        rows, columns, depth = self._shape
        terms, outputs = self._terms.shape[1], values.shape[1]
        cells = np.zeros((rows * columns * depth, 8, terms, outputs))
        for cell, (start, stop) in zip(self._cells, self._parts, strict=True):
            right = self._rows[start:stop].T @ values[start:stop]
            cells[cell] = right.reshape(cells.shape[1:])
        cells = cells.reshape(*self._shape, *cells.shape[1:])[:-1, :-1, :-1]
        nodes = np.zeros((*self._shape, terms, outputs))
        for number, (y, x, z) in enumerate(np.ndindex(2, 2, 2)):
            corner = nodes[y : y + rows - 1, x : x + columns - 1, z : z + depth - 1]
            corner += cells[:, :, :, number]
        return nodes.swapaxes(0, 1).reshape(columns * rows, depth * terms, outputs)


def _places(
    pixels: np.ndarray, image: tuple[int, ...], shape: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Where pixels fall: flat indices of the corner (y, x, z) below each of P pixels, and P x 8
    trilinear weights of the corners.
    """
    height, width, channels = image
    rows, columns, depth = shape
    gy = np.repeat((np.arange(height) + 0.5) * (rows - 1) / height, width)
    gx = np.tile((np.arange(width) + 0.5) * (columns - 1) / width, height)
    gz = pixels @ GUIDE[channels] * (depth - 1)
    lower, weights = [], []
    for position, nodes in ((gy, rows), (gx, columns), (gz, depth)):
        below = np.clip(np.floor(position), 0, nodes - 2)
        # Hat functions: a guide outside [0, 1] loses the weight of the missing corner.
        pair = np.stack((1 - (position - below), position - below))
        weights.append(np.clip(np.where(pair > 1, 2 - pair, pair), 0, 1))
        lower.append(below.astype(np.intp))
    corners = np.einsum("ap,bp,cp->pabc", *weights).reshape(-1, 8)
    return (lower[0] * columns + lower[1]) * depth + lower[2], corners


def _weights(
    image: tuple[int, ...], shape: tuple[int, int, int], config: GridConfig
) -> tuple[float, float, float]:
    """Weights of the grid's differences in y, x, z."""
    cell_y, cell_x, cell_z = image[0] / shape[0], image[1] / shape[1], 1 / shape[2]
    across, along = config.lambda_s * _SPATIAL, config.lambda_z * _RANGE
    return (
        across * cell_x * cell_z / cell_y,
        across * cell_y * cell_z / cell_x,
        along * cell_x * cell_y / cell_z**2,
    )


def differences(
    shape: tuple[int, int, int], smoothness: tuple[float, float, float]
) -> list[np.ndarray]:
    """Penalty matrices along y, x and z: squared weighted differences as D'D."""
    matrices = []
    for axis, (nodes, weight) in enumerate(zip(shape, smoothness, strict=True)):
        first = np.diff(np.eye(nodes), axis=0)
        if axis == 2 and nodes > 2:
            second = np.diff(np.eye(nodes), 2, axis=0)
            first = np.concatenate((first[:1], second, first[-1:]))
        matrices.append(weight**2 * first.T @ first)
    return matrices


def _factorize(equations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cholesky factor of symmetric equations that have nothing far from the diagonal.

    equations: (n + r) x m x r m: of n rows of blocks m x m, the r blocks from the diagonal to the
               right, and r rows of zeros; overwritten
    Returns the inverses of the factor's diagonal blocks, n x m x m, and the blocks beside them,
    n x m x (r - 1) m. Raises LinAlgError if the equations are not positive.
    """
    _, size, width = equations.shape
    count = len(equations) - width // size
    inverses = np.empty((count, size, size))
    for n in range(count):
        # Inverting the factor, not the block, is accurate where few pixels decide.
        inverses[n] = np.linalg.inv(np.linalg.cholesky(equations[n, :, :size]))
        beside = inverses[n] @ equations[n, :, size:]
        equations[n, :, size:] = beside
        for ahead in range(size, width, size):
            row = equations[n + ahead // size, :, : width - ahead]
            row -= beside[:, ahead - size : ahead].T @ beside[:, ahead - size :]
    return inverses, equations[:count, :, size:]


def _substitute(factor: tuple[np.ndarray, np.ndarray], right: np.ndarray) -> np.ndarray:
    """The solution for a right side, n x m x U."""
    inverses, beside = factor
    count, size, width = beside.shape
    ahead = width // size
    values = np.concatenate((right, np.zeros((ahead, *right.shape[1:]))))
    flat = values.reshape(-1, right.shape[2])  # a view
    for n in range(count):
        values[n] = inverses[n] @ values[n]
        flat[(n + 1) * size : (n + 1) * size + width] -= beside[n].T @ values[n]
    for n in reversed(range(count)):
        known = flat[(n + 1) * size : (n + 1) * size + width]
        values[n] = inverses[n].T @ (values[n] - beside[n] @ known)
    return values[:count]
