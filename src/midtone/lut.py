"""A correction's tone and colour as a 3D look-up table, for video editors and RAW developers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from midtone import bilateral_grid
from midtone.atomic import replacing
from midtone.correction import Correction
from midtone.errors import PhotoError

SIZE = 33


def lookup_table(correction: Correction, strength: float = 1.0, *, size: int = SIZE) -> np.ndarray:
    """The mean of a correction over the image plane: size x size x size x 3 float32 in [0, 1].

    The table is indexed by blue, green and red, size values each from 0 to 1. A correction differs
    from place to place and a table cannot: it holds the grid's mean over rows and columns, without
    what differs between sky and ground. Values are in the colour space of the photograph.
    """
    grid = bilateral_grid.blend_with_identity(correction.grid, strength)
    mean = np.broadcast_to(grid.mean((0, 1)), (2, 2, *grid.shape[2:])).copy()
    ramp = np.linspace(0, 1, size, dtype=np.float32)
    if grid.shape[3] == 1:  # grey: one curve for all channels
        ramp = bilateral_grid.slice_grid(mean, ramp[None, :, None])[0, :, 0]
    blue, green, red = np.meshgrid(ramp, ramp, ramp, indexing="ij")
    table = np.stack((red, green, blue), -1)
    if grid.shape[3] == 3:
        table = bilateral_grid.slice_grid(mean, table.reshape(size, -1, 3)).reshape(table.shape)
    return np.clip(table, 0, 1)


def write_cube(table: np.ndarray, path: Path, *, title: str, overwrite: bool = False) -> None:
    """Write a table as ``lookup_table`` gives it as Adobe .cube text, whole or not at all.

    Raises PhotoError if the file exists and ``overwrite`` is False, or cannot be written.
    """
    if os.path.exists(path) and not overwrite:
        raise PhotoError(f"{path}: exists already; use --overwrite to replace it")
    lines = [f'TITLE "{title}"', f"LUT_3D_SIZE {len(table)}"]
    lines += ["DOMAIN_MIN 0 0 0", "DOMAIN_MAX 1 1 1"]
    lines += [f"{red:.6f} {green:.6f} {blue:.6f}" for red, green, blue in table.reshape(-1, 3)]
    try:
        with replacing(path) as temporary:
            temporary.write_text("\n".join(lines) + "\n", "ascii", "replace")
    except OSError as error:
        raise PhotoError(f"{path}: cannot be written ({error.strerror or error})") from error
