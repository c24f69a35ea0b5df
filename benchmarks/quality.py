"""Quality of the default model beside classical methods: the table of benchmarks/RESULTS.md.

    python benchmarks/quality.py --kodak DIR --brackets DIR [--model FILE] [--methods midtone,HE]
                                 [--limit N]

--kodak:    folder of the 24 Kodak photographs (PNG); errors are synthesised by the measured curves
--brackets: folder with pairs.csv (input, reference, kind), input/ and reference/

Everything is measured at 512 px on the long side: photographs are reduced first, then spoiled.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from midtone import Corrector
from midtone.baselines.auto_gamma import auto_gamma
from midtone.baselines.clahe import clahe
from midtone.baselines.dual import dual
from midtone.baselines.equalize import equalize
from midtone.baselines.fusion import fusion
from midtone.baselines.hqec import hqec
from midtone.baselines.lime import lime
from midtone.baselines.wvm import wvm
from midtone.data.synthesize import measured_curve
from midtone.evaluation.metrics import psnr, ssim

EVS = (-1.5, -1.0, 0.0, 1.0, 1.5)
SIDE = 512
Method = Callable[[np.ndarray], np.ndarray]
METHODS: dict[str, Method] = {
    "input": lambda image: image,
    "HE": equalize,
    "CLAHE": clahe,
    "WVM": wvm,
    "LIME": lime,
    "HQEC": hqec,
    "DUAL": dual,
    "gamma": auto_gamma,
    "fusion": fusion,
}


def kodak(folder: Path, limit: int | None = None) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(group, spoiled, good) of the first ``limit`` photographs."""
    for path in sorted(folder.glob("*.png"))[:limit]:
        good = _open(path)
        for ev in EVS:
            yield f"{ev:+.1f} EV", np.rint(measured_curve(ev)).astype(np.uint8)[good], good


def brackets(
    folder: Path, limit: int | None = None
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(kind, input, reference) of the first ``limit`` pairs."""
    with (folder / "pairs.csv").open(encoding="utf-8") as table:
        for row in itertools.islice(csv.DictReader(table), limit):
            yield (
                row["kind"],
                _open(folder / "input" / row["input"]),
                _open(folder / "reference" / row["reference"]),
            )


def measure(
    pairs: Iterator[tuple[str, np.ndarray, np.ndarray]], methods: dict[str, Method]
) -> dict[str, dict[str, tuple[float, float]]]:
    """Mean (PSNR, SSIM) by method and group. An unchanged picture counts as 50 dB."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for group, wrong, good in pairs:
        for name, method in methods.items():
            result, reference = method(wrong) / 255, good / 255
            found[name][group].append((min(psnr(result, reference), 50.0), ssim(result, reference)))
    return {
        name: {group: tuple(np.mean(values, 0)) for group, values in groups.items()}  # type: ignore[misc]
        for name, groups in found.items()
    }


def show(
    title: str, table: dict[str, dict[str, tuple[float, float]]], mean_of: tuple[str, ...]
) -> None:
    """Print a Markdown table; the last column is the mean over ``mean_of``."""
    groups = list(next(iter(table.values())))
    print(f"\n### {title}\n")
    print("| method | " + " | ".join(groups) + " | mean of " + ", ".join(mean_of) + " |")
    print("|---" * (len(groups) + 2) + "|")
    for name, row in table.items():
        mean = np.mean([row[group] for group in mean_of], 0)
        cells = [f"{row[group][0]:.2f} / {row[group][1]:.3f}" for group in groups]
        print(f"| {name} | " + " | ".join(cells) + f" | {mean[0]:.2f} / {mean[1]:.3f} |")


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kodak", type=Path)
    parser.add_argument("--brackets", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--methods", help="names, with commas between them (all)")
    parser.add_argument("--limit", type=int, help="the first photographs and pairs only")
    options = parser.parse_args()
    chosen = options.methods.split(",") if options.methods else ["midtone", *METHODS]
    unknown = set(chosen) - {"midtone", *METHODS}
    if unknown:
        parser.error(
            f"no method {', '.join(sorted(unknown))}; there are midtone, {', '.join(METHODS)}"
        )
    methods: dict[str, Method] = {
        name: METHODS[name] if name in METHODS else Corrector(options.model) for name in chosen
    }
    if options.kodak:
        mean_of = tuple(f"{ev:+.1f} EV" for ev in EVS if ev)
        show(
            "Kodak, PSNR dB / SSIM", measure(kodak(options.kodak, options.limit), methods), mean_of
        )
    if options.brackets:
        table = measure(brackets(options.brackets, options.limit), methods)
        show("Brackets, PSNR dB / SSIM", table, ("under", "over"))
    return 0


def _open(path: Path) -> np.ndarray:
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    scale = SIDE / max(image.size)
    size = round(image.width * scale), round(image.height * scale)
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))


if __name__ == "__main__":
    sys.exit(main())
