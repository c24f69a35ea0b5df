"""How fast midtone is, beside what it could be and beside other programs: `make bench`.

    python benchmarks/speed.py [PHOTO] [--megapixels 6,12,24,50,100] [--runs 5] [--goals] [--tools]
                               [--methods 12] [--batch 40] [--plot FILE]

The photograph is enlarged, and given sensor-like noise (shot and read, in linear light), without
which a JPEG would be too easy. Times are medians in seconds, with the fastest and slowest run; what
is compared runs in turn. CPU seconds are those of all threads. Floors: Pillow decoding and encoding
the same file at the same quality; for the slice step, a copy of the pixels.

--megapixels: time of each stage at these sizes; "" for none
--goals: what is to be reached, and what is
--tools: what else a user would pick, each as a command from file to file
--methods: time and memory of each baseline and measure at so many megapixels
--batch: files per second of a folder of so many photographs, one core against all
--plot:  a picture of time against megapixels
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from midtone import bilateral_grid, photo
from midtone.batch.correct_one import correct_file
from midtone.corrector import Corrector, predict
from midtone.data.synthesize import expose
from midtone.evaluation import ma
from midtone.evaluation.methods import BASELINES, MODEL
from midtone.evaluation.metrics import SSIM, psnr
from midtone.evaluation.niqe import luma, niqe
from midtone.preprocess import preprocess

T = TypeVar("T")
QUALITY = 95
MEASURES = ("PSNR", *(f"SSIM {name}" for name in SSIM), "NIQE", "Ma features")


def make(source: Path, megapixels: float, target: Path) -> None:
    """Enlarge a photograph and add noise; written as JPEG, 4:2:0 as cameras do."""
    with Image.open(source) as opened:
        image = opened.convert("RGB")
    scale = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    size = round(image.width * scale), round(image.height * scale)
    large = np.array(image.resize(size, Image.Resampling.BICUBIC))
    rng = np.random.default_rng(0)
    for row in range(0, len(large), 256):
        linear = (large[row : row + 256].astype(np.float32) / 255) ** 2.2
        sigma = np.sqrt(2e-4 * linear + 1e-6)
        linear += sigma * rng.standard_normal(linear.shape, np.float32)
        large[row : row + 256] = np.rint(255 * np.clip(linear, 0, 1) ** (1 / 2.2))
    Image.fromarray(large).save(target, quality=QUALITY, subsampling=2)


class Stopwatch:
    """Seconds of every run of every stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    def time(self, name: str, work: Callable[[], T]) -> T:
        """Run and remember."""
        started = time.perf_counter()
        result = work()
        self.seconds.setdefault(name, []).append(time.perf_counter() - started)
        return result

    def median(self, name: str) -> float:
        """Median of a stage."""
        return statistics.median(self.seconds[name])


def goals(photograph: Path, folder: Path, corrector: Corrector, runs: int) -> None:
    """Print what is to be reached beside what is."""
    small, large, huge = (folder / f"{name}.jpg" for name in ("small", "large", "huge"))
    target = folder / "out.jpg"
    for megapixels, path in ((0.27, small), (24, large), (100, huge)):
        make(photograph, megapixels, path)
    watch = Stopwatch()
    data, little = large.read_bytes(), small.read_bytes()
    copy = [sys.executable, "-c", _COPY, large, target]
    peaks: dict[str, list[float]] = {}
    for run in range(runs + 1):
        if run == 1:
            watch.seconds.clear()  # the first run warms up
        watch.time("copy", partial(_copy, data))
        watch.time("whole", partial(_whole, data, corrector))
        watch.time("small", partial(_whole, little, corrector))
        for name, line in (
            ("copying", copy), ("24 MP", _fix(large, target)), ("640 px", _fix(small, target)),
        ):  # fmt: skip
            seconds, _, peak = command(*line)
            watch.seconds.setdefault(f"command, {name}", []).append(seconds)
            peaks.setdefault(name, []).append(peak)
    peaks["100 MP"] = [command(*_fix(huge, target))[2]]

    def ratio(name: str, other: str) -> str:
        ours, floor = watch.median(name), watch.median(other)
        return f"{ours / floor:.2f} ({ours:.3f} s / {floor:.3f} s)"

    rows = (
        ("24 MP JPEG in a process / Pillow's decode + encode",
         ratio("whole", "copy"), "1.0", "0.75"),
        ("`midtone fix` on 24 MP / a copy by `python -c`, Pillow",
         ratio("command, 24 MP", "command, copying"), "1.2", "0.9"),
        ("`midtone fix` on 640 px", f"{watch.median('command, 640 px'):.2f} s", "0.30 s", "0.20 s"),
        ("640 px in a process", f"{1e3 * watch.median('small'):.0f} ms", "30 ms", "15 ms"),
        ("peak memory, 24 MP", f"{max(peaks['24 MP']):.0f} MB", "180 MB", ""),
        ("peak memory, 100 MP", f"{max(peaks['100 MP']):.0f} MB", "250 MB", ""),
    )  # fmt: skip
    print("\n| | measured | goal | aim |\n|---|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


_COPY = """
import sys
from PIL import Image
with Image.open(sys.argv[1]) as image:
    image.save(sys.argv[2], "JPEG", quality=95, subsampling=2)
"""


def measure(data: bytes, corrector: Corrector, runs: int) -> Stopwatch:
    """Every stage of one photograph, and its floors."""
    watch = Stopwatch()
    config = corrector.config
    for run in range(runs + 1):
        if run == 1:
            watch.seconds.clear()  # the first run warms up
        watch.time("Pillow decode + encode", partial(_copy, data))
        watch.time("whole, in process", partial(_whole, data, corrector))
        file = watch.time("open", partial(photo.open_file, data))
        image = watch.time("decode", file.decode)
        small = watch.time("preview", partial(file.preview, config.preview_size)) or image
        inputs = watch.time("preprocess", partial(preprocess, small, config))
        after = watch.time("network", partial(predict, corrector.model, inputs))
        grid = watch.time("fit", partial(bilateral_grid.fit, inputs.source, after, config.grid))
        pixels, threads = image.pixels, corrector.threads
        watch.time(
            "slice",
            partial(bilateral_grid.slice_grid, grid, pixels, out=pixels, threads=threads),
        )
        copy = np.empty_like(pixels)
        np.copyto(copy, pixels)  # the first touch of the memory does not count
        watch.time("floor of slice: copy", partial(np.copyto, copy, pixels))
        watch.time("encode", partial(photo.write, image, io.BytesIO(), quality=QUALITY))
    return watch


def _whole(data: bytes, corrector: Corrector) -> None:
    result, _ = correct_file(corrector, photo.open_file(data), strips=True)
    assert result
    photo.write(result, io.BytesIO(), quality=QUALITY)


def _copy(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as image:
        image.save(io.BytesIO(), "JPEG", quality=QUALITY, subsampling=2)


def command(*arguments: str | Path) -> tuple[float, float, float]:
    """Seconds, CPU seconds and peak megabytes of a process.

    Started by a small one: a process counts as its own what the one that forked it had in memory.
    """
    line = [sys.executable, "-c", _TIMER, *map(str, arguments)]
    # Installed packages are compiled to byte code; a checkout is when it is first run.
    there = {name: value for name, value in os.environ.items() if name not in _WITHOUT}
    found = subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True, env=there).stdout
    seconds, cpu, peak = map(float, found.split())
    return seconds, cpu, peak


_WITHOUT = {"PYTHONDONTWRITEBYTECODE"}
_TIMER = """
import resource, subprocess, sys, time
started = time.perf_counter()
silent = subprocess.DEVNULL
subprocess.run(sys.argv[1:], check=True, stdout=silent, stderr=silent)
seconds = time.perf_counter() - started
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


def _fix(source: Path, target: Path) -> list[str | Path]:
    start = "from midtone.cli import run; run()"  # as the installed script does
    return [sys.executable, "-c", start, "fix", source, "-o", target, "--overwrite"]


def tools(source: Path, target: Path) -> dict[str, list[str | Path]]:
    """Commands that a user would pick instead, as far as they are installed."""
    clahe = (
        "import cv2, sys; lab = cv2.cvtColor(cv2.imread(sys.argv[1]), cv2.COLOR_BGR2LAB);"
        "lab[..., 0] = cv2.createCLAHE(2.0, (8, 8)).apply(lab[..., 0]);"
        "cv2.imwrite(sys.argv[2], cv2.cvtColor(lab, cv2.COLOR_LAB2BGR))"
    )
    profile = target.parent / "auto.pp3"
    profile.write_text("[Exposure]\nAuto=true\nClip=0.02\n")
    known: dict[str, list[str | Path]] = {
        "midtone fix": _fix(source, target),
        "ImageMagick -normalize": ["convert", source, "-normalize", target],
        "ImageMagick -auto-gamma": ["convert", source, "-auto-gamma", target],
        "OpenCV CLAHE": [sys.executable, "-c", clahe, source, target],
        "autolevels": ["autolevels", "--outdir", target.parent / "levels", source],
        "vips hist_equal": ["vips", "hist_equal", source, f"{target}[Q={QUALITY}]"],
        "rawtherapee-cli, auto exposure": [
            *("rawtherapee-cli", "-Y", "-o", target, "-p", profile, f"-j{QUALITY}", "-c", source)
        ],
    }
    return {name: line for name, line in known.items() if shutil.which(str(line[0]))}


def measures(image: np.ndarray, good: np.ndarray) -> dict[str, Callable[[], object]]:
    """Every measure of ``midtone evaluate``, of one result: H x W x 3 uint8 each."""
    pair = image / 255, good / 255
    return {
        "PSNR": partial(psnr, *pair),
        **{f"SSIM {name}": partial(ssim, *pair) for name, ssim in SSIM.items()},
        "NIQE": partial(niqe, image),
        "Ma features": lambda: ma.features(luma(image)),
    }


def method(name: str, source: Path, megapixels: float) -> tuple[float, float]:
    """Seconds of a baseline, of a measure or of midtone on one picture, 1.5 EV too dark; peak MB.

    Runs in a process of its own; the peak is less what the process needed before.
    """
    side = round((megapixels * 1e6) ** 0.5)
    with Image.open(source) as opened:
        good = np.asarray(opened.convert("RGB").resize((side, side)))
    dark = expose(good, -1.5)
    known = measures(dark, good)
    if name not in known:
        correct = Corrector() if name == MODEL else BASELINES[name].correct
        correct(dark[:256, :256])  # imports
        known[name] = partial(correct, dark)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    known[name]()
    seconds = time.perf_counter() - started
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def batch(source: Path, folder: Path, count: int) -> tuple[float, float, float]:
    """Files per second: on one core, with a worker a core on all cores, and the bound there.

    The bound is Pillow decoding and encoding, in a process a core.
    """
    many = folder / "many"
    many.mkdir()
    for number in range(count):
        os.link(source, many / f"{number:03}.jpg")
    one = [*_fix(many, folder / "one"), "--workers", "1"]
    started = time.perf_counter()
    subprocess.run(["taskset", "-c", "0", *map(str, one)], check=True, stderr=subprocess.DEVNULL)
    alone = count / (time.perf_counter() - started)
    cores = os.cpu_count() or 1
    seconds, _, _ = command(*_fix(many, folder / "all"), "--workers", str(cores))
    with get_context("spawn").Pool(cores) as pool:
        data = source.read_bytes()
        pool.map(_copy, [data] * cores)
        started = time.perf_counter()
        pool.map(_copy, [data] * count, chunksize=1)
        bound = count / (time.perf_counter() - started)
    return alone, count / seconds, bound


def _processor() -> str:
    """Its name, and family and model: virtual machines hide the name."""
    found = subprocess.run(["lscpu"], stdout=subprocess.PIPE, text=True, check=True).stdout
    lines = (line.partition(":") for line in found.splitlines())
    value = {name.strip(): value.strip() for name, _, value in lines}
    return f"{value['Model name']} (family {value['CPU family']}, model {value['Model']})"


def plot(points: dict[float, dict[str, float]], target: Path) -> None:
    """Time of the stages against megapixels."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 3.4), dpi=110)
    for name in ("whole, in process", "Pillow decode + encode", "slice"):
        axes.plot(list(points), [stages[name] for stages in points.values()], "o-", label=name)
    axes.set(xlabel="megapixels", ylabel="seconds", xlim=(0, None), ylim=(0, None))
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(target)


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path, nargs="?", default=Path("examples/dark.jpg"))
    parser.add_argument("--megapixels", default="6,12,24,50,100")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--model", default="default")
    parser.add_argument("--goals", action="store_true")
    parser.add_argument("--tools", action="store_true")
    parser.add_argument("--methods", type=float, default=0, metavar="MEGAPIXELS")
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    os.environ["PATH"] += f"{os.pathsep}{Path(sys.executable).parent}"
    print(f"{_processor()}, {os.cpu_count()} cores, {time.strftime('%d %B %Y')}")
    sizes = [float(part) for part in options.megapixels.split(",") if part]
    points: dict[float, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, target = folder / "in.jpg", folder / "out.jpg"
        for megapixels in sizes:
            make(options.photo, megapixels, source)
            data = source.read_bytes()
            print(f"\n{megapixels:g} megapixels, {len(data) / 1e6:.1f} MB JPEG\n")
            print("| stage | 1 thread | 2 threads |\n|---|---|---|")
            watches = [
                measure(data, Corrector(options.model, threads=threads), options.runs)
                for threads in (1, 2)
            ]
            for stage in watches[0].seconds:
                cells = [
                    f"{w.median(stage):.3f} ({min(s := w.seconds[stage]):.3f}..{max(s):.3f})"
                    for w in watches
                ]
                print(f"| {stage} | {cells[0]} | {cells[1]} |")
            points[megapixels] = {stage: watches[1].median(stage) for stage in watches[1].seconds}
        if options.goals:
            goals(options.photo, folder, Corrector(options.model), options.runs)
        if options.tools:
            make(options.photo, 24, source)
            lines = tools(source, target)
            found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in lines}
            for _ in range(options.runs):
                for tool, line in lines.items():
                    found[tool].append(command(*line))
            print("\n24 megapixels, file to file\n")
            print("| tool | seconds | CPU seconds | peak MB |\n|---|---|---|---|")
            for tool, runs in found.items():
                seconds, cpu, peak = (
                    statistics.median(values) for values in zip(*runs, strict=True)
                )
                print(f"| {tool} | {seconds:.2f} | {cpu:.2f} | {peak:.0f} |")
        if options.methods:
            print(f"\n{options.methods:g} megapixels\n\n| | seconds | MB |\n|---|---|---|")
            for name in (MODEL, *BASELINES, *MEASURES):
                with get_context("spawn").Pool(1) as pool:
                    took = pool.apply(method, (name, options.photo, options.methods))
                print(f"| {name} | {took[0]:.2f} | {took[1]:.0f} |", flush=True)
        if options.batch:
            make(options.photo, 24, source)
            alone, every, bound = batch(source, folder, options.batch)
            print(f"\n{options.batch} files of 24 megapixels: {alone:.2f} files/s on one core, "
                  f"{every:.2f} on all, {every / alone:.2f} x; Pillow {bound:.2f}")  # fmt: skip
    if options.plot:
        plot(points, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
