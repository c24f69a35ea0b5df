"""Methods x pairs -> one row for each result, kept in a folder.

    results.csv    the rows
    settings.json  the protocol, and what each method's results depend on
    pictures/      each input, reference and result, reduced to 256 px, for contact sheets

Existing rows are not measured again: an interrupted run continues, and further methods join a
finished one. All but the milliseconds is the same for any order, number of workers or interruption.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from midtone.atomic import replacing
from midtone.batch import parallel
from midtone.data.pairs import Pair
from midtone.data.photographs import size_of
from midtone.errors import Error, ModelError, PhotoError, UsageError
from midtone.evaluation.contact_sheet import shrink
from midtone.evaluation.images import read_srgb
from midtone.evaluation.ma import MaModel, ma
from midtone.evaluation.methods import Method
from midtone.evaluation.metrics import SSIM, WINDOW, psnr
from midtone.evaluation.niqe import niqe

ROWS, SETTINGS, PICTURES = "results.csv", "settings.json", "pictures"
EQUAL = 50.0  # dB, for a result that equals its reference: a mean must stay finite
THUMBNAIL = 256  # px
INPUT, REFERENCE = "@input", "@reference"  # folders below pictures/ beside those of the methods


@dataclass(frozen=True)
class Protocol:
    """How results are measured.

    experts:      whose renderings are the references
    longest_side: results and references are reduced to it; None keeps their size
    ssim:         definition, a key of ``metrics.SSIM``
    ma_model:     file of the Ma score's forests; without it there is no perceptual index
    """

    experts: tuple[str, ...]
    longest_side: int | None = 512
    ssim: str = "channels"
    ma_model: str = ""

    @property
    def columns(self) -> list[str]:
        """Header of the CSV file."""
        scores = [f"{score}_{expert}" for expert in self.experts for score in ("psnr", "ssim")]
        return ["method", "image", "scene", "ev", "group", *scores, "niqe", "ma", "milliseconds"]


@dataclass(frozen=True)
class Score:
    """PSNR in dB and SSIM against one reference."""

    psnr: float
    ssim: float


@dataclass(frozen=True)
class Row:
    """The measures of one result.

    ev:     exposure error by the file's name, or None
    group:  "over" or "under"
    scores: by expert
    niqe, ma: None where not available
    """

    method: str
    image: str
    scene: str
    ev: float | None
    group: str
    scores: Mapping[str, Score]
    niqe: float | None
    ma: float | None
    milliseconds: float

    @property
    def mean(self) -> Score:
        """Mean over the experts."""
        scores = self.scores.values()
        return Score(
            float(np.mean([score.psnr for score in scores])),
            float(np.mean([score.ssim for score in scores])),
        )

    def to_csv(self) -> dict[str, str]:
        """Cells by column, with more digits than are sure."""
        cells = {"method": self.method, "image": self.image, "scene": self.scene}
        cells |= {"ev": "" if self.ev is None else f"{self.ev:g}", "group": self.group}
        for expert, score in self.scores.items():
            cells[f"psnr_{expert}"] = f"{score.psnr:.6f}"
            cells[f"ssim_{expert}"] = f"{score.ssim:.6f}"
        for name, value in (("niqe", self.niqe), ("ma", self.ma)):
            cells[name] = "" if value is None else f"{value:.6f}"
        return cells | {"milliseconds": f"{self.milliseconds:.1f}"}

    @classmethod
    def from_csv(cls, cells: Mapping[str, str], experts: Iterable[str]) -> Row:
        """The inverse of ``to_csv``. Raises KeyError or ValueError for anything else."""
        scores = {e: Score(float(cells[f"psnr_{e}"]), float(cells[f"ssim_{e}"])) for e in experts}
        ev, niqe_score, ma_score = (
            float(cells[name]) if cells[name] else None for name in ("ev", "niqe", "ma")
        )
        return cls(
            cells["method"],
            cells["image"],
            cells["scene"],
            ev,
            cells["group"],
            scores,
            niqe_score,
            ma_score,
            float(cells["milliseconds"]),
        )


@dataclass(frozen=True)
class Results:
    """What a run found.

    methods:  names of the requested methods, in their order
    rows:     of the requested methods, method after method, by image
    problems: a sentence for each result that could not be measured
    missing:  a sentence for each method that cannot be run, by its name
    weights:  "ours" or "authors'" for each method that has weights of its own, by its name
    """

    methods: tuple[str, ...]
    rows: tuple[Row, ...]
    problems: tuple[str, ...]
    missing: Mapping[str, str]
    weights: Mapping[str, str]


def run(
    pairs: Sequence[Pair],
    methods: Sequence[Method],
    protocol: Protocol,
    out: Path,
    *,
    workers: int = 1,
    backend: str = "processes",
    progress: Callable[[Pair], object] | None = None,
) -> Results:
    """Measure all methods on all pairs.

    ``out`` receives the files above. Raises UsageError if it holds results of another protocol,
    ModelError for a midtone model that cannot be loaded.
    """
    names = tuple(method.name for method in methods)
    identities, missing = _identities(methods)
    methods = [method for method in methods if method.name in identities]
    out.mkdir(parents=True, exist_ok=True)
    table = out / ROWS
    before = _settings_of(out, protocol)
    still_valid = {name for name, what in before.items() if identities.get(name, what) == what}
    rows = {(r.method, r.image): r for r in _read(table, protocol) if r.method in still_valid}
    _write(table, protocol, rows.values())
    kept = {name: before[name] for name in still_valid} | identities
    settings = {"protocol": asdict(protocol), "methods": kept}
    (out / SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", "utf-8")
    items = []
    for pair in pairs:
        left = tuple(m for m in methods if (m.name, name_of(pair)) not in rows)
        if left:
            items.append((pair, left))
    problems: list[str] = []
    work = partial(measure, protocol, out / PICTURES)
    if workers == 1:
        backend = "threads"  # one worker needs no process of its own
    flow = parallel.run(work, items, workers=workers, backend=backend)
    with table.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, protocol.columns)
        for outcome in flow:
            if isinstance(outcome, parallel.Failed):
                problems.append(outcome.reason)
            else:
                found, failed = outcome.value
                problems += failed
                writer.writerows(row.to_csv() for row in found)
                stream.flush()
                rows |= {(row.method, row.image): row for row in found}
            if progress:
                progress(outcome.item[0])
    wanted = {name_of(pair) for pair in pairs}
    order = {method.name: number for number, method in enumerate(methods)}
    requested = [row for row in rows.values() if row.method in order and row.image in wanted]
    requested.sort(key=lambda row: (order[row.method], row.image))
    others = [row for key, row in sorted(rows.items()) if row not in requested]
    _write(table, protocol, [*requested, *others])
    weights = {
        method.name: identities[method.name].partition(",")[0]
        for method in methods
        if method.has_weights
    }
    return Results(names, tuple(requested), tuple(sorted(problems)), missing, weights)


def measure(
    protocol: Protocol, pictures: Path, item: tuple[Pair, tuple[Method, ...]]
) -> tuple[list[Row], list[str]]:
    """Rows of some methods for one pair, and a sentence for each method that failed.

    pictures: folder that receives the reduced pictures
    Raises PhotoError for a pair that cannot be read.
    """
    pair, methods = item
    image, references = load(pair, protocol)
    reference = next(iter(references.values()))
    name = name_of(pair)
    _keep(pictures / INPUT, name, image)
    _keep(pictures / REFERENCE, name, reference)
    group = group_of(pair, image, reference)
    rows, problems = [], []
    for method in methods:
        started = time.perf_counter()
        try:
            result = method(pair.input, image, protocol.longest_side)
        except Error as error:
            problems.append(f"{error}; {method.name} is left out for this image")
            continue
        milliseconds = 1000 * (time.perf_counter() - started)
        _keep(pictures / method.name, name, result)
        scores, niqe_score, ma_score = score(result, references, protocol)
        where = (method.name, name, pair.scene, pair.ev, group)
        rows.append(Row(*where, scores, niqe_score, ma_score, milliseconds))
    return rows, problems


def score(
    result: np.ndarray, references: Mapping[str, np.ndarray], protocol: Protocol
) -> tuple[dict[str, Score], float | None, float | None]:
    """Scores against each reference, NIQE and Ma of a result, H x W x 3 uint8."""
    light = result / 255
    scores = {
        expert: Score(
            min(psnr(light, reference / 255), EQUAL), SSIM[protocol.ssim](light, reference / 255)
        )
        for expert, reference in references.items()
    }
    try:
        natural = niqe(result)
    except ValueError:  # too small for it
        natural = None
    model = MaModel.load(protocol.ma_model) if protocol.ma_model else None
    return scores, natural, ma(result, model) if model else None


def load(pair: Pair, protocol: Protocol) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A pair's input and its references by expert, at the size of the protocol.

    H x W x 3 uint8 sRGB each. Raises PhotoError for unreadable files, sizes that differ, and
    images that are smaller than SSIM's window.
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
        references[expert] = read_srgb(path, protocol.longest_side)
    image = read_srgb(pair.input, protocol.longest_side)
    height, width = image.shape[:2]
    if min(height, width) < WINDOW:
        raise PhotoError(
            f"{pair.input}: is measured at {width} x {height}; SSIM needs {WINDOW} pixels a side"
        )
    return image, references


def group_of(pair: Pair, image: np.ndarray, reference: np.ndarray) -> str:
    """ "over" (the paper's 0, +1, +1.5 EV) or "under" (-1, -1.5).

    By the EV of the name; without one, "under" if the image is darker on the whole.
    """
    under = pair.ev < 0 if pair.ev is not None else image.mean() < reference.mean()
    return "under" if under else "over"


def name_of(pair: Pair) -> str:
    """The name of a pair's rows."""
    return f"{pair.split}/{pair.input.name}" if pair.split else pair.input.name


def picture_of(out: Path, method: str, image: str) -> np.ndarray | None:
    """The reduced picture of a row, of ``INPUT`` or of ``REFERENCE``; None if there is none."""
    path = _picture_path(out / PICTURES / method, image)
    return read_srgb(path) if path.exists() else None


def _keep(folder: Path, image: str, picture: np.ndarray) -> None:
    path = _picture_path(folder, image)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        Image.fromarray(shrink(picture, THUMBNAIL)).save(temporary, "JPEG", quality=90)


def _picture_path(folder: Path, image: str) -> Path:
    return folder / f"{image}.jpg"


def _identities(methods: Sequence[Method]) -> tuple[dict[str, str], dict[str, str]]:
    """What results depend on, of methods that can be run; a sentence for each that cannot."""
    identities, missing = {}, {}
    for method in methods:
        try:
            identities[method.name] = method.identity()
        except ModelError as error:
            if method.model:
                raise
            missing[method.name] = str(error).removeprefix(f"{method.name}: ")
    return identities, missing


def _settings_of(out: Path, protocol: Protocol) -> dict[str, str]:
    """Identities of the methods that were measured in ``out``, by the same protocol."""
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
    return identities


def _read(path: Path, protocol: Protocol) -> list[Row]:
    """Whole rows of a file; the last one may be cut short by a kill."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        lines = [line for line in stream if line.endswith("\n")]
    cells = [row for row in csv.DictReader(lines) if None not in row.values()]
    return [Row.from_csv(row, protocol.experts) for row in cells]


def _write(path: Path, protocol: Protocol, rows: Iterable[Row]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, protocol.columns)
        writer.writeheader()
        writer.writerows(row.to_csv() for row in rows)
