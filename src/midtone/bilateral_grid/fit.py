"""Fitting: the bilateral grid of affine colour transforms from one small image to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from midtone.bilateral_grid.blas import one_blas_thread
from midtone.errors import UsageError

GUIDE = {1: np.array([1.0]), 3: np.array([0.25, 0.5, 0.25])}
_PAPER_NODES = 22
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
        if self.nodes < 0 or self.nodes == 1 or self.depth < 2:
            raise UsageError(f"a grid needs two nodes along each axis, not {self}")
        if not self.lambda_s >= 0 or not self.lambda_z >= 0:
            raise UsageError(f"the smoothness of a grid cannot be negative: {self}")

    def shape(self, height: int, width: int) -> tuple[int, int, int]:
        """Nodes along y, x and the guide for an image of that size."""
        if not self.nodes:
            return _PAPER_NODES, _PAPER_NODES, self.depth
        scale = self.nodes / max(height, width)
        return max(4, round(scale * height)), max(4, round(scale * width)), self.depth


PAPER = GridConfig()


@dataclass(frozen=True)
class _Design:
    """The least squares problem of one image: where its pixels fall, and how its grid is smoothed.

    base:    P flat indices of the corner (y, x, z) below each pixel
    corners: P x 8 trilinear weights of the corners
    terms:   P x V values (R, G, B, 1) or (grey, 1)
    smoothness: weights of the grid's differences in y, x, z
    """

    shape: tuple[int, int, int]
    base: np.ndarray
    corners: np.ndarray
    terms: np.ndarray
    smoothness: tuple[float, float, float]


@one_blas_thread()
def fit(
    before: np.ndarray,
    after: np.ndarray,
    config: GridConfig = PAPER,
    *,
    shape: tuple[int, int, int] | None = None,
) -> np.ndarray:
    """Least-squares grid of affine transforms from ``before`` to ``after``.

    before, after: h x w x 3 (or h x w x 1, grey), float, nominally in [0, 1], h and w at least 1.
    config: size and smoothness of the grid
    shape:  nodes (gh, gw, gd), each at least 2, in place of those of ``config``
    Returns gh x gw x gd x U x V, U = 3 (1) outputs, V = (R, G, B, 1) or (grey, 1), float64.

    Minimises |sliced - after|^2 plus smoothness of the grid (squared first differences in y and x,
    second differences in z, first ones at its ends), the objective of the reference implementation,
    exactly. The time grows with the cube of the smaller of gh and gw. Raises ValueError for two
    images of different shapes.
    """
    if before.shape != after.shape or before.ndim != 3 or before.shape[2] not in GUIDE:
        raise ValueError(f"need two images of one shape, got {before.shape} and {after.shape}")
    shape = shape or config.shape(*before.shape[:2])
    if min(shape) < 2:
        raise ValueError(f"a grid needs two nodes along each axis, got {shape}")
    if shape[0] > shape[1]:
        transposed = fit(
            before.swapaxes(0, 1),
            after.swapaxes(0, 1),
            config,
            shape=(shape[1], shape[0], shape[2]),
        )
        return np.ascontiguousarray(transposed.swapaxes(0, 1))
    design = _design(before.astype(np.float64), shape, (config.lambda_s, config.lambda_z))
    target = after.reshape(-1, after.shape[2]).astype(np.float64)
    # One transform for the whole image first: nodes without any pixel then follow it.
    overall = np.linalg.lstsq(design.terms, target)[0]
    # Weights sum to less than one where the guide leaves the grid.
    explained = design.corners.sum(1, keepdims=True) * (design.terms @ overall)
    unknown = _solve(design, target - explained) + overall
    grid = np.ascontiguousarray(unknown.swapaxes(-1, -2))
    if (np.ptp(after, axis=2) == 0).all():
        grid[...] = grid[..., :1, :]  # equal to the last bit, or rounding would tint grey images
    return grid


def _design(
    before: np.ndarray, shape: tuple[int, int, int], smoothness: tuple[float, float]
) -> _Design:
    """The problem for an image; smoothness: ``lambda_s``, ``lambda_z`` of ``GridConfig``."""
    height, width, channels = before.shape
    pixels = before.reshape(-1, channels)
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


def _normal_blocks(design: _Design, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normal equations of each cell: gh-1 x gw-1 x gd-1 x (8V x 8V) and x (8V x U)."""
    terms, outputs = design.terms.shape[1], target.shape[1]
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
    values = target[order]
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


def _solve(design: _Design, target: np.ndarray) -> np.ndarray:
    """Minimise the objective: block elimination along x, where the system is block tridiagonal.

    Coupling blocks are themselves block tridiagonal (along y), so only their narrow bands are
    multiplied; the work is one dense system of gh gd V unknowns for each column of nodes.
    """
    rows, columns, depth = design.shape
    terms = design.terms.shape[1]
    inner = depth * terms
    size = rows * inner
    matrix, right = _normal_blocks(design, target)
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
    matrix = matrix.swapaxes(0, 1)
    diagonal = np.zeros((columns, rows, depth, terms, rows, depth, terms))
    coupling = np.zeros((columns - 1, rows, depth, terms, rows, depth, terms))
    for ya, za, yb, zb in np.ndindex(2, 2, 2, 2):
        corner = (
            slice(None), slice(ya, ya + rows - 1), slice(za, za + depth - 1), slice(None),
            slice(yb, yb + rows - 1), slice(zb, zb + depth - 1),
        )  # fmt: skip
        # Views: x, y, z, V, V of the pairs of nodes that belong to one cell.
        here, across = (
            np.einsum("xyzvyzw->xyzvw", nodes[corner]) for nodes in (diagonal, coupling)
        )
        part = matrix[:, :, :, ya, :, za, :, yb, :, zb]
        here[:-1] += part[:, :, :, 0, :, 0]
        here[1:] += part[:, :, :, 1, :, 1]
        across += part[:, :, :, 0, :, 1]
    smooth_y, smooth_x, smooth_z = differences(design.shape, design.smoothness)
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
