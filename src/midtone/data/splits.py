"""Which scene trains, validates, tests: by scene, seeded, in the paper's proportions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

import numpy as np
from PIL import Image

from midtone.data.pairs import SPLITS

PAPER = (17_675, 750, 5_905)  # images of each, section 4
NEAR = 4  # bits of 64 in which near-duplicates differ at most


def assign(scenes: Iterable[str], seed: int = 1) -> dict[str, str]:
    """Split of each scene. With three scenes or more each split has one at least."""
    names = sorted(set(scenes))
    order = np.random.default_rng(seed).permutation(len(names))
    edges = np.rint(np.cumsum(PAPER)[:2] / sum(PAPER) * len(names)).astype(int)
    if len(names) >= len(SPLITS):
        edges = np.clip(edges, (1, 2), (len(names) - 2, len(names) - 1))
        edges[1] = max(edges[1], edges[0] + 1)
    split = np.searchsorted(edges, np.arange(len(names)), side="right")
    return {names[place]: SPLITS[which] for place, which in zip(order, split, strict=True)}


def fingerprint(image: np.ndarray) -> int:
    """Difference hash of H x W x 3 uint8: 64 bits that resizing and exposure hardly change."""
    small = Image.fromarray(image).convert("L").resize((9, 8), Image.Resampling.BOX)
    light = np.asarray(small, np.int16)
    return int("".join("01"[bit] for bit in (light[:, 1:] > light[:, :-1]).ravel().tolist()), 2)


def shared(prints: Mapping[str, tuple[str, int]]) -> list[tuple[str, str]]:
    """Scenes of different splits that show the same: (scene, scene) of scene -> (split, print)."""
    return [
        (one, other)
        for (one, (split, bits)), (other, (split_too, bits_too)) in combinations(
            sorted(prints.items()), 2
        )
        if split != split_too and (bits ^ bits_too).bit_count() <= NEAR
    ]
