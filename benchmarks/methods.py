"""Time and memory of every classical method and every measure: `python benchmarks/methods.py`.

Each runs in a process of its own on one picture (scikit-image's astronaut, enlarged, 1.5 EV too
dark); memory is the process's peak less what it needed before.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.data import astronaut

from midtone.data.synthesize import expose
from midtone.evaluation import ma
from midtone.evaluation.methods import BASELINES, MODEL, Method
from midtone.evaluation.metrics import SSIM, psnr
from midtone.evaluation.niqe import luma, niqe

MEASURES: dict[str, Callable[[np.ndarray, np.ndarray], object]] = {
    "PSNR": lambda wrong, good: psnr(wrong / 255, good / 255),
    **{
        f"SSIM {name}": lambda wrong, good, measure=measure: measure(wrong / 255, good / 255)
        for name, measure in SSIM.items()
    },
    "NIQE": lambda wrong, good: niqe(wrong),
    "Ma features": lambda wrong, good: ma.features(luma(wrong)),
}


def run(name: str, megapixels: float) -> tuple[float, float]:
    """Seconds and MB of one method or measure."""
    side = round((megapixels * 1e6) ** 0.5)
    good = np.asarray(Image.fromarray(astronaut()).resize((side, side)))
    wrong = expose(good, -1.5)
    method = Method(name, "default" if name == MODEL else "")
    if name not in MEASURES:
        method(wrong[:256, :256], Path(), None)  # imports, models
    before = _peak()
    started = time.perf_counter()
    if name in MEASURES:
        MEASURES[name](wrong, good)
    else:
        method(wrong, Path(), None)
    return time.perf_counter() - started, _peak() - before


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, default=12)
    options = parser.parse_args()
    print(f"{options.megapixels:g} megapixels\n\n| | seconds | memory, MB |\n|---|---|---|")
    for name in (MODEL, *BASELINES, *MEASURES):
        with get_context("spawn").Pool(1) as pool:
            seconds, memory = pool.apply(run, (name, options.megapixels))
        print(f"| {name} | {seconds:.2f} | {memory:.0f} |", flush=True)
    return 0


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
