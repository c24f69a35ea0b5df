"""Where exposure correction is known to fail: `python benchmarks/failures.py PHOTOS [MODEL ...]`.

Errors are synthesised, so that what was lost is known; each model corrects the photographs of the
folder, full size.

clipped   +1.5, +2.5, +3.5 EV by a plain gain in linear light. Where all channels are white: share,
          median and 5 % quantile of the luma, cast (CIELAB chroma, 0 is neutral) and rim, as
          midtone.evaluation.tone measures them; the chroma in a ring of 8 px around it, and what it
          was in the good photograph.
dark      -3, -4, -5 EV with shot and read noise before the tone curve, quantised. The noise of the
          darker half of the result against a reference without noise (the same correction of the
          same photograph without noise): over the input's noise; over the noise of the input
          multiplied back to the right exposure; and, over the input's, after a Gaussian of 4 px.
harmless  -0.3, 0, +0.3 EV by the measured curves: mean absolute change.
twice     mean absolute change by the first and by the second correction, by error.

Changes are in code values. Figures are means over the photographs.

`--contact-sheet FILE` draws a picture instead: the first three photographs with white regions at
+2.5 EV and the first three at -4 EV with noise, in the order of their names: input, each model, the
good photograph, and beside each a part of it where most of the white or of the shadows is.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from midtone import Corrector, colour, photo
from midtone.data.photographs import find_photos
from midtone.data.synthesize import expose, linear_curve
from midtone.evaluation import tone
from midtone.evaluation.contact_sheet import Tile, contact_sheet
from midtone.evaluation.images import read_srgb

SHOT, READ = 4e-4, 4e-7  # variances at full scale and at black
RING = 8  # px
PART = 60, 45  # half of the width and height of the part that is shown enlarged
Figures = dict[str, float]


def clipped(corrector: Corrector, good: np.ndarray, ev: float) -> Figures:
    """Measures of one photograph's white regions; empty if it has none."""
    exposed = np.rint(linear_curve(ev)).astype(np.uint8)[good]
    result = corrector(exposed)
    white = tone.measure_white(exposed, result, 255)
    if white is None or white.rim is None:
        return {}
    region = (exposed == 255).all(2).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RING + 1, 2 * RING + 1))
    ring = cv2.dilate(region, disc).astype(bool) & ~region.astype(bool)
    return {
        "share, %": 100 * white.share,
        "median": white.median,
        "5 %": white.low,
        "cast": white.cast,
        "rim": white.rim,
        "chroma beside": float(tone.lightness_chroma(result)[1][ring].mean()),
        "true beside": float(tone.lightness_chroma(good)[1][ring].mean()),
    }


def dark(corrector: Corrector, good: np.ndarray, ev: float, seed: int) -> Figures:
    """Noise of one photograph's darker half, corrected, over that of the input."""
    inputs = noisy(good, ev, seed)
    photos = [photo.from_array(one) for one in inputs]
    plan = corrector.plan(photos[0])
    results = [corrector.apply(plan, one).pixels for one in photos]
    right = [
        255 * colour.linear_to_srgb(np.clip(colour.srgb_to_linear(one / 255) * 2.0**-ev, 0, 1))
        for one in inputs
    ]
    luma = inputs[1].mean(2)
    shadows = luma <= np.median(luma)

    def rms(pair: list[np.ndarray], sigma: float = 0) -> float:
        residual = pair[0].astype(np.float32) - pair[1]
        if sigma:
            residual = cv2.GaussianBlur(residual, (0, 0), sigma)
        return float(np.sqrt((residual[shadows] ** 2).mean()))

    return {
        "noise / input": rms(results) / rms(inputs),
        "noise / right": rms(results) / rms(right),
        "blotches / input": rms(results, 4) / rms(inputs, 4),
    }


def noisy(good: np.ndarray, ev: float, seed: int) -> list[np.ndarray]:
    """The photograph by a sensor that got 2^EV of the light: with its noise, and without."""
    clean = colour.srgb_to_linear(good / 255) * 2.0**ev
    noise = np.random.default_rng(seed).standard_normal(clean.shape)
    grainy = clean + noise * np.sqrt(SHOT * clean + READ)
    return [photo.to_8_bit(colour.linear_to_srgb(np.clip(one, 0, 1))) for one in (grainy, clean)]


def harmless(corrector: Corrector, good: np.ndarray, ev: float) -> Figures:
    """Mean absolute change of a photograph that needs little."""
    exposed = expose(good, ev)
    return {"change": tone.mean_change(exposed, corrector(exposed))}


def twice(corrector: Corrector, good: np.ndarray, ev: float) -> Figures:
    """Mean absolute change by the first and by the second correction."""
    exposed = expose(good, ev)
    once = corrector(exposed)
    return {
        "first": tone.mean_change(exposed, once),
        "second": tone.mean_change(once, corrector(once)),
    }


def measure(corrector: Corrector, pictures: list[np.ndarray]) -> dict[str, Figures]:
    """All measures, by kind and EV: means over the photographs."""
    found: dict[str, list[Figures]] = defaultdict(list)
    for seed, good in enumerate(pictures):
        for ev in (1.5, 2.5, 3.5):
            found[f"clipped {ev:+g} EV"].append(clipped(corrector, good, ev))
        for ev in (-3.0, -4.0, -5.0):
            found[f"dark {ev:+g} EV"].append(dark(corrector, good, ev, seed))
        for ev in (-0.3, 0.0, 0.3):
            found[f"harmless {ev:+g} EV"].append(harmless(corrector, good, ev))
        for ev in (-1.5, 0.0, 1.5):
            found[f"twice {ev:+g} EV"].append(twice(corrector, good, ev))
    return {
        case: {name: float(np.mean([one[name] for one in some])) for name in some[0]}
        | {"n": len(some)}
        for case, every in found.items()
        if (some := [one for one in every if one])
    }


def draw(correctors: dict[str, Corrector], pictures: list[np.ndarray]) -> np.ndarray:
    """Rows of input, results, good photograph; beside each a part at its full resolution."""
    cases: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for good in pictures:
        exposed = np.rint(linear_curve(2.5)).astype(np.uint8)[good]
        white = (exposed == 255).all(2)
        if white.mean() >= 0.05 and len(cases) < 3:
            cases.append((exposed, white, good))
    for seed, good in enumerate(pictures[:3]):
        exposed = noisy(good, -4.0, seed)[0]
        cases.append((exposed, exposed.mean(2) < np.median(exposed.mean(2)), good))
    rows = []
    for exposed, mask, good in cases:
        # Where half of the pixels are in the mask: the border shows most.
        share = cv2.blur(mask.astype(np.float32), (2 * PART[0], 2 * PART[1]))
        height, width = mask.shape
        inner = np.abs(share - 0.5)[PART[1] : height - PART[1], PART[0] : width - PART[0]]
        top, left = np.unravel_index(inner.argmin(), inner.shape)
        part = slice(top, top + 2 * PART[1]), slice(left, left + 2 * PART[0])
        images = {"input": exposed}
        images |= {name: corrector(exposed) for name, corrector in correctors.items()}
        images["good"] = good
        rows.append(
            [
                Tile(name, caption, shown)
                for name, image in images.items()
                for caption, shown in (("", image), ("part", image[part]))
            ]
        )
    return contact_sheet(rows, 2 * PART[0])


def main() -> int:
    """Print a table for each kind of failure, or draw a contact sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder of well exposed photographs")
    parser.add_argument("models", nargs="*", default=["default"], help="embedded names or files")
    parser.add_argument("--contact-sheet", type=Path, help="draw a contact sheet here instead")
    options = parser.parse_args()
    paths = find_photos(options.photos)
    if options.contact_sheet:
        named = {Path(model).stem: Corrector(model) for model in options.models}
        sheet = photo.from_array(draw(named, [read_srgb(path) for path in paths]))
        photo.write(sheet, options.contact_sheet, quality=85, overwrite=True)
        return 0
    pictures = [read_srgb(path) for path in paths]
    by_model = {model: measure(Corrector(model), pictures) for model in options.models}
    before = ""
    for case, first in next(iter(by_model.values())).items():
        kind = case.split()[0]
        if kind != before:
            names = [name for name in first if name != "n"]
            print(
                f"\n### {kind.capitalize()}\n\n| | photographs | model | "
                + " | ".join(names)
                + " |"
            )
            print("|---" * (len(names) + 3) + "|")
            before = kind
        for model, cases in by_model.items():
            found = cases[case]
            cells = " | ".join(f"{found[name]:.2f}" for name in names)
            print(
                f"| {case.removeprefix(kind)} | {found['n']:.0f} | {Path(model).stem} | {cells} |"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
