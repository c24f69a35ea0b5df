"""Validation: held-out pictures, corrected as photographs are, measured by PSNR and SSIM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from midtone.corrector import predict
from midtone.data.pairs import Pair
from midtone.data.photographs import decode_pair
from midtone.data.synthesize import ErrorModel, synthesize
from midtone.data.targets import TargetModel, keep_whites, normalize_target
from midtone.evaluation.metrics import psnr, ssim
from midtone.model import ModelInfo
from midtone.network import CoarseToFine
from midtone.photo import Photo, to_8_bit
from midtone.pipeline import PipelineConfig
from midtone.preprocess import at_prediction_size, preprocess, resize
from midtone.training.grid_loss import apply_single_cell_grid
from midtone.training.recipe import VALIDATION_EVS

_ROWS, _PAIRS = 8, 60


@dataclass(frozen=True)
class Check:
    """A held-out pair, H x W x 3 uint8 each, and the group its figures are averaged in."""

    group: str
    input: np.ndarray
    target: np.ndarray


@dataclass(frozen=True)
class Scores:
    """Mean PSNR (dB) and SSIM by group, "mean" over the groups, and one picture a check.

    pictures: input, result, target side by side, H x 3W x 3 uint8
    """

    psnr: dict[str, float]
    ssim: dict[str, float]
    pictures: list[np.ndarray]


def from_photographs(
    photographs: Sequence[np.ndarray], errors: ErrorModel, targets: TargetModel, seed: int
) -> list[Check]:
    """One error for each photograph (H x W x 3 uint8), the EVs in turn."""
    checks = []
    for number, image in enumerate(photographs):
        ev = VALIDATION_EVS[number % len(VALIDATION_EVS)]
        rng = np.random.default_rng((seed, number))
        target = normalize_target(image, targets, ev) if ev else image
        source = synthesize(target, ev, errors, rng)
        target = keep_whites(target, source, targets.white_floor)
        checks.append(Check(f"{ev:+.1f}", source, target))
    return checks


def from_pairs(pairs: Sequence[Pair], longest_side: int) -> list[Check]:
    """At most 60 pairs, evenly chosen, grouped by EV where it is known."""
    chosen = pairs[:: -(-len(pairs) // _PAIRS)] if pairs else []
    return [
        Check("all" if pair.ev is None else f"{pair.ev:+.1f}", *decode_pair(pair, longest_side))
        for pair in chosen
    ]


def validate(
    network: CoarseToFine,
    weights: Mapping[str, Tensor],
    checks: Sequence[Check],
    config: PipelineConfig,
    bfloat16: bool = False,
) -> Scores:
    """Scores of the network with the given weights on whole pictures.

    The pictures are prepared and predicted as by the corrector, with ``config``. Measured is the
    prediction after a grid of one cell (``training.grid_loss``), without post-processing. While
    only coarse levels are trained, their finest result is compared with its own target.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    pictures = []
    model = _TrainedNetwork(network, weights, ModelInfo(Path(), config), bfloat16)
    network.eval()
    for check in checks:
        inputs = preprocess(Photo(check.input), config)
        before, after = _tensor(inputs.reference), _tensor(predict(model, inputs))
        result = apply_single_cell_grid(before, after)[0].clamp(0, 1).permute(1, 2, 0).numpy()
        target = np.clip(at_prediction_size(resize(check.target, config.size), config), 0, 1)
        found.setdefault(check.group, []).append((psnr(result, target), ssim(result, target)))
        pictures.append(np.hstack([to_8_bit(one) for one in (inputs.reference, result, target)]))
    network.train()
    means = {group: np.mean(values, 0) for group, values in sorted(found.items())}
    means["mean"] = np.mean(list(means.values()), 0)
    return Scores(
        {group: round(float(mean[0]), 2) for group, mean in means.items()},
        {group: round(float(mean[1]), 4) for group, mean in means.items()},
        pictures,
    )


@dataclass
class _TrainedNetwork:
    """A network in training, with given weights, as a ``midtone.model.Model``."""

    network: CoarseToFine
    weights: Mapping[str, Tensor]
    info: ModelInfo
    bfloat16: bool = False

    @torch.no_grad()
    def run(self, levels: Sequence[np.ndarray]) -> np.ndarray:
        device = next(iter(self.weights.values())).device
        tensors = [torch.from_numpy(np.ascontiguousarray(level)).to(device) for level in levels]
        with torch.autocast(device.type, torch.bfloat16, enabled=self.bfloat16):
            results = torch.func.functional_call(
                self.network,
                dict(self.weights),
                tuple(tensors),
                {"finest": self.info.config.finest},
            )
        return np.asarray(results[0].float().cpu().numpy())


def contact_sheet(pictures: Sequence[np.ndarray], rows: int = _ROWS) -> np.ndarray:
    """The first pictures below one another: H x W x 3 uint8, black where one is narrower."""
    chosen = pictures[:rows]
    width = max(row.shape[1] for row in chosen)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in chosen]
    return np.concatenate(padded)


def write_sheet(pictures: Sequence[np.ndarray], path: Path) -> None:
    """Write the contact sheet as JPEG: a row each of input, result and target."""
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(contact_sheet(pictures)).save(path, quality=90)


def _tensor(picture: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)[None]))
