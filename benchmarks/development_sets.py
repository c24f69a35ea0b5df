"""The development sets: pairs of a badly exposed photograph and its reference, by set and group.

Below one folder: fivek/ and msec/ (input/, reference/), brackets/ (the same and pairs.csv with
input, reference, kind), kodak/ (good photographs, whose errors are synthesised by the measured
curves). A set that is not there is left out. Everything is measured at 512 px on the longer side.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from midtone.data.pairs import REFERENCE, read_pairs
from midtone.data.photographs import find_photos
from midtone.data.synthesize import expose
from midtone.evaluation.images import read_srgb

SIDE = 512
EVS = (-1.5, -1.0, 0.0, 1.0, 1.5)
SETS = ("fivek", "msec", "brackets", "kodak")


@dataclass(frozen=True)
class Example:
    """One pair, H x W x 3 uint8 sRGB each.

    set:   of ``SETS``;  group: "as shot", "under", "over" or "<EV> EV"
    """

    set: str
    group: str
    name: str
    image: np.ndarray
    reference: np.ndarray


def examples(data: Path, every: int = 1) -> Iterator[Example]:
    """All pairs below ``data``, or those of every n-th scene, set after set."""
    for name, read in (("fivek", _fivek), ("msec", _msec), ("brackets", _brackets)):
        if (data / name).is_dir():
            yield from read(data / name, every)
    if (data / "kodak").is_dir():
        yield from synthesised(data / "kodak", every)


def synthesised(folder: Path, every: int = 1) -> Iterator[Example]:
    """Good photographs and what they are at each EV of ``EVS``."""
    for path in find_photos(folder)[::every]:
        good = read_srgb(path, SIDE)
        for ev in EVS:
            group = f"{ev:+g} EV" if ev else "0 EV"
            yield Example("kodak", group, f"{path.stem} {group}", expose(good, ev), good)


def _fivek(folder: Path, every: int) -> Iterator[Example]:
    for pair in read_pairs(folder).pairs:  # ten are few: all of them
        yield _example("fivek", "as shot", pair.input, pair.reference)


def _msec(folder: Path, every: int) -> Iterator[Example]:
    for pair in read_pairs(folder).pairs:
        ev = pair.ev or 0.0
        group = "under" if ev < 0 else "over" if ev > 0 else "0 EV"
        yield _example("msec", group, pair.input, pair.reference)


def _brackets(folder: Path, every: int) -> Iterator[Example]:
    with (folder / "pairs.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    for row in rows[::every]:
        paths = folder / "input" / row["input"], folder / REFERENCE / row["reference"]
        yield _example("brackets", row["kind"], *paths)


def _example(name: str, group: str, image: Path, reference: Path) -> Example:
    return Example(name, group, image.stem, read_srgb(image, SIDE), read_srgb(reference, SIDE))
