"""Where the time of one photograph goes: `python benchmarks/speed.py [PHOTO] [--megapixels 24]`.

The photograph is enlarged and given sensor-like noise, without which a JPEG would be too easy, and
corrected --runs times; medians in seconds. The last lines are the whole command in a process of its
own, with its peak memory, beside Pillow merely decoding and encoding the file.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

import midtone
from midtone import upsample
from midtone.corrector import Corrector, fit_grid, reduce


def make(photo: Path, megapixels: float, target: Path) -> None:
    """Enlarge a photograph and add noise; written as JPEG of quality 95."""
    with Image.open(photo) as opened:
        image = opened.convert("RGB")
    scale = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    size = round(image.width * scale), round(image.height * scale)
    large = np.asarray(image.resize(size, Image.Resampling.BICUBIC)).astype(np.float32)
    rng = np.random.default_rng(0)
    for row in range(0, len(large), 256):
        part = large[row : row + 256]
        part += 2.5 * rng.standard_normal(part.shape, np.float32)
    codes = np.clip(large, 0, 255).astype(np.uint8)
    Image.fromarray(codes).save(target, quality=95, subsampling=0)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path, nargs="?", default=Path("examples/dark.jpg"))
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    corrector = Corrector()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.jpg", Path(folder) / "out.jpg"
        make(options.photo, options.megapixels, source)
        seconds: dict[str, list[float]] = {}

        def timed(name: str, work: Callable[[], object]) -> object:
            started = time.perf_counter()
            result = work()
            seconds.setdefault(name, []).append(time.perf_counter() - started)
            return result

        for _ in range(options.runs):
            image = timed("read", partial(midtone.read, source))
            assert isinstance(image, midtone.Photo)
            small = timed("reduce", partial(reduce, image.pixels, corrector.model.info.size))
            before = np.asarray(small, np.float32) / 255
            after = timed("network (with pyramid)", partial(corrector.network, before))
            grid = timed("fit", partial(fit_grid, before, np.asarray(after)))
            fixed = timed("apply", partial(upsample.apply, np.asarray(grid), image.pixels))
            result = image.with_pixels(np.asarray(fixed))
            timed("write", partial(midtone.write, result, target, overwrite=True))
            timed("Pillow decode + encode", partial(_copy, source, target))
            timed("whole command", partial(_command, source, target))
        print(f"{image.size[0]} x {image.size[1]}, {source.stat().st_size / 1e6:.1f} MB JPEG")
        for name, found in seconds.items():
            print(
                f"{name:24s} {statistics.median(found):6.2f} s  {min(found):.2f}..{max(found):.2f}"
            )
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{'peak memory of command':24s} {peak:6.0f} MB")
    return 0


def _copy(source: Path, target: Path) -> None:
    with Image.open(source) as image:
        image.save(target, quality=95, subsampling=0)


def _command(source: Path, target: Path) -> None:
    command = [sys.executable, "-m", "midtone.cli", "fix", str(source), "-o", str(target)]
    subprocess.run([*command, "--overwrite"], check=True)


if __name__ == "__main__":
    sys.exit(main())
