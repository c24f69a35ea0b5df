"""The learned baselines beside midtone, and what they cost: the tables of docs/baselines.md.

    python benchmarks/learned.py --data DIR -o OUT [--every N]
    python benchmarks/learned.py --cost 0.25,12 [--methods A,B,...]

--data: folder of the development sets (development_sets.py), measured as by `midtone evaluate`:
        PSNR and SSIM at 512 px on the longer side. Further folders in fivek/ are outputs of other
        programs. Kodak's photographs are exposed wrongly by -1.5 and +1.5 EV. OUT keeps the rows,
        so that an interrupted run goes on, and receives a contact sheet of each set
--every: of the brackets only every n-th pair, of Kodak every n-th photograph
--cost: CPU seconds and peak memory at so many megapixels. Weights are made up: they change
        neither
"""

from __future__ import annotations

import argparse
import csv
import resource
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from midtone import photo
from midtone.baselines.learned import catalogue
from midtone.baselines.learned import run as learned
from midtone.data.pairs import REFERENCE, Pair, format_ev, read_pairs
from midtone.data.photographs import find_photos
from midtone.data.synthesize import expose
from midtone.errors import ModelError
from midtone.evaluation import benchmark, report, tables
from midtone.evaluation.images import read_srgb
from midtone.evaluation.methods import (
    MODEL,
    BaselineMethod,
    FolderMethod,
    Method,
    ModelMethod,
)
from midtone.evaluation.results import Protocol

SIDE = 512
EVS = (-1.5, 1.5)
PROTOCOL = Protocol((REFERENCE,), SIDE)
Read = Callable[[Path, Path, int], Sequence[Pair]]
"""Folder of a set, folder for pairs that are made here, --every -> the pairs."""


def fivek(data: Path, made: Path, every: int) -> Sequence[Pair]:
    """Photographs as shot, and by expert C."""
    del made, every
    return read_pairs(data).pairs


def msec(data: Path, made: Path, every: int) -> Sequence[Pair]:
    """The paper's renderings with an exposure error; the reference is that at 0 EV."""
    del made, every
    return [pair for pair in read_pairs(data).pairs if pair.ev]


def brackets(data: Path, made: Path, every: int) -> Sequence[Pair]:
    """Scenes photographed at several exposures."""
    del made
    with (data / "pairs.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))[::every]
    return [
        Pair(
            data / "input" / row["input"],
            {REFERENCE: data / REFERENCE / row["reference"]},
            Path(row["reference"]).stem,
        )
        for row in rows
    ]


def kodak(data: Path, made: Path, every: int) -> Sequence[Pair]:
    """Good photographs, exposed wrongly by the measured curves."""
    names = set()
    for path in find_photos(data)[::every]:
        good = read_srgb(path, SIDE)
        for ev in EVS:
            name = f"{path.stem}_{format_ev(ev)}.png"
            names.add(name)
            for folder, image in (("input", expose(good, ev)), (REFERENCE, good)):
                (made / folder).mkdir(parents=True, exist_ok=True)
                Image.fromarray(image).save(made / folder / name)
    # An earlier run with another --every may have left further pairs.
    return [pair for pair in read_pairs(made).pairs if pair.input.name in names]


SETS: dict[str, Read] = {"fivek": fivek, "msec": msec, "brackets": brackets, "kodak": kodak}


def methods_of(data: Path) -> list[Method]:
    """midtone, the input, every learned method with weights, and folders of outputs in ``data``."""
    weights: dict[str, str] = {}
    for name, (_, describe) in learned.methods().items():
        try:
            found = describe()
        except ModelError as error:
            print(error, file=sys.stderr)
            continue
        if found not in weights.values() and not name.endswith(learned.STRETCH):
            weights[name] = found
    outputs = sorted(p for p in data.iterdir() if p.is_dir() and p.name not in ("input", REFERENCE))
    return [
        ModelMethod(MODEL),
        *(BaselineMethod(name) for name in ("input", *weights)),
        *(FolderMethod(path.name, path) for path in outputs),
    ]


def measure(name: str, data: Path, out: Path, every: int) -> list[tables.Line]:
    """Means of all methods on one set; OUT/NAME receives rows and a contact sheet."""
    pairs = SETS[name](data, out / f"{name}-pairs", every)
    with tqdm(total=len(pairs), desc=name, unit="image", disable=None) as bar:
        results = benchmark.run(
            pairs, methods_of(data), PROTOCOL, out / name, progress=lambda _: bar.update()
        )
    for problem in results.problems:
        print(problem, file=sys.stderr)
    sheet = report.contact_sheet_of(report.cases(results.rows, out / name, 3))
    photo.write(photo.from_array(sheet), out / f"{name}.jpg", quality=88, overwrite=True)
    return tables.summarise(results)


def quality(data: Path, out: Path, every: int) -> str:
    """A table with a column for each set and group: PSNR in dB / SSIM."""
    columns: dict[str, dict[str, str]] = {}
    for name in SETS:
        if not (data / name).is_dir():
            print(f"{name} is not in {data}", file=sys.stderr)
            continue
        for line in measure(name, data / name, out, every):
            if (line.group == "all") == (name == "fivek") and line.scores:
                group = "" if name == "fivek" else f" {line.group}"
                column = columns.setdefault(f"{name}{group} ({line.images})", {})
                label = f"{line.method} ({line.weights})" if line.weights else line.method
                column[label] = f"{line.mean.psnr:.2f} / {line.mean.ssim:.3f}"
    labels = dict.fromkeys(label for column in columns.values() for label in column)
    rows = [[label, *(column.get(label, "-") for column in columns.values())] for label in labels]
    return _markdown([["method", *columns], *rows])


def cost(method: str, megapixels: float) -> tuple[float, float]:
    """CPU seconds, and the peak in MB above what torch and the weights need, of a method on noise.

    With one thread CPU seconds are those of a quiet machine, whatever else runs beside.
    """
    from midtone.baselines.learned.networks import DEFINITIONS, ready

    definition = DEFINITIONS[method]
    network = ready(definition.build(), "cpu")
    side = round((megapixels * 1e6) ** 0.5)
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    before = _peak()
    definition.enhance(network, image[:64, :64])
    started = time.process_time()
    definition.enhance(network, image)
    return time.process_time() - started, _peak() - before


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def costs(methods: Sequence[str], sizes: Sequence[float]) -> None:
    """Print a table row by row; every figure is of a process of its own."""
    columns = [cell for size in sizes for cell in (f"{size:g} MP, CPU s", "MB")]
    print(_markdown([["method", *columns]]), flush=True)
    for name in methods:
        cells = [name]
        for megapixels in sizes:
            with get_context("spawn").Pool(1) as pool:
                seconds, peak = pool.apply(cost, (name, megapixels))
            cells += [f"{seconds:.2f}" if seconds < 10 else f"{seconds:.0f}", f"{peak:.0f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *rest = [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join([head, "|---" * len(rows[0]) + "|", *rest])


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="DIR")
    parser.add_argument("-o", "--out", type=Path, metavar="OUT")
    parser.add_argument("--every", type=int, default=1, metavar="N")
    parser.add_argument("--cost", default="", metavar="MEGAPIXELS,...")
    # dpe-ufivek and dpe-sfivek are the network of dpe-hdr, and the three phones' DPED is one
    parser.add_argument(
        "--methods",
        default="hdrcnn-rht,hdrcnn-reinhard,dped-iphone,dpe-hdr,retinexnet,deep-upe,zero-dce",
    )
    options = parser.parse_args()
    if options.cost:
        names = [catalogue.method(name).name for name in options.methods.split(",")]
        costs(names, [float(size) for size in options.cost.split(",")])
    if options.data:
        if options.out is None:
            parser.error("--data needs -o OUT")
        print(quality(options.data, options.out, options.every))
    return 0


if __name__ == "__main__":
    sys.exit(main())
