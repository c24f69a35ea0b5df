"""Tests on good and on difficult photographs without a reference, listed in held_out.csv.

    leave_alone  well exposed photographs of every kind, which should stay as they are
    white        photographs with blown or truly white parts, which should stay white
    on_white     products and documents, their light background made white (255)
    backlight    photographs taken against the light: the dark part should be lifted, the rest stay
    made         good photographs whose dark part was made 1.5 EV darker along its edges
    skin         faces in good photographs as they are and at -1.5 and +1.5 EV
    badly_exposed  dark and bright photographs for the gallery; not measured

The list's columns: file, source, test, group (kind of photograph; groups of skin are measured) and
box (of a face: x y width height in pixels). Its photographs are never trained on.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np

from midtone.data.synthesize import expose
from midtone.evaluation import tone
from midtone.evaluation.images import read_srgb

Correct = Callable[[np.ndarray], np.ndarray]  # H x W x 3 uint8 sRGB -> the same
LIST = Path(__file__).with_name("held_out.csv")
CHANGED = 0.5  # EV from which a photograph counts as changed
MADE_EV = -1.5
SKIN_EVS = (0.0, -1.5, 1.5)


@dataclass(frozen=True)
class Entry:
    """A line of the list. box: x, y, width, height of a face, or None."""

    file: str
    source: str
    test: str
    group: str
    box: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class Change:
    """A good photograph after correction: mean change in EV, and absolute in code values."""

    file: str
    group: str
    ev: float
    codes: float


@dataclass(frozen=True)
class WhitePart:
    """White parts of one photograph."""

    file: str
    white: tone.White


@dataclass(frozen=True)
class Parts:
    """Change of the dark and the bright part of one photograph.

    For ``made`` against the good photograph: 0 is right for both.
    """

    file: str
    lift: tone.Lift


@dataclass(frozen=True)
class Face:
    """Skin of one face: its group, and its error in EV after correcting the photograph at 0, -1.5
    and +1.5 EV, in the order of ``SKIN_EVS``.
    """

    file: str
    group: str
    errors: tuple[float, float, float]


def read_list(path: Path = LIST) -> list[Entry]:
    """The entries of a list."""
    with path.open(newline="", encoding="utf-8") as table:
        return [
            Entry(row["file"], row["source"], row["test"], row["group"], _box(row["box"]))
            for row in csv.DictReader(table)
        ]


class HeldOut:
    """The photographs of a list below a folder, and what one method makes of them.

    photos:  folder that the list's files are relative to
    correct: the method; its result for a photograph as it is is kept for all tests
    every:   every n-th photograph of a test only
    """

    def __init__(
        self, photos: Path, entries: Sequence[Entry], correct: Correct, every: int = 1
    ) -> None:
        self.photos, self.entries, self.correct, self.every = photos, entries, correct, every
        self.result = lru_cache(maxsize=None)(self._result)
        self.result_on_white = lru_cache(maxsize=None)(self._result_on_white)

    def leave_alone(self) -> Iterator[Change]:
        """Changes of good photographs, those on white among them."""
        for entry in self._of("leave_alone"):
            image, result = self.image(entry.file), self.result(entry.file)
            yield Change(entry.file, entry.group, *change(image, result))
        for entry in self._of("on_white"):
            image, result = self.image_on_white(entry.file), self.result_on_white(entry.file)
            yield Change(entry.file, f"{entry.group} on white", *change(image, result))

    def white(self) -> Iterator[WhitePart]:
        """White parts of photographs after correction."""
        for entry in self._of("white"):
            found = tone.measure_white(self.image(entry.file), self.result(entry.file))
            if found:
                yield WhitePart(entry.file, found)

    def on_white(self) -> Iterator[WhitePart]:
        """White backgrounds of products and documents after correction."""
        for entry in self._of("on_white"):
            image, result = self.image_on_white(entry.file), self.result_on_white(entry.file)
            found = tone.measure_white(image, result)
            if found:
                yield WhitePart(entry.file, found)

    def backlight(self) -> Iterator[Parts]:
        """Change of dark and bright parts of photographs against the light."""
        for entry in self._of("backlight"):
            image, result = self.image(entry.file), self.result(entry.file)
            yield Parts(entry.file, tone.measure_lift(image, result, tone.dark_part(image)))

    def made(self) -> Iterator[Parts]:
        """Remaining error of dark parts made by us, and change of the rest."""
        for entry in self._of("made"):
            good = self.image(entry.file)
            mask = tone.dark_part(good)
            result = self.correct(tone.darken(good, mask, MADE_EV))
            yield Parts(entry.file, tone.measure_lift(good, result, mask))

    def skin(self) -> Iterator[Face]:
        """Errors of the skin of faces."""
        for file, some in groupby(self._of("skin"), lambda entry: entry.file):
            good = self.image(file)
            results = [self.result(file)]
            results += [self.correct(expose(good, ev)) for ev in SKIN_EVS[1:]]
            for entry in some:
                assert entry.box
                mask = tone.skin_mask(good, entry.box)
                zero, under, over = (tone.exposure_change(good, r, mask) for r in results)
                group = tone.skin_group(tone.typology_angle(good, mask))
                yield Face(file, group, (zero, under, over))

    def image(self, file: str) -> np.ndarray:
        """A photograph as it is."""
        return read_srgb(self.photos / file)

    def image_on_white(self, file: str) -> np.ndarray:
        """A photograph with its light background made white."""
        return tone.whiten_background(self.image(file))

    def _result(self, file: str) -> np.ndarray:
        return self.correct(self.image(file))

    def _result_on_white(self, file: str) -> np.ndarray:
        return self.correct(self.image_on_white(file))

    def _of(self, test: str) -> list[Entry]:
        """Entries of a test; with ``every``, all faces of every n-th photograph."""
        some = [entry for entry in self.entries if entry.test == test]
        files = sorted({entry.file for entry in some})[:: self.every]
        return sorted((entry for entry in some if entry.file in files), key=lambda e: e.file)


def change(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """Mean change in EV, mean absolute change in code values."""
    return tone.exposure_change(before, after), tone.mean_change(before, after)


def by_group(faces: Sequence[Face]) -> dict[str, np.ndarray]:
    """Mean errors of each group of skin: 3 values in the order of ``SKIN_EVS``."""
    groups = [group for group in tone.SKIN_GROUPS if any(f.group == group for f in faces)]
    return {g: np.mean([f.errors for f in faces if f.group == g], 0) for g in groups}


def _box(text: str) -> tuple[int, int, int, int] | None:
    if not text:
        return None
    x, y, width, height = map(int, text.split())
    return x, y, width, height
