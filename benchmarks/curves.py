"""Curves of training runs: `python benchmarks/curves.py runs/third.log.jsonl -o docs/training.png`.

A row for each log: mean loss since the last line, and PSNR (dB) of held-out photographs by EV.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt


def main() -> int:
    """Draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("logs", nargs="+", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    figure, rows = plt.subplots(
        len(options.logs), 2, figsize=(9, 3 * len(options.logs)), squeeze=False
    )
    for path, (left, right) in zip(options.logs, rows, strict=True):
        records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        steps = [record["step"] for record in records]
        left.plot(steps, [record["loss"] for record in records], color="black", linewidth=1)
        left.set(title=path.name.removesuffix(".log.jsonl"), xlabel="step", ylabel="loss")
        for name in sorted(records[0]["psnr"], key=lambda ev: (ev == "mean", ev)):
            values = [record["psnr"][name] for record in records]
            mean = name == "mean"
            right.plot(
                steps,
                values,
                label=name if mean else f"{name} EV",
                linewidth=2 if mean else 0.8,
                color="black" if mean else None,
            )
        right.set(xlabel="step", ylabel="PSNR, dB")
        right.legend(fontsize=7, ncols=2)
    figure.tight_layout()
    figure.savefig(options.out, dpi=100)
    return 0


if __name__ == "__main__":
    sys.exit(main())
