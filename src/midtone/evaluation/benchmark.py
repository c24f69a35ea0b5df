"""Methods x pairs -> measures, one row for each corrected image, kept in a CSV file.

The file is the memory of a benchmark: rows that are there are not computed again, so an interrupted
run goes on where it was, and further methods join a finished one. Rows are sorted at the end; all
but the milliseconds is the same for any order, number of workers or interruption.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from midtone.atomic import replacing
from midtone.batch import parallel
from midtone.data.pairs import Pair
from midtone.data.photographs import decode, size_of
from midtone.errors import Error, PhotoError, UsageError
from midtone.evaluation.ma import MaModel, ma
from midtone.evaluation.methods import Method
from midtone.evaluation.metrics import SSIM, psnr
from midtone.evaluation.niqe import niqe

ROWS, SETTINGS = "results.csv", "settings.json"
EQUAL = 50.0  # dB, for a result that equals its reference: a mean must stay finite


@dataclass(frozen=True)
class Protocol:
    """How results are measured.

    experts:      whose renderings are the references
    longest_side: input and references are reduced to it before anything else; None keeps their size
    ssim:         definition, a key of ``metrics.SSIM``
    ma_model:     file of the Ma metric's forests, without which there is no perceptual index
    """

    experts: tuple[str, ...]
    longest_side: int | None = 512
    ssim: str = "channels"
    ma_model: str = ""

    @property
    def columns(self) -> list[str]:
        """Header of the rows."""
        scores = [f"{score}_{expert}" for expert in self.experts for score in ("psnr", "ssim")]
        return ["method", "image", "scene", "ev", "group", *scores, "niqe", "ma", "milliseconds"]


Row = dict[str, str]


def run(
    pairs: Sequence[Pair],
    methods: Sequence[Method],
    protocol: Protocol,
    out: Path,
    *,
    workers: int = 1,
    backend: str = "processes",
    progress: Callable[[Pair], object] | None = None,
) -> tuple[list[Row], list[str]]:
    """Measure all methods on all pairs; returns the rows, and a sentence for each that failed.

    ``out`` receives results.csv and settings.json. Raises UsageError if it holds results that were
    measured otherwise.
    """
    out.mkdir(parents=True, exist_ok=True)
    kept = _settle(out, methods, protocol)
    table = out / ROWS
    there = {(row["method"], row["image"]): row for row in _read(table, protocol)}
    rows = {key: row for key, row in there.items() if kept.get(key[0])}
    _write(table, protocol, rows.values())
    (out / SETTINGS).write_text(json.dumps(_settings(methods, protocol, kept), indent=1) + "\n")
    items = []
    for pair in pairs:
        missing = tuple(m for m in methods if (m.name, name_of(pair)) not in rows)
        if missing:
            items.append((pair, missing))
    problems: list[str] = []
    if workers == 1:
        backend = "threads"  # one worker needs no process of its own
    flow = parallel.run(partial(measure, protocol), items, workers=workers, backend=backend)
    with table.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, protocol.columns)
        for outcome in flow:
            if isinstance(outcome, parallel.Failed):
                problems.append(outcome.reason)
            else:
                found, failed = outcome.value
                problems += failed
                writer.writerows(found)
                stream.flush()
                rows |= {(row["method"], row["image"]): row for row in found}
            if progress:
                progress(outcome.item[0])
    wanted = {name_of(pair) for pair in pairs}
    order = {method.name: number for number, method in enumerate(methods)}
    chosen = sorted(
        (row for row in rows.values() if row["method"] in order and row["image"] in wanted),
        key=lambda row: (order[row["method"]], row["image"]),
    )
    others = [row for row in rows.values() if row not in chosen]
    _write(table, protocol, [*chosen, *sorted(others, key=lambda r: (r["method"], r["image"]))])
    return chosen, sorted(problems)


def measure(
    protocol: Protocol, item: tuple[Pair, tuple[Method, ...]]
) -> tuple[list[Row], list[str]]:
    """Rows of some methods for one pair, and a sentence for each method that failed.

    Raises PhotoError for a pair that cannot be read.
    """
    pair, methods = item
    image, references = load(pair, protocol)
    group = group_of(pair, image, next(iter(references.values())))
    rows, problems = [], []
    for method in methods:
        started = time.perf_counter()
        try:
            result = method(image, pair.input, protocol.longest_side)
        except Error as error:
            problems.append(f"{error}; {method.name} is left out for this image")
            continue
        row = {
            "method": method.name,
            "image": name_of(pair),
            "scene": pair.scene,
            "ev": "" if pair.ev is None else f"{pair.ev:g}",
            "group": group,
            "milliseconds": f"{1000 * (time.perf_counter() - started):.1f}",
        }
        rows.append(row | scores(result, references, protocol))
    return rows, problems


def scores(
    result: np.ndarray, references: dict[str, np.ndarray], protocol: Protocol
) -> dict[str, str]:
    """All measures of one result, as text with more digits than are sure."""
    values: dict[str, float | None] = {}
    light = result / 255
    for expert, reference in references.items():
        values[f"psnr_{expert}"] = min(psnr(light, reference / 255), EQUAL)
        values[f"ssim_{expert}"] = SSIM[protocol.ssim](light, reference / 255)
    try:
        values["niqe"] = niqe(result)
    except ValueError:  # too small for it
        values["niqe"] = None
    model = MaModel.load(protocol.ma_model) if protocol.ma_model else None
    values["ma"] = ma(result, model) if model else None
    return {name: "" if value is None else f"{value:.6f}" for name, value in values.items()}


def load(pair: Pair, protocol: Protocol) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A pair's input and its references by expert, at the size of the protocol.

    Raises PhotoError for unreadable files, and sizes that differ.
    """
    wanted = size_of(pair.input)
    references = {}
    for expert in protocol.experts:
        path = pair.references.get(expert)
        if path is None:
            raise PhotoError(f"{pair.input}: has no reference by expert {expert}")
        size = size_of(path)
        if size != wanted:
            raise PhotoError(
                f"{pair.input}: is {wanted[1]} x {wanted[0]}, its reference {path} "
                f"{size[1]} x {size[0]}; a pair needs one size"
            )
        references[expert] = decode(path, protocol.longest_side)
    return decode(pair.input, protocol.longest_side), references


def group_of(pair: Pair, image: np.ndarray, reference: np.ndarray) -> str:
    """ "over" (the paper's 0, +1, +1.5 EV) or "under" (-1, -1.5).

    By the name's EV; without one, by which of the two is the darker on the whole.
    """
    under = pair.ev < 0 if pair.ev is not None else image.mean() < reference.mean()
    return "under" if under else "over"


def name_of(pair: Pair) -> str:
    """What a pair's rows are called."""
    return f"{pair.split}/{pair.input.name}" if pair.split else pair.input.name


def _settings(
    methods: Sequence[Method], protocol: Protocol, kept: dict[str, bool]
) -> dict[str, object]:
    identities = dict.fromkeys(kept, "") | {m.name: m.identity for m in methods}
    return {"protocol": asdict(protocol), "methods": identities}


def _settle(out: Path, methods: Sequence[Method], protocol: Protocol) -> dict[str, bool]:
    """Which methods' rows in ``out`` still hold: a method that has changed is measured again."""
    path = out / SETTINGS
    if not path.exists():
        return {}
    try:
        before = json.loads(path.read_text("utf-8"))
        same = before["protocol"] == json.loads(json.dumps(asdict(protocol)))
        identities = dict(before["methods"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: cannot be read; choose another folder") from error
    if not same:
        raise UsageError(f"{out}: holds results measured otherwise; choose another folder")
    now = {method.name: method.identity for method in methods}
    return {name: now.get(name, identity) == identity for name, identity in identities.items()}


def _read(path: Path, protocol: Protocol) -> list[Row]:
    """Whole rows of a file; the last one may be cut short by a kill."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        lines = [line for line in stream if line.endswith("\n")]
    return [row for row in csv.DictReader(lines) if None not in row.values()]


def _write(path: Path, protocol: Protocol, rows: Iterable[Row]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, protocol.columns)
        writer.writeheader()
        writer.writerows(rows)
