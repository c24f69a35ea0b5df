"""Quality of the default model beside classical methods: the tables of benchmarks/RESULTS.md.

    python benchmarks/quality.py --kodak DIR --brackets DIR [--methods midtone,HE] [--out DIR]

--kodak:    folder of good photographs (PNG); errors are synthesised by the measured curves
--brackets: folder with pairs.csv (input, reference, kind), input/ and reference/
--out:      keeps rows, tables, sheets and reports, and lets an interrupted run go on

Everything is measured at 512 px on the long side: photographs are reduced first, then spoiled.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from midtone import photo
from midtone.data.pairs import REFERENCE, Pair, format_ev
from midtone.data.photographs import decode
from midtone.data.synthesize import expose
from midtone.evaluation import benchmark, methods, report, tables

EVS = (-1.5, -1.0, 0.0, 1.0, 1.5)
PROTOCOL = benchmark.Protocol((REFERENCE,), 512)
ALL = "midtone,input,HE,CLAHE,WVM,LIME,HQEC,DUAL,gamma,fusion"


def spoil(folder: Path, out: Path) -> list[Pair]:
    """Write good photographs, reduced, and what they are at each EV, as pairs."""
    pairs = []
    for place in ("input", REFERENCE):
        (out / place).mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*.png")):
        good = decode(path, PROTOCOL.longest_side)
        reference = out / REFERENCE / path.name
        Image.fromarray(good).save(reference)
        for ev in EVS:
            wrong = out / "input" / f"{path.stem}_{format_ev(ev)}.png"
            Image.fromarray(expose(good, ev)).save(wrong)
            pairs.append(Pair(wrong, {REFERENCE: reference}, path.stem, ev))
    return pairs


def brackets(folder: Path) -> list[Pair]:
    """Pairs of a folder with pairs.csv."""
    with (folder / "pairs.csv").open(encoding="utf-8") as table:
        return [
            Pair(
                folder / "input" / row["input"],
                {REFERENCE: folder / REFERENCE / row["reference"]},
                Path(row["reference"]).stem,
            )
            for row in csv.DictReader(table)
        ]


def by_group(
    rows: Sequence[benchmark.Row], columns: Sequence[str]
) -> dict[str, dict[str, dict[str, float]]]:
    """Means by method and by EV, or by under and over where the EV is not known."""
    found: dict[str, dict[str, list[benchmark.Row]]] = {}
    for row in rows:
        group = f"{float(row['ev']):+.1f} EV" if row["ev"] else row["group"]
        found.setdefault(row["method"], {}).setdefault(group, []).append(row)
    return {
        method: {
            group: {c: float(np.mean([float(row[c]) for row in some])) for c in columns}
            for group, some in sorted(groups.items(), key=lambda one: _place(one[0]))
        }
        for method, groups in found.items()
    }


def table(rows: Sequence[benchmark.Row]) -> str:
    """Markdown: PSNR / SSIM by group, then means over the groups that are wrong (0 EV is not)."""
    found = by_group(rows, [f"psnr_{REFERENCE}", f"ssim_{REFERENCE}", "niqe", "milliseconds"])
    groups = list(next(iter(found.values())))
    wrong = [group for group in groups if group != "+0.0 EV"]
    lines = [f"| method | {' | '.join(groups)} | mean but 0 EV | NIQE | ms |"]
    lines.append("|---" * (len(groups) + 4) + "|")
    for method, means in found.items():
        values = np.array([list(means[group].values()) for group in wrong]).mean(0)
        cells = ["{:.2f} / {:.3f}".format(*list(means[group].values())[:2]) for group in groups]
        cells += [f"{values[0]:.2f} / {values[1]:.3f}", f"{values[2]:.2f}", f"{values[3]:.0f}"]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    """Measure, print the tables, draw the sheets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kodak", type=Path)
    parser.add_argument("--brackets", type=Path)
    parser.add_argument("--methods", default=ALL)
    parser.add_argument("--method", action="append", default=[], metavar="NAME=WHAT")
    parser.add_argument("--model", default="default")
    parser.add_argument("--out", type=Path, default=Path("build/quality"))
    options = parser.parse_args()
    chosen = methods.parse(options.methods, options.method, options.model)
    sets = {}
    if options.kodak:
        sets["Kodak"] = spoil(options.kodak, options.out / "Kodak")
    if options.brackets:
        sets["Brackets"] = brackets(options.brackets)
    failed = False
    for title, pairs in sets.items():
        out = options.out / title
        with tqdm(total=len(pairs), unit="image", disable=None) as bar:
            rows, problems = benchmark.run(
                pairs, chosen, PROTOCOL, out, progress=lambda _, bar=bar: bar.update()
            )
        print(f"\n### {title}, PSNR dB / SSIM\n\n{table(rows)}", flush=True)
        for problem in problems:
            print(problem, file=sys.stderr)
        failed |= bool(problems)
        names = report.choose(rows, PROTOCOL, chosen[0].name, 4)
        named = {benchmark.name_of(pair): pair for pair in pairs}
        cases = report.cases(named, names, chosen, rows, PROTOCOL, 256)
        photo.write(
            photo.from_array(report.draw(cases)), out / "sheet.jpg", quality=88, overwrite=True
        )
        text = tables.as_text(tables.summarise(rows, PROTOCOL), PROTOCOL)
        (out / "report.html").write_text(report.report(cases, text, title), "utf-8")
    return 1 if failed else 0


def _place(group: str) -> float:
    """Dark before bright."""
    kinds = {"under": -1.0, "over": 1.0}
    return kinds[group] if group in kinds else float(group.split()[0])


if __name__ == "__main__":
    sys.exit(main())
