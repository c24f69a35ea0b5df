"""Splits: which scenes train, validate and test. No scene is in two of them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from midtone.data.pairs import SPLITS, parse_name
from midtone.errors import UsageError
from midtone.photo import format_of

PAPER = (17_675, 750, 5_905)  # images of each, section 4
NEAR = 4  # bits of 64 in which near-duplicates differ at most
_FILES = {"training": "training.txt", "validation": "validation.txt", "testing": "testing.txt"}


def assign(scenes: Iterable[str], seed: int = 1) -> dict[str, str]:
    """Draw the split of each scene, in the paper's proportions.

    With three scenes or more each split has at least one.
    """
    names = sorted(set(scenes))
    order = np.random.default_rng(seed).permutation(len(names))
    edges = np.rint(np.cumsum(PAPER)[:2] / sum(PAPER) * len(names)).astype(int)
    if len(names) >= len(SPLITS):
        edges = np.clip(edges, (1, 2), (len(names) - 2, len(names) - 1))
        edges[1] = max(edges[1], edges[0] + 1)
    split = np.searchsorted(edges, np.arange(len(names)), side="right")
    return {names[place]: SPLITS[which] for place, which in zip(order, split, strict=True)}


def read_splits(path: Path) -> dict[str, str]:
    """Read the split of each scene from a CSV file, or from a folder of file lists.

    path: a CSV file with the columns scene and split, or a folder with training.txt, validation.txt
          and testing.txt (at least one), each with a file name a line, as ``ls`` prints those of
          the paper's data set: a0001_N1.5.JPG and a0001.jpg belong to the scene a0001
    Raises UsageError for other files, unknown splits and scenes in two splits.
    """
    try:
        rows = _read_lists(path) if path.is_dir() else _read_csv(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path}: cannot be read as splits ({reason})") from error
    if not rows:
        raise UsageError(f"{path}: holds no scenes")
    found: dict[str, str] = {}
    for scene, split in rows:
        if split not in SPLITS:
            raise UsageError(f"{path}: scene {scene} has the split {split}, not {_one_of(SPLITS)}")
        if found.setdefault(scene, split) != split:
            raise UsageError(f"{path}: scene {scene} is in {found[scene]} and in {split}")
    return found


def fingerprint(image: np.ndarray) -> int:
    """Difference hash of H x W x 3 uint8: 64 bits that resizing and exposure hardly change."""
    small = Image.fromarray(image).convert("L").resize((9, 8), Image.Resampling.BOX)
    light = np.asarray(small, np.int16)
    return int("".join("01"[bit] for bit in (light[:, 1:] > light[:, :-1]).ravel().tolist()), 2)


def near_duplicates(prints: Mapping[str, tuple[str, int]]) -> list[tuple[str, str]]:
    """Near-duplicates in different splits: pairs of scenes. prints: (split, fingerprint) by scene.

    The fingerprints of a pair differ in at most 4 bits.
    """
    return [
        (one, other)
        for (one, (split, bits)), (other, (split_too, bits_too)) in combinations(
            sorted(prints.items()), 2
        )
        if split != split_too and (bits ^ bits_too).bit_count() <= NEAR
    ]


def _read_csv(path: Path) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        if not {"scene", "split"} <= set(reader.fieldnames or ()):
            raise UsageError(f"{path}: needs the columns scene and split")
        return [(str(row["scene"]).strip(), str(row["split"]).strip()) for row in reader]


def _read_lists(folder: Path) -> list[tuple[str, str]]:
    lists = {split: folder / name for split, name in _FILES.items() if (folder / name).is_file()}
    if not lists:
        raise UsageError(f"{folder}: holds no {_one_of(tuple(_FILES.values()))}")
    return [
        (_scene(line.strip()), split)
        for split, path in lists.items()
        for line in path.read_text("utf-8").splitlines()
        if line.strip()
    ]


def _scene(name: str) -> str:
    """The scene of a file name of the paper's data set, or of a name without a suffix."""
    path = PurePosixPath(name)
    if format_of(path) is None:
        return path.name
    named = parse_name(path.stem)
    return named[0] if named else path.stem


def _one_of(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
