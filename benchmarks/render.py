"""Throughput of `midtone render`: `python benchmarks/render.py PHOTOS OUT [--count 24]`.

Makes DNG files (tests/dng.py) of as many photographs of PHOTOS, enlarged to
--megapixels, renders them with one process and with two, and prints RAW files per second and core,
and the peak memory of a worker. OUT keeps the RAW files and the pairs.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from dng import write_dng
from midtone.data import dataset_builder
from midtone.data.photographs import decode, find_photos


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--megapixels", type=float, default=12)
    options = parser.parse_args()
    raws = options.out / "raw"
    raws.mkdir(parents=True, exist_ok=True)
    found = find_photos(options.photos)
    for number, path in enumerate(found[:: max(1, len(found) // options.count)][: options.count]):
        target = raws / f"scene{number:02d}.dng"
        if not target.exists():
            image = Image.fromarray(decode(path))
            scale = (options.megapixels * 1e6 / (image.width * image.height)) ** 0.5
            width, height = (2 * round(side * scale / 2) for side in image.size)
            large = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
            write_dng(target, large, seed=number)
    scenes, _ = dataset_builder.plan(raws.glob("*.dng"), {}, 1)
    print("| processes | seconds | RAW files / s | per process |\n|---|---|---|---|")
    for workers in range(1, (os.cpu_count() or 1) + 1):
        pairs = options.out / "pairs"
        shutil.rmtree(pairs, ignore_errors=True)
        started = time.perf_counter()
        _, problems = dataset_builder.build(
            scenes, pairs, dataset_builder.from_raw, dataset_builder.Settings(), workers=workers
        )
        seconds = time.perf_counter() - started
        rate = len(scenes) / seconds
        print(f"| {workers} | {seconds:.1f} | {rate:.2f} | {rate / workers:.2f} |", flush=True)
        for problem in problems:
            print(problem)
    who = resource.RUSAGE_CHILDREN if (os.cpu_count() or 1) > 1 else resource.RUSAGE_SELF
    peak = resource.getrusage(who).ru_maxrss / 1024
    print(
        f"\n{len(scenes)} files of {options.megapixels:g} MP, 5 JPEGs and a target each; ", end=""
    )
    print(f"peak of a worker {peak:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
