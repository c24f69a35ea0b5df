"""How good a network is while it is trained: held-out pictures, PSNR, SSIM, a sheet to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from midtone.data.crops import fit, pad_square
from midtone.data.pairs import Pair
from midtone.data.patches import load
from midtone.data.photographs import Photographs
from midtone.data.synthesize import ErrorModel, synthesize
from midtone.evaluation.metrics import psnr, ssim
from midtone.network import CoarseToFine
from midtone.training.grid_loss import as_seen, carry
from midtone.training.loader import prepare, to_float

EVS = (-3.0, -1.5, -1.0, 0.0, 1.0, 1.5)
_ROWS, _PAIRS = 8, 60


@dataclass(frozen=True)
class Check:
    """A held-out pair, H x W x 3 uint8 each, and the group its figures are averaged in."""

    group: str
    wrong: np.ndarray
    right: np.ndarray


@dataclass(frozen=True)
class Scores:
    """Mean PSNR (dB) and SSIM by group, "mean" over the groups, and one picture a check.

    pictures: input, result, target side by side, H x 3W x 3 uint8
    """

    psnr: dict[str, float]
    ssim: dict[str, float]
    pictures: list[np.ndarray]


def from_photographs(photographs: Photographs, errors: ErrorModel, seed: int) -> list[Check]:
    """One error for each photograph, the EVs in turn."""
    checks = []
    for number, image in enumerate(photographs.images):
        ev = EVS[number % len(EVS)]
        rng = np.random.default_rng((seed, number))
        checks.append(Check(f"{ev:+.1f}", synthesize(image, ev, errors, rng), image))
    return checks


def from_pairs(pairs: Sequence[Pair], longest_side: int) -> list[Check]:
    """At most 60 pairs, evenly chosen, grouped by EV where it is known."""
    chosen = pairs[:: -(-len(pairs) // _PAIRS)] if pairs else []
    return [
        Check("all" if pair.ev is None else f"{pair.ev:+.1f}", *load(pair, longest_side))
        for pair in chosen
    ]


@torch.no_grad()
def validate(
    network: CoarseToFine,
    weights: dict[str, Tensor],
    checks: list[Check],
    size: int,
    finest: int,
    half: bool = False,
) -> Scores:
    """Scores of the network with the given weights on whole pictures, ``size`` px, unpadded.

    Measured is what a grid of one cell makes of it (``training.grid_loss``), nearly what a
    corrected photograph gets.
    half: work in bfloat16. While only coarse levels are trained, their finest result is
    compared with its own target.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    pictures = []
    network.eval()
    for check in checks:
        wrong, right = fit(check.wrong, size), fit(check.right, size)
        got, wanted = _corrected(network, weights, wrong, right, finest, half)
        found.setdefault(check.group, []).append((psnr(got, wanted), ssim(got, wanted)))
        codes = (np.rint(255 * one).astype(np.uint8) for one in (got, wanted))
        shape = got.shape[1::-1]
        given_size = Image.fromarray(wrong).resize(shape, Image.Resampling.BICUBIC)
        pictures.append(np.hstack((np.asarray(given_size), *codes)))
    network.train()
    means = {group: np.mean(values, 0) for group, values in sorted(found.items())}
    means["mean"] = np.mean(list(means.values()), 0)
    return Scores(
        {group: round(float(mean[0]), 2) for group, mean in means.items()},
        {group: round(float(mean[1]), 4) for group, mean in means.items()},
        pictures,
    )


def _corrected(
    network: CoarseToFine,
    weights: dict[str, Tensor],
    wrong: np.ndarray,
    right: np.ndarray,
    finest: int,
    half: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """One corrected picture and its target, H x W x 3 float32 in [0, 1]."""
    device = next(iter(weights.values())).device
    given, target = (to_float(torch.from_numpy(pad_square(one)[None])) for one in (wrong, right))
    levels, targets = prepare(given, target, network.config, finest)
    height, width = (-(-side >> max(0, finest - 2)) for side in wrong.shape[:2])
    before = as_seen(levels, targets[0], network.config.taps)[..., :height, :width]
    with torch.autocast(device.type, torch.bfloat16, enabled=half):
        result = torch.func.functional_call(
            network, weights, tuple(level.to(device) for level in levels), {"finest": finest}
        )[0]
    carried = carry(before, result[..., :height, :width].float().cpu())
    return _plain(carried), _plain(targets[0][..., :height, :width])


def _plain(picture: Tensor) -> np.ndarray:
    return picture[0].clamp(0, 1).permute(1, 2, 0).numpy()


def write_sheet(pictures: Sequence[np.ndarray], path: Path) -> None:
    """One JPEG of the first pictures: a row each of input, result and target."""
    rows = pictures[:_ROWS]
    height, width = sum(len(row) for row in rows), max(row.shape[1] for row in rows)
    sheet = np.zeros((height, width, 3), np.uint8)
    top = 0
    for row in rows:
        sheet[top : top + len(row), : row.shape[1]] = row
        top += len(row)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(sheet).save(path, quality=90)
