"""Is the default grid as good as the paper's? `python benchmarks/grid.py FOLDER [--photos 10]`.

Known corrections (tone curves, a colour cast, a bright spot) are carried from a pair at 512 px to
the photographs enlarged to --megapixels by each grid, and compared with the correction applied
directly at full size.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from midtone import bilateral_grid
from midtone.data.photographs import find_photos
from midtone.evaluation.metrics import psnr

_GAMMAS = (0.6, 1.6, 0.45, 2.2, 0.7)


def correction(image: np.ndarray, number: int) -> np.ndarray:
    """A tone curve (every second one also an S), a cast and a spot of light."""
    rows, columns = image.shape[:2]
    x = (np.arange(columns) + 0.5) / columns
    y = ((np.arange(rows) + 0.5) / rows)[:, None]
    spot = 1 + 0.35 * np.exp(-((x - 0.3) ** 2 + (y - 0.6) ** 2) / (2 * 0.18**2))
    result = np.clip(image, 0, 1) ** _GAMMAS[number % 5] * (1.08, 1, 0.92) * spot[..., None]
    if number % 2:
        clipped = np.clip(result, 0, 1)
        result = 0.5 * result + 0.5 * result**2 * (3 - 2 * clipped)
    return result.astype(np.float32)


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bicubic, to (width, height)."""
    planes = [Image.fromarray(image[..., channel]) for channel in range(3)]
    return np.stack([np.asarray(p.resize(size, Image.Resampling.BICUBIC)) for p in planes], -1)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=10)
    parser.add_argument("--megapixels", type=float, default=6)
    options = parser.parse_args()
    print("| photograph | 22 x 22 x 8 | default (square cells) | difference |\n|---|---|---|---|")
    rows, seconds = [], []
    found = find_photos(options.folder)
    every = max(1, len(found) // options.photos)
    for number, path in enumerate(found[::every][: options.photos]):
        with Image.open(path) as opened:
            image = np.asarray(opened.convert("RGB"), np.float32) / 255
        height, width = image.shape[:2]
        scale = (options.megapixels * 1e6 / (width * height)) ** 0.5
        full = np.clip(resize(image, (round(width * scale), round(height * scale))), 0, 1)
        wanted = np.clip(correction(full, number), 0, 1)
        small = 512 / max(width, height)
        size = round(width * small), round(height * small)
        before, after = resize(full, size), resize(correction(full, number), size)
        row = []
        for shape in (bilateral_grid.PAPER_GRID, None):
            started = time.perf_counter()
            grid = bilateral_grid.fit(before, after, shape)
            seconds.append(time.perf_counter() - started)
            row.append(psnr(np.clip(bilateral_grid.apply(grid, full), 0, 1), wanted))
        rows.append(row)
        print(f"| {path.name} | {row[0]:.2f} | {row[1]:.2f} | {row[1] - row[0]:+.2f} |")
    paper, ours = np.mean(rows, 0)
    print(f"| mean | {paper:.2f} | {ours:.2f} | {ours - paper:+.2f} |")
    print(f"\nmedian seconds: {np.median(seconds[::2]):.2f} and {np.median(seconds[1::2]):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
