"""Pairs on disk: badly exposed images and their references, renderings by experts or cameras.

Two layouts are read. The paper's data set (Afifi et al. 2021, section 4):

    training|validation|testing / INPUT_IMAGES / <scene>_<N1.5|N1|0|P1|P1.5>.JPG
                                / GT_IMAGES    / <scene>.jpg
                                / expert_a_testing_set ... expert_e_testing_set / <scene>.jpg

and the plain one, where both files of a pair have one name: input/, reference/. Patches of a scene
are named <scene>@<number>.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from midtone.errors import UsageError
from midtone.photo import writable_as

SPLITS = ("training", "validation", "testing")
EXPERTS = ("a", "b", "c", "d", "e")
REFERENCE = "reference"
PATCH_MARK = "@"
_NAME = re.compile(r"(?P<scene>.+)_(?P<sign>[NP]?)(?P<ev>\d+(?:\.\d+)?)")
_SIGNS = {"N": -1.0, "P": 1.0, "": 0.0}


@dataclass(frozen=True)
class Pair:
    """A badly exposed image and its references.

    references: by expert, "a" to "e", or "reference" (GT_IMAGES or reference/)
    ev:         exposure error in EV, None where the file name has none
    split:      "training", "validation" or "testing", or "" in the plain layout
    """

    input: Path
    references: Mapping[str, Path]
    scene: str
    ev: float | None = None
    split: str = ""

    @property
    def reference(self) -> Path:
        """The target to train on: "reference", or the first expert there is."""
        return self.references.get(REFERENCE) or next(iter(self.references.values()))


@dataclass(frozen=True)
class Pairs:
    """The pairs of a folder in the order of their names, and a sentence for each unusable file."""

    pairs: tuple[Pair, ...]
    problems: tuple[str, ...]

    def of(self, split: str) -> tuple[Pair, ...]:
        """The pairs of one split."""
        return tuple(pair for pair in self.pairs if pair.split == split)


def is_pairs(folder: Path) -> bool:
    """Whether a folder holds pairs in one of the two layouts."""
    return bool(_roots(folder)) or (folder / "input").is_dir()


def read_pairs(folder: Path) -> Pairs:
    """Find all pairs below a folder, without decoding an image.

    Raises UsageError if the folder has neither layout or not a single pair.
    """
    pairs: list[Pair] = []
    problems: list[str] = []
    roots = _roots(folder)
    for split, root in roots:
        _read_paper(root, split, pairs, problems)
    if not roots:
        if not (folder / "input").is_dir() or not (folder / REFERENCE).is_dir():
            raise UsageError(
                f"{folder}: no pairs here; expected input/ and reference/, or the paper's "
                "training/, validation/ or testing/ with INPUT_IMAGES/ and GT_IMAGES/"
            )
        _read_plain(folder, pairs, problems)
    if not pairs:
        why = f"; {problems[0]}" if problems else ""
        raise UsageError(f"{folder}: not a single pair{why}")
    return Pairs(tuple(pairs), tuple(problems))


def split_scenes(pairs: Sequence[Pair], every: int) -> tuple[list[Pair], list[Pair]]:
    """Split into (training, validation): every ``every``-th scene validates, as a whole."""
    scenes = sorted({pair.scene for pair in pairs})
    held_out = set(scenes[every - 1 :: every])
    return (
        [pair for pair in pairs if pair.scene not in held_out],
        [pair for pair in pairs if pair.scene in held_out],
    )


def parse_name(stem: str) -> tuple[str, float] | None:
    """(scene, EV) of a file name without its suffix, ``a0001_N1.5`` -> ("a0001", -1.5)."""
    match = _NAME.fullmatch(stem)
    if not match or (not match["sign"] and float(match["ev"])):
        return None
    return match["scene"], _SIGNS[match["sign"]] * float(match["ev"])


def format_ev(ev: float) -> str:
    """The paper's code of an EV: -1.5 -> "N1.5", 0 -> "0", 1 -> "P1"."""
    return f"{'N' if ev < 0 else 'P'}{abs(ev):g}" if ev else "0"


def _roots(folder: Path) -> list[tuple[str, Path]]:
    if (folder / "INPUT_IMAGES").is_dir():
        return [(folder.name if folder.name in SPLITS else "", folder)]
    found = [(split, folder / split) for split in SPLITS]
    return [(split, root) for split, root in found if (root / "INPUT_IMAGES").is_dir()]


def _read_paper(root: Path, split: str, pairs: list[Pair], problems: list[str]) -> None:
    folders = {REFERENCE: root / "GT_IMAGES"}
    folders |= {expert: root / f"expert_{expert}_testing_set" for expert in EXPERTS}
    references = {
        expert: _by_stem(_images(path), problems)
        for expert, path in folders.items()
        if path.is_dir()
    }
    if not references:
        problems.append(f"{root}: has neither GT_IMAGES/ nor expert_a_testing_set/ to e")
        return
    scenes = set()
    for path in _images(root / "INPUT_IMAGES"):
        named = parse_name(path.stem)
        if named is None:
            problems.append(f"{path}: its name does not end in _N1.5, _N1, _0, _P1 or _P1.5")
            continue
        scene, ev = named
        scenes.add(scene)
        found = {}
        for expert, files in references.items():
            if scene in files:
                found[expert] = files[scene]
            else:
                problems.append(f"{path}: has no reference in {folders[expert].name}")
        if found:
            pairs.append(Pair(path, found, _whole(scene), ev, split))
    for files in references.values():
        problems += [f"{files[scene]}: has no input" for scene in files.keys() - scenes]


def _read_plain(folder: Path, pairs: list[Pair], problems: list[str]) -> None:
    """Add the pairs of input/ and reference/, and what is wrong with the others."""
    references = _by_stem(_images(folder / REFERENCE), problems)
    inputs = _by_stem(_images(folder / "input"), problems)
    for stem, path in inputs.items():
        if stem not in references:
            problems.append(f"{path}: has no reference of that name")
            continue
        scene, ev = parse_name(stem) or (stem, None)
        pairs.append(Pair(path, {REFERENCE: references[stem]}, _whole(scene), ev))
    problems += [f"{references[stem]}: has no input" for stem in references.keys() - inputs.keys()]


def _whole(scene: str) -> str:
    """The scene that a patch is of."""
    return scene.partition(PATCH_MARK)[0] or scene


def _by_stem(paths: Iterable[Path], problems: list[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in paths:
        if found.setdefault(path.stem, path) is not path:
            problems.append(f"{path}: {found[path.stem].name} has the same name; left out")
    return found


def _images(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if writable_as(path))
