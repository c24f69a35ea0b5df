"""Whether large photographs are corrected as well as the small ones of training and of the tables.

    python benchmarks/scale.py PHOTO ... [--model default]

Each photograph at -1.5, -1, +1 and +1.5 EV of the measured curves: exposed at its own size and
corrected from a JPEG file of that size, and made small before both. PSNR at 512 px, dB.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
from PIL import Image

from midtone import Corrector
from midtone.data.photographs import decode
from midtone.data.synthesize import expose
from midtone.evaluation.metrics import psnr
from midtone.photo import open_file

_EVS = (-1.5, -1.0, 1.0, 1.5)
_SIDE = 512


def from_file(corrector: Corrector, picture: np.ndarray) -> np.ndarray:
    """Correct H x W x 3 uint8 by way of a JPEG file, as ``midtone fix`` does."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=95)
    corrected, _ = corrector.correct_file(open_file(file.getvalue()))
    assert corrected is not None
    return corrected.pixels


def small(picture: np.ndarray) -> np.ndarray:
    """No longer than 512 px, H x W x 3 uint8."""
    image = Image.fromarray(picture)
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    return np.asarray(image)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--model", default="default")
    options = parser.parse_args()
    corrector = Corrector(options.model)
    print("| photograph | MP | EV | large | small | difference |\n|---|---|---|---|---|---|")
    rows = []
    for path in options.photos:
        large = decode(path)
        target = small(large)
        for ev in _EVS:
            found = (
                small(from_file(corrector, expose(large, ev))),
                corrector(expose(target, ev)),
            )
            row = [psnr(picture / 255, target / 255) for picture in found]
            rows.append(row)
            print(
                f"| {path.stem} | {large.shape[0] * large.shape[1] / 1e6:.1f} | {ev:+.1f} | "
                f"{row[0]:.2f} | {row[1]:.2f} | {row[0] - row[1]:+.2f} |",
                flush=True,
            )
    mean = np.mean(rows, 0)
    print(f"| mean | | | {mean[0]:.2f} | {mean[1]:.2f} | {mean[0] - mean[1]:+.2f} |")


if __name__ == "__main__":
    main()
