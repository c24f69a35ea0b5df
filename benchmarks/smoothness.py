"""How stiff should the grid be? `python benchmarks/smoothness.py --kodak DIR --brackets DIR`.

The network's pictures are made once, from the photograph alone and as the mean with that of the
photograph turned by 180 degrees, and carried to 512 px by grids of several numbers of nodes along
the longer side and of several smoothnesses (1, 1 is the reference implementation's). PSNR dB on the
data of quality.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

import quality
from midtone import Corrector, bilateral_grid
from midtone.corrector import reduce
from midtone.data.pairs import REFERENCE
from midtone.evaluation import benchmark
from midtone.evaluation.metrics import psnr

# (turned as well, nodes, smoothness)
GRIDS = (
    (False, 24, (1.0, 1.0)),
    (False, 24, (100.0, 1.0)),
    (False, 24, (1000.0, 1.0)),
    (False, 12, (1000.0, 1.0)),
    (False, 12, (1000.0, 30.0)),
    (True, 24, (1.0, 1.0)),
    (True, 12, (1000.0, 30.0)),
    (True, 12, (1000.0, 1000.0)),
)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kodak", type=Path, required=True)
    parser.add_argument("--brackets", type=Path, required=True)
    parser.add_argument("--model", default="default")
    parser.add_argument("--every", type=int, default=1, help="take every n-th photograph only")
    options = parser.parse_args()
    corrector = Corrector(options.model)

    with tempfile.TemporaryDirectory() as folder:
        pairs = quality.spoil(options.kodak, Path(folder))
        exposures = len(quality.EVS)  # all exposures of every n-th photograph
        pairs = [p for n, p in enumerate(pairs) if n // exposures % options.every == 0]
        pairs += quality.brackets(options.brackets)[:: options.every]
        loaded = [(pair, *benchmark.load(pair, quality.PROTOCOL)) for pair in pairs]

    found: list[dict[str, list[float]]] = [defaultdict(list) for _ in GRIDS]
    for pair, wrong, references in loaded:
        good = references[REFERENCE]
        group = benchmark.group_of(pair, wrong, good) if pair.ev is None else f"{pair.ev:+.1f} EV"
        before = reduce(wrong, corrector.model.info.size).astype(np.float32) / 255
        after = {turned: corrector.network(before, turned=turned) for turned in (False, True)}
        for (turned, nodes, smoothness), groups in zip(GRIDS, found, strict=True):
            shape = bilateral_grid.grid_shape(*before.shape[:2], nodes)
            grid = bilateral_grid.fit(before, after[turned], shape, smoothness)
            groups[group].append(psnr(bilateral_grid.apply(grid, wrong) / 255, good / 255))
    names = list(found[0])
    print("| turned | nodes | smoothness | " + " | ".join(names) + " |")
    print("|" + "---|" * (len(names) + 3))
    for (turned, nodes, smoothness), groups in zip(GRIDS, found, strict=True):
        cells = " | ".join(f"{np.mean(groups[name]):.2f}" for name in names)
        across, along = smoothness
        print(f"| {'yes' if turned else 'no'} | {nodes} | {across:g}, {along:g} | {cells} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
