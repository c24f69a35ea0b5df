"""How stiff should the grid be? `python benchmarks/smoothness.py --kodak DIR --brackets DIR`.

The network's pictures are made once and carried to 512 px by grids of growing smoothness (1 is the
reference implementation's). PSNR dB on the data of quality.py.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import quality
from midtone import Corrector, upsample
from midtone.corrector import reduce
from midtone.evaluation.metrics import psnr

SMOOTHNESS = (1.0, 10.0, 100.0, 1000.0, 10000.0)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kodak", type=Path, required=True)
    parser.add_argument("--brackets", type=Path, required=True)
    parser.add_argument("--model", default="default")
    parser.add_argument("--every", type=int, default=1, help="take every n-th pair only")
    options = parser.parse_args()
    corrector = Corrector(options.model)

    def pairs() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        for kind in (quality.kodak(options.kodak), quality.brackets(options.brackets)):
            yield from list(kind)[:: options.every]

    found: dict[float, dict[str, list[float]]] = {one: defaultdict(list) for one in SMOOTHNESS}
    for group, wrong, good in pairs():
        before = reduce(wrong, corrector.model.info.size).astype(np.float32) / 255
        after = corrector.network(before)
        for smoothness, groups in found.items():
            grid = upsample.fit(before, after, smoothness=smoothness)
            groups[group].append(psnr(upsample.apply(grid, wrong) / 255, good / 255))
    names = list(found[SMOOTHNESS[0]])
    print("| smoothness | " + " | ".join(names) + " |\n|" + "---|" * (len(names) + 1))
    for smoothness, groups in found.items():
        cells = " | ".join(f"{np.mean(groups[name]):.2f}" for name in names)
        print(f"| {smoothness:g} | {cells} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
