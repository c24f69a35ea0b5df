"""Fit the confidence of a model to held-out photographs: ``ShrinkByConfidence``.

    python -m midtone.training.calibration MODEL PHOTOS [--recipe RECIPE] [--examples N]

The step's share p(c) of a correction y - x of size c is chosen so that x + p (y - x) comes nearest
to the targets t of held-out examples: it minimises the mean of log(mean square error + e), which is
PSNR with a floor. Unchanged photographs are among the examples, so p also depends on
how often a change of that size is needed at all. PHOTOS must not have been trained on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from midtone import colour
from midtone import model as model_files
from midtone.corrector import predict
from midtone.data.photographs import decode, find_photos, is_well_exposed
from midtone.errors import Error, UsageError
from midtone.model import Model
from midtone.photo import Photo
from midtone.pipeline import PipelineConfig
from midtone.postprocess import ShrinkByConfidence, apply_steps, confidence_of
from midtone.preprocess import at_prediction_size, preprocess, resize
from midtone.training.examples import Example, PhotographExamples
from midtone.training.recipe import load_recipe
from midtone.training.recipes import RECIPES

# Exposure errors as they are met: a quarter is mild, extreme ones are rare.
_BANDS = (
    (0.25, -0.6, 0.6),
    (0.25, -1.7, -0.6),
    (0.1, -4.0, -1.7),
    (0.28, 0.6, 1.7),
    (0.12, 1.7, 3.2),
)
_UNCHANGED = 0.25
_FLOOR = (16 / 255) ** 2  # of the mean square error: less is a matter of taste, not of exposure
_ITERATIONS = 60


@dataclass(frozen=True)
class Moments:
    """What decides the best share of each correction, N float64 each.

    size:    mean absolute change of log2 luminance, in EV
    yy, yt, tt: means of (y - x)^2, (y - x)(t - x), (t - x)^2
    """

    size: np.ndarray
    yy: np.ndarray
    yt: np.ndarray
    tt: np.ndarray

    def error(self, share: np.ndarray | float) -> np.ndarray:
        """Mean square error of x + share (y - x) against t."""
        return np.asarray(share**2 * self.yy - 2 * share * self.yt + self.tt)

    @classmethod
    def of(cls, examples: Iterable[Example], model: Model, config: PipelineConfig) -> Moments:
        """Run the network and the steps before ``ShrinkByConfidence``."""
        steps = [step for step in config.postprocess if not isinstance(step, ShrinkByConfidence)]
        rows = []
        for source, target in examples:
            inputs = preprocess(Photo(source), config)
            x = inputs.reference
            y = np.clip(apply_steps(steps, predict(model, inputs), x)[0], 0, 1)
            t = at_prediction_size(resize(target, config.size), config)
            size = np.abs(colour.log_luminance(y) - colour.log_luminance(x)).mean()
            products = ((y - x) ** 2, (y - x) * (t - x), (t - x) ** 2)
            rows.append((size, *(product.mean(dtype=np.float64) for product in products)))
        return cls(*np.array(rows, np.float64).T)


def fit_confidence(moments: Moments) -> ShrinkByConfidence:
    """The parameters that minimise the mean of log(error + floor)."""
    size, yy, yt, tt = (
        torch.as_tensor(values) for values in (moments.size, moments.yy, moments.yt, moments.tt)
    )
    logarithm = size.clamp(min=1e-6).log()
    parameters = torch.tensor([np.log(0.5), np.log(2.0)], requires_grad=True)
    optimizer = torch.optim.LBFGS([parameters], max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        share = torch.sigmoid(parameters[1].exp() * (logarithm - parameters[0]))
        error = share**2 * yy - 2 * share * yt + tt
        loss = (error + _FLOOR).log().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    half, slope = parameters.detach().exp().tolist()
    return ShrinkByConfidence(half=half, slope=slope)


def held_out_examples(photographs: list[np.ndarray], recipe: str, count: int) -> Iterator[Example]:
    """``count`` examples of the last stage of a recipe, with errors as often as they are met.

    photographs: H x W x 3 uint8 each
    """
    stage = load_recipe(recipe, RECIPES).stages[-1]
    examples = PhotographExamples(
        photographs=photographs,
        well_exposed=[is_well_exposed(image) for image in photographs],
        size=stage.size,
        seed=5,
        crops=stage.crops,
        augmentation=stage.augmentation,
        errors=replace(stage.errors, bands=_BANDS, unchanged_prob=_UNCHANGED),
        targets=replace(stage.targets, levels_part=0.0),
    )
    return (examples[number] for number in range(count))


def table(moments: Moments, step: ShrinkByConfidence) -> str:
    """Confidence and the best share of the corrections of each size, for Markdown."""
    lines = ["| change, EV | corrections | confidence | best share |", "|---|---|---|---|"]
    edges = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, np.inf)
    shares = np.linspace(0, 1, 101)
    for low, high in pairwise(edges):
        chosen = (moments.size >= low) & (moments.size < high)
        if not chosen.any():
            continue
        part = Moments(*(values[chosen] for values in vars(moments).values()))
        losses = [np.log(part.error(share) + _FLOOR).mean() for share in shares]
        mean = np.mean([confidence_of(size, step.half, step.slope) for size in part.size])
        best = shares[int(np.argmin(losses))]
        lines.append(f"| {low:g} to {high:g} | {chosen.sum()} | {mean:.2f} | {best:.2f} |")
    return "\n".join(lines)


def main() -> int:
    """Print the step for a pipeline file, and how well it is calibrated."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--examples", type=int, default=4000)
    options = parser.parse_args()
    try:
        paths = find_photos(options.photos)
        if not paths:
            raise UsageError(f"{options.photos}: holds no photographs")
        photographs = [decode(path, 320) for path in paths]
        model = model_files.load(options.model, "cpu")
        examples = held_out_examples(photographs, options.recipe, options.examples)
        moments = Moments.of(examples, model, model.info.config)
    except Error as error:
        print(f"calibration: {error}", file=sys.stderr)
        return 1
    step = fit_confidence(moments)
    print(f'[[postprocess]]\nstep = "shrink_by_confidence"\nhalf = {step.half:.3g}')
    print(f"slope = {step.slope:.3g}\n")
    print(table(moments, step))
    return 0


if __name__ == "__main__":
    sys.exit(main())
