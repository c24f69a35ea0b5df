"""Quality of a model on real photographs: the tables of benchmarks/RESULTS.md.

    python benchmarks/quality.py --data DIR --photos DIR [--model NAME|FILE ...] [--pipeline P]
                                 [--quick] [--out FILE.json] [--contact-sheet FILE.jpg]
    python benchmarks/quality.py --photos DIR --gallery FILE.jpg
    python benchmarks/quality.py --before-after FILE.jpg PHOTO ...

--data:   folder of the development sets (development_sets.py); a set that is missing is named
--photos: folder of the photographs listed in held_out.csv (held_out.py)
--quick:  a quarter of both, without SSIM, input and gamma: for choosing between models
--out:    all figures as JSON
--contact-sheet: the good photographs that each model changes most, before and after
--gallery: 48 photographs before and after: the badly exposed ones of the list, then good ones at
          -2, -1, +1, +2 EV in turn, in the order of their names; nothing is measured
--before-after: some photographs before and after, large

First come real pairs, then synthesised errors, then good and difficult photographs without a
reference. Published figures of other methods are in peers.csv.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from development_sets import SETS, examples
from held_out import CHANGED, Change, Correct, Face, HeldOut, WhitePart, by_group, change, read_list
from midtone import Corrector, photo
from midtone.baselines.auto_gamma import auto_gamma
from midtone.data.synthesize import expose
from midtone.evaluation.contact_sheet import Tile, contact_sheet
from midtone.evaluation.images import read_srgb
from midtone.evaluation.metrics import psnr, ssim

EQUAL = 50.0  # dB of a result that equals its reference
GALLERY_EVS = (-2.0, -1.0, 1.0, 2.0)
PEERS = Path(__file__).with_name("peers.csv")
QUICK = 4  # every fourth scene and photograph
BASELINES: dict[str, Correct] = {"input": np.copy, "gamma": auto_gamma}
Figures = dict[str, float]


@dataclass(frozen=True)
class Line:
    """A line of the table.

    unit:    of the figure
    shipped: what version 0.1 reached;  least, aim: goals for the default model
    higher:  whether more is better
    """

    key: str
    unit: str = "dB"
    shipped: str = ""
    least: str = ""
    aim: str = ""
    higher: bool = True


LINES = (
    Line("fivek, as shot", shipped="18.1", least="20.0", aim="22"),
    Line("msec, under", shipped="15.1", least="16.5", aim="18"),
    Line("msec, over", shipped="19.6", least="22", aim="26"),
    Line("msec, 0 EV", shipped="17.5", least="20", aim="26"),
    Line("brackets, under", shipped="23.6", least="22.5", aim="24"),
    Line("brackets, over", shipped="20.6", least="20.0", aim="21"),
    Line("kodak, -1.5 EV"),
    Line("kodak, -1 EV"),
    Line("kodak, +1 EV"),
    Line("kodak, +1.5 EV"),
    Line("kodak, four errors", shipped="26.3", least="24.5", aim="27"),
    Line("kodak, 0 EV", shipped="33", least="30", aim="35"),
    Line("kodak as it is, changed by > 0.5 EV", "%", "50", "", "", False),
    Line("leave alone, changed by > 0.5 EV", "%", "", "5", "2", False),
    Line("leave alone, mean change", "codes", "13", "6", "3", False),
    Line("white, median", "codes", "204 to 225", "245", "250"),
    Line("white, 5 % quantile", "codes", "204 to 225", "235", "245"),
    Line("white, 99.9 % of the picture", "codes"),
    Line("white, rim", "L*", higher=False),
    Line("white, cast", "C*", higher=False),
    Line("on white, median", "codes", "204", "245", "250"),
    Line("on white, 5 % quantile", "codes", "204", "235", "245"),
    Line("on white, rim", "L*", higher=False),
    Line("backlight, dark part", "EV"),
    Line("backlight, bright part", "EV"),
    Line("backlight made, error of the dark part", "EV", higher=False),
    Line("backlight made, change of the bright part", "EV", higher=False),
    Line("skin, largest difference at 0 EV", "EV", "", "0.15", "0.05", False),
    Line("skin, largest difference at +-1.5 EV", "EV", "", "0.25", "0.1", False),
)


def measure_pairs(data: Path, methods: dict[str, Correct], quick: bool) -> dict[str, Figures]:
    """PSNR in dB of each method, means by set and group; also SSIM of models if not ``quick``."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for example in examples(data, QUICK if quick else 1):
        reference = example.reference / 255
        for name, correct in methods.items():
            after = correct(example.image)
            result = after / 255
            score = min(psnr(result, reference), EQUAL)
            keys = [f"{example.set}, {example.group}"]
            if example.set == "kodak" and example.group != "0 EV":
                keys.append("kodak, four errors")
            for key in keys:
                found[name, key].append(score)
                if not quick and name not in BASELINES:
                    found[name, f"{key}, SSIM"].append(ssim(result, reference))
            if keys == ["kodak, 0 EV"]:
                one = Change(example.name, "", *change(example.image, after))
                found[name, "kodak as it is, changed by > 0.5 EV"].append(_changed(one))
    figures: dict[str, Figures] = {name: {} for name in methods}
    for (name, key), values in found.items():
        figures[name][key] = float(np.mean(values))
    return figures


def measure_photographs(held_out: HeldOut) -> tuple[Figures, list[Change], list[Face]]:
    """Figures of the tests without a reference; changes of the good photographs; faces."""
    changes = list(held_out.leave_alone())
    real, made = (
        [part.lift for part in parts] for parts in (held_out.backlight(), held_out.made())
    )
    faces = list(held_out.skin())
    figures = {
        "leave alone, changed by > 0.5 EV": _mean(_changed(one) for one in changes),
        "leave alone, mean change": _mean(one.codes for one in changes),
        **_figures_of_white("white", held_out.white()),
        **_figures_of_white("on white", held_out.on_white()),
        "backlight, dark part": _mean(one.dark for one in real),
        "backlight, bright part": _mean(one.bright for one in real),
        "backlight made, error of the dark part": _mean(abs(one.dark) for one in made),
        "backlight made, change of the bright part": _mean(abs(one.bright) for one in made),
    }
    if faces:
        spread = np.ptp(list(by_group(faces).values()), axis=0)
        figures["skin, largest difference at 0 EV"] = float(spread[0])
        figures["skin, largest difference at +-1.5 EV"] = float(spread[1:].max())
    return figures, changes, faces


def _figures_of_white(name: str, parts: Iterable[WhitePart]) -> Figures:
    whites = [part.white for part in parts]
    return {
        f"{name}, median": _mean(one.median for one in whites),
        f"{name}, 5 % quantile": _mean(one.low for one in whites),
        f"{name}, 99.9 % of the picture": _mean(one.top for one in whites),
        f"{name}, rim": _mean(one.rim for one in whites if one.rim is not None),
        f"{name}, cast": _mean(one.cast for one in whites),
    }


def table(figures: dict[str, Figures]) -> str:
    """Markdown: a row for each line, a column for each method, the best peer, the goals."""
    peers = best_peers()
    head = ["", *figures, "best peer", "shipped", "at least", "aim"]
    rows = [
        [
            f"{line.key}, {line.unit}",
            *(_cell(some, line) for some in figures.values()),
            peers.get(line.key, ""),
            line.shipped,
            line.least,
            line.aim,
        ]
        for line in LINES
        if any(line.key in some for some in figures.values())
    ]
    return _markdown([head, *rows])


def table_of_kinds(changes: Sequence[Change]) -> str:
    """Markdown: change of good photographs by their kind."""
    rows = [["good photographs", "n", "changed by > 0.5 EV, %", "mean EV", "mean change, codes"]]
    for kind in sorted({one.group for one in changes}):
        some = [one for one in changes if one.group == kind]
        changed, ev, codes = (
            _mean(values)
            for values in (map(_changed, some), (c.ev for c in some), (c.codes for c in some))
        )
        rows.append([kind, str(len(some)), f"{changed:.0f}", f"{ev:+.2f}", f"{codes:.1f}"])
    return _markdown(rows)


def table_of_skin(faces: Sequence[Face]) -> str:
    """Markdown: error of skin in EV by group, with its standard error."""
    rows = [["skin", "faces", "lift at 0 EV", "error at -1.5 EV", "error at +1.5 EV"]]
    for group, means in by_group(faces).items():
        some = np.array([face.errors for face in faces if face.group == group])
        sure = some.std(0, ddof=1) / len(some) ** 0.5 if len(some) > 1 else np.zeros(3)
        cells = [f"{mean:+.2f} +- {error:.2f}" for mean, error in zip(means, sure, strict=True)]
        rows.append([group, str(len(some)), *cells])
    return _markdown(rows)


def best_peers() -> dict[str, str]:
    """The best published PSNR for each set and group: "22.3 PSENet"."""
    found: dict[str, list[tuple[float, str]]] = defaultdict(list)
    errors: dict[str, list[float]] = defaultdict(list)
    with PEERS.open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            found[f"{row['set']}, {row['group']}"].append((float(row["psnr"]), row["method"]))
            if row["set"] == "kodak" and row["group"] != "0 EV":
                errors[row["method"]].append(float(row["psnr"]))
    found["kodak, four errors"] = [(float(np.mean(some)), name) for name, some in errors.items()]
    return {key: "{:.1f} {}".format(*max(some)) for key, some in found.items()}


def sheet_of_changes(held_out: HeldOut, changes: Sequence[Change], count: int) -> np.ndarray:
    """The good photographs that change most in EV, before and after: H x W x 3 uint8."""
    worst = sorted(changes, key=lambda one: -abs(one.ev))[:count]
    rows = [
        [
            Tile(one.group, "as it is", held_out.image(one.file)),
            Tile(one.file[:36], f"{one.ev:+.2f} EV", held_out.result(one.file)),
        ]
        for one in worst
    ]
    return contact_sheet([[*a, *b] for a, b in zip(rows[::2], rows[1::2], strict=False)], side=256)


def gallery(held_out: HeldOut, count: int = 48) -> np.ndarray:
    """Photographs that were really badly exposed, then synthesised errors: H x W x 3 uint8."""
    real = sorted(entry.file for entry in held_out.entries if entry.test == "badly_exposed")
    pairs = [(held_out.image(file), held_out.result(file)) for file in real[:count]]
    good = sorted(entry.file for entry in held_out.entries if entry.test == "leave_alone")
    left = count - len(pairs)
    for number, file in enumerate(good[:: max(1, len(good) // max(1, left))][:left]):
        exposed = expose(held_out.image(file), GALLERY_EVS[number % len(GALLERY_EVS)])
        pairs.append((exposed, held_out.correct(exposed)))
    tiles = [Tile("", "", picture) for pair in pairs for picture in pair]
    return contact_sheet([tiles[k : k + 8] for k in range(0, len(tiles), 8)], side=168)


def before_after(paths: Sequence[Path], correct: Correct) -> np.ndarray:
    """A row for each photograph, before and after: H x W x 3 uint8."""
    images = [read_srgb(path) for path in paths]
    rows = [[Tile("", "", image), Tile("", "", correct(image))] for image in images]
    return contact_sheet(rows, side=560)


def main() -> int:
    """Measure, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--model", action="append", metavar="NAME|FILE", help="default: default")
    parser.add_argument("--pipeline", default="default", help="default, paper or a .toml file")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--contact-sheet", type=Path)
    parser.add_argument("--gallery", type=Path)
    parser.add_argument("--before-after", type=Path)
    parser.add_argument("pictures", nargs="*", type=Path, metavar="PHOTO")
    options = parser.parse_args()
    started = time.perf_counter()
    methods: dict[str, Correct] = {
        Path(model).stem: Corrector(model, threads=options.threads, pipeline=options.pipeline)
        for model in options.model or ["default"]
    }
    models = list(methods)
    every = QUICK if options.quick else 1
    if options.before_after:
        _draw(before_after(options.pictures, methods[models[0]]), options.before_after)
        return 0
    if options.gallery:
        _draw(gallery(HeldOut(options.photos, read_list(), methods[models[0]])), options.gallery)
        return 0
    if not options.quick:
        methods |= BASELINES
    figures: dict[str, Figures] = {name: {} for name in methods}
    if options.data:
        for name in SETS:
            if not (options.data / name).is_dir():
                print(f"{options.data / name}: is missing, not measured", file=sys.stderr)
        figures = measure_pairs(options.data, methods, options.quick)
    details: dict[str, tuple[list[Change], list[Face]]] = {}
    if options.photos:
        for name, correct in methods.items():
            held_out = HeldOut(options.photos, read_list(), correct, every)
            found, changes, faces = measure_photographs(held_out)
            figures[name] |= found
            if name in models:
                details[name] = changes, faces
                if options.contact_sheet:
                    drawn = sheet_of_changes(held_out, changes, 16)
                    path = options.contact_sheet.with_stem(f"{options.contact_sheet.stem}-{name}")
                    _draw(drawn, path)
    print(table(figures))
    for name, (changes, faces) in details.items():
        print(f"\n{name}\n\n{table_of_kinds(changes)}\n\n{table_of_skin(faces)}")
    seconds = time.perf_counter() - started
    print(f"\n{seconds:.0f} s, {'a quarter of the data' if options.quick else 'all data'}")
    if options.out:
        text = {
            "figures": figures,
            "changes": {name: [asdict(c) for c in some] for name, (some, _) in details.items()},
            "faces": {name: [asdict(f) for f in some] for name, (_, some) in details.items()},
        }
        options.out.write_text(json.dumps(text, indent=1) + "\n", "utf-8")
    return 0


def _draw(picture: np.ndarray, path: Path) -> None:
    photo.write(photo.from_array(picture), path, quality=85, overwrite=True)


def _changed(change: Change) -> float:
    return 100.0 * (abs(change.ev) > CHANGED)


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values) or [np.nan]))


def _cell(figures: Figures, line: Line) -> str:
    value = figures.get(line.key, np.nan)
    if np.isnan(value):
        return ""
    digits = 2 if line.unit in ("dB", "EV", "L*", "C*") else 1
    text = f"{value:+.2f}" if line.key.startswith("backlight, ") else f"{value:.{digits}f}"
    similarity = figures.get(f"{line.key}, SSIM")
    if similarity is not None:
        text += f" / {similarity:.3f}"
    if line.least:
        reached = value >= float(line.least) if line.higher else value <= float(line.least)
        text += "" if reached else " !"
    return text


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|---" * len(rows[0]) + "|", *body])


if __name__ == "__main__":
    sys.exit(main())
