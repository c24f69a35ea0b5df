"""DNG files from photographs, for tests and benchmarks: linear light, mosaic, noise, 14 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

BLACK, WHITE = 512, 16383
NEUTRAL = np.array([0.5, 1.0, 0.65])  # what a camera's R, G, B see of grey
# CIE XYZ of linear sRGB, D65
_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def write_dng(path: Path, image: np.ndarray, ev: float = -1.5, seed: int = 0) -> None:
    """Write an RGGB DNG of H x W x 3 uint8 sRGB (even sides), exposed ``ev`` below full scale."""
    srgb = image / 255
    light = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4) * 2.0**ev
    seen = light * NEUTRAL
    mosaic = np.empty(image.shape[:2])
    for row in range(2):
        for column in range(2):
            mosaic[row::2, column::2] = seen[row::2, column::2, row + column]
    noise = np.random.default_rng(seed).standard_normal(mosaic.shape)
    mosaic += noise * np.sqrt(mosaic * 2e-4 + 1e-7)
    codes = np.clip(np.rint(BLACK + mosaic * (WHITE - BLACK)), 0, WHITE).astype(np.uint16)
    camera_of_xyz = np.diag(NEUTRAL) @ np.linalg.inv(_XYZ)
    tags = [
        (33421, "H", 2, (2, 2)),
        (33422, "B", 4, bytes((0, 1, 1, 2))),
        (50706, "B", 4, bytes((1, 4, 0, 0))),
        (50707, "B", 4, bytes((1, 1, 0, 0))),
        (50708, "s", 0, "midtone test camera"),
        (50714, "H", 1, BLACK),
        (50717, "H", 1, WHITE),
        (50721, "2i", 9, _rationals(camera_of_xyz.ravel())),
        (50728, "2I", 3, _rationals(NEUTRAL)),
        (50778, "H", 1, 21),
        (271, "s", 0, "midtone"),
        (272, "s", 0, "test camera"),
        (274, "H", 1, 1),
    ]
    tifffile.imwrite(path, codes, photometric=32803, extratags=[(*t, True) for t in tags], metadata=None)  # fmt: skip  # noqa: E501


def _rationals(values: np.ndarray) -> tuple[int, ...]:
    return tuple(int(part) for value in values for part in (round(value * 10_000), 10_000))
