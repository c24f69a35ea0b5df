"""Methods x pairs -> one row for each result, kept in a folder (``results_folder``).

Existing rows are not measured again: an interrupted run continues, and further methods join a
finished one. All but the milliseconds is the same for any order, number of workers or interruption.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from midtone.batch import parallel
from midtone.data.pairs import Pair
from midtone.data.photographs import size_of
from midtone.errors import Error, ModelError, PhotoError
from midtone.evaluation.images import read_srgb
from midtone.evaluation.ma import MaModel, ma
from midtone.evaluation.methods import Method
from midtone.evaluation.metrics import SSIM, WINDOW, psnr
from midtone.evaluation.niqe import niqe
from midtone.evaluation.results import Protocol, Results, Row, Score
from midtone.evaluation.results_folder import INPUT, REFERENCE, ResultsFolder

EQUAL = 50.0  # dB, for a result that equals its reference: a mean must stay finite


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

    out: receives the files of ``results_folder``
    Raises UsageError if it holds results of another protocol, ModelError for a midtone model that
    cannot be loaded.
    """
    folder = ResultsFolder(out, protocol)
    identities, missing = _identities(methods)
    available = [method for method in methods if method.name in identities]
    out.mkdir(parents=True, exist_ok=True)
    rows = _kept_rows(folder, identities)
    todo = []
    for pair in pairs:
        not_measured = tuple(m for m in available if (m.name, name_of(pair)) not in rows)
        if not_measured:
            todo.append((pair, not_measured))
    problems: list[str] = []
    if workers == 1:
        backend = "threads"  # one worker needs no process of its own
    for outcome in parallel.run(partial(measure, folder), todo, workers=workers, backend=backend):
        if isinstance(outcome, parallel.Failed):
            problems.append(outcome.reason)
        else:
            measured, failed = outcome.value
            problems += failed
            folder.append_rows(measured)
            rows |= {(row.method, row.image): row for row in measured}
        if progress:
            progress(outcome.item[0])
    requested = _in_order(rows.values(), pairs, available)
    others = [row for _, row in sorted(rows.items()) if row not in requested]
    folder.write_rows([*requested, *others])
    weights = {m.name: identities[m.name].partition(",")[0] for m in available if m.has_weights}
    names = tuple(method.name for method in methods)
    return Results(
        methods=names,
        rows=tuple(requested),
        problems=tuple(sorted(problems)),
        missing=missing,
        weights=weights,
    )


def measure(
    folder: ResultsFolder, item: tuple[Pair, tuple[Method, ...]]
) -> tuple[list[Row], list[str]]:
    """Rows of some methods for one pair, and a sentence for each method that failed.

    folder: receives the reduced pictures, no rows
    Raises PhotoError for a pair that cannot be read.
    """
    pair, methods = item
    protocol = folder.protocol
    image, references = load(pair, protocol)
    reference = next(iter(references.values()))
    name = name_of(pair)
    folder.write_picture(INPUT, name, image)
    folder.write_picture(REFERENCE, name, reference)
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
        folder.write_picture(method.name, name, result)
        scores, niqe_score, ma_score = score(result, references, protocol)
        rows.append(
            Row(
                method=method.name,
                image=name,
                scene=pair.scene,
                ev=pair.ev,
                group=group,
                scores=scores,
                niqe=niqe_score,
                ma=ma_score,
                milliseconds=milliseconds,
            )
        )
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


def _kept_rows(folder: ResultsFolder, identities: dict[str, str]) -> dict[tuple[str, str], Row]:
    """Rows by method and image whose method is still the same; the others are deleted.

    identities: of the methods of this run, which are written beside those of the kept rows
    """
    before = folder.identities()
    valid = {name: kept for name, kept in before.items() if identities.get(name, kept) == kept}
    rows = [row for row in folder.rows() if row.method in valid]
    folder.write_rows(rows)
    folder.write_identities(valid | identities)
    return {(row.method, row.image): row for row in rows}


def _in_order(rows: Iterable[Row], pairs: Sequence[Pair], methods: Sequence[Method]) -> list[Row]:
    """The rows of some pairs and methods, method after method, by image."""
    images = {name_of(pair) for pair in pairs}
    order = {method.name: number for number, method in enumerate(methods)}
    requested = [row for row in rows if row.method in order and row.image in images]
    return sorted(requested, key=lambda row: (order[row.method], row.image))


def _identities(methods: Sequence[Method]) -> tuple[dict[str, str], dict[str, str]]:
    """What results depend on, of methods that can be run; a sentence for each that cannot."""
    identities, missing = {}, {}
    for method in methods:
        try:
            identities[method.name] = method.identity()
        except ModelError as error:
            if not method.is_optional:
                raise
            missing[method.name] = str(error).removeprefix(f"{method.name}: ")
    return identities, missing
