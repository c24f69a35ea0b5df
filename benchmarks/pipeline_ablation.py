"""What each step and parameter of the pipeline is worth: the table of docs/pipeline.md.

    python benchmarks/pipeline_ablation.py --data DIR [--model NAME|FILE] [--quick]

--data: folder of the development sets (development_sets.py). Each row changes one setting of the
model's own pipeline; PSNR in dB.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from midtone import Corrector, PipelineConfig, postprocess
from midtone.bilateral_grid import GridConfig
from midtone.pipeline import choose_pipeline
from quality import measure_pairs

# Row of ``quality.measure_pairs`` -> column head: under, over, 0 EV, four synthesised errors.
COLUMNS = {
    "fivek, as shot": "FiveK",
    "msec, under": "MSEC u",
    "msec, over": "MSEC o",
    "msec, 0 EV": "MSEC 0",
    "brackets, under": "brackets u",
    "brackets, over": "brackets o",
    "kodak, four errors": "Kodak 4",
    "kodak, 0 EV": "Kodak 0",
}
GRIDS = {
    "the paper's grid": GridConfig(),
    "4 nodes": GridConfig(4, 8, 1000.0, 30.0),
    "16 nodes": GridConfig(16, 8, 1000.0, 30.0),
    "lambda_s = 100": GridConfig(8, 8, 100.0, 30.0),
    "lambda_s = 10": GridConfig(8, 8, 10.0, 30.0),
    "lambda_z = 1": GridConfig(8, 8, 1000.0, 1.0),
    "depth 16": GridConfig(8, 16, 1000.0, 30.0),
}


def variants(own: PipelineConfig) -> Iterator[tuple[str, PipelineConfig]]:
    """Name and configuration: the model's own, the paper's, and each setting changed alone."""
    yield "own", own
    yield "paper", choose_pipeline(own, "paper")
    yield "no steps", replace(own, postprocess=())
    for step in own.postprocess:
        name = postprocess.to_dict(step)["step"]
        yield (
            f"no {name}",
            replace(own, postprocess=tuple(s for s in own.postprocess if s is not step)),
        )
    yield (
        f"rotate_tta = {str(not own.rotate_tta).lower()}",
        replace(own, rotate_tta=not own.rotate_tta),
    )
    padding = "edge" if own.padding == "symmetric" else "symmetric"
    yield f"padding = {padding}", replace(own, padding=padding)
    for name, grid in GRIDS.items():
        yield name, replace(own, grid=grid)


def main() -> None:
    """Measure all variants and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="default")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    own = Corrector(options.model).config
    print(
        "| pipeline | " + " | ".join(COLUMNS.values()) + " |\n" + "|---" * (len(COLUMNS) + 1) + "|"
    )
    for name, config in variants(own):
        corrector = Corrector(options.model, pipeline=config, threads=1)
        found = measure_pairs(options.data, {name: corrector}, options.quick)[name]
        cells = [f"{found[column]:.2f}" for column in COLUMNS]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
