"""Where exposure correction is known to fail: `python benchmarks/failures.py PHOTOS [MODEL ...]`.

Photographs are spoiled so that what was lost is known; each model corrects them, full size.

clipped   +1.5, +2.5, +3.5 EV by a plain gain in linear light. Where all channels are white:
          CIELAB chroma (0 is neutral) and lightness; the gradient the result has there though the
          input has none (code values a pixel); the chroma beside it, in a ring of 8 px, and what
          it was in the good photograph; and the rim: how much darker the white's outermost pixels
          are than the light parts (90 %) of the ring.
dark      -3, -4, -5 EV with shot and read noise before the tone curve, quantised. The noise of the
          darker half of the result against a denoised reference (the same correction of the same
          photograph without noise): over the input's noise; over the noise of the input multiplied
          back to the right exposure; and, over the input's, after a Gaussian of 4 px (blotches).
harmless  -0.3, 0, +0.3 EV by the measured curves: mean absolute change.
twice     mean absolute difference between the second and the first correction, by error.

Changes are in code values. Figures are means over the photographs.

`--sheet FILE` draws a picture instead: the first three photographs with white regions at +2.5 EV
and the first three at -4 EV with noise, in the order of their names: input, each model, the good
photograph, and beside each a part of it where most of the white or of the shadows is.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from midtone import Corrector, photo
from midtone.data.photographs import decode, find_photos, hold_out
from midtone.data.synthesize import expose, linear_curve

SHOT, READ = 4e-4, 4e-7  # variances at full scale and at black
RING = 8
LEAST = 200  # pixels that a mask needs to count
PART, GAP = (60, 45), 4  # half of the part that is shown enlarged
Found = dict[str, float]


def clipped(corrector: Corrector, good: np.ndarray, ev: float) -> Found:
    """Measures of one photograph's white regions; empty if it has none."""
    wrong = np.rint(linear_curve(ev)).astype(np.uint8)[good]
    white = _white(wrong)
    inside = cv2.erode(white, _disc(1)).astype(bool)
    ring = (cv2.dilate(white, _disc(RING)) - cv2.dilate(white, _disc(1))).astype(bool)
    if inside.sum() < LEAST or ring.sum() < LEAST:
        return {}
    result = corrector(wrong)
    lightness, chroma = _lightness_chroma(result)
    luma = result @ np.array([0.299, 0.587, 0.114])
    slope = np.hypot(*(cv2.Sobel(luma, -1, x, 1 - x, scale=1 / 8) for x in (0, 1)))
    border = white.astype(bool) & ~inside
    rim = np.quantile(lightness[ring], 0.9) - lightness[border].mean()
    return {
        "chroma": chroma[inside].mean(),
        "lightness": lightness[inside].mean(),
        "gradient": slope[inside].mean(),
        "chroma beside": chroma[ring].mean(),
        "true beside": _lightness_chroma(good)[1][ring].mean(),
        "rim": max(0.0, rim),
    }


def dark(corrector: Corrector, good: np.ndarray, ev: float, seed: int) -> Found:
    """Noise of one photograph's darker half, corrected, over that of the input."""
    inputs = noisy(good, ev, seed)
    photos = [photo.from_array(one) for one in inputs]
    plan = corrector.plan(photos[0])
    results = [corrector.finish(one, plan).pixels for one in photos]
    right = [255 * _to_srgb(np.clip(_to_linear(one / 255) * 2.0**-ev, 0, 1)) for one in inputs]
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
    clean = _to_linear(good / 255) * 2.0**ev
    noise = np.random.default_rng(seed).standard_normal(clean.shape)
    grainy = clean + noise * np.sqrt(SHOT * clean + READ)
    return [np.rint(255 * _to_srgb(np.clip(one, 0, 1))).astype(np.uint8) for one in (grainy, clean)]


def harmless(corrector: Corrector, good: np.ndarray, ev: float) -> Found:
    """Mean absolute change of a photograph that is nearly right."""
    wrong = expose(good, ev)
    return {"change": _difference(corrector(wrong), wrong)}


def twice(corrector: Corrector, good: np.ndarray, ev: float) -> Found:
    """Mean absolute change by the first and by the second correction."""
    wrong = expose(good, ev)
    once = corrector(wrong)
    return {"first": _difference(once, wrong), "second": _difference(corrector(once), once)}


def measure(corrector: Corrector, pictures: list[np.ndarray]) -> dict[str, Found]:
    """All measures, by kind and EV: means over the photographs."""
    found: dict[str, list[Found]] = defaultdict(list)
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


def draw(correctors: list[Corrector], pictures: list[np.ndarray]) -> Image.Image:
    """Rows of input, results, truth; beside each a part of it at its full resolution."""
    cases: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for good in pictures:
        wrong = np.rint(linear_curve(2.5)).astype(np.uint8)[good]
        white = _white(wrong)
        if white.mean() >= 0.05 and len(cases) < 3:
            cases.append((wrong, white, good))
    for seed, good in enumerate(pictures[:3]):
        wrong = noisy(good, -4.0, seed)[0]
        cases.append((wrong, (wrong.mean(2) < np.median(wrong.mean(2))).astype(np.uint8), good))
    rows = []
    for wrong, mask, good in cases:
        # Where half of the pixels are in the mask: the border is what there is to see.
        share = cv2.blur(mask.astype(np.float32), (2 * PART[0], 2 * PART[1]))
        height, width = mask.shape
        inner = np.abs(share - 0.5)[PART[1] : height - PART[1], PART[0] : width - PART[0]]
        top, left = np.unravel_index(inner.argmin(), inner.shape)
        part = slice(top, top + 2 * PART[1]), slice(left, left + 2 * PART[0])
        images = [wrong, *(corrector(wrong) for corrector in correctors), good]
        rows.append([(image, image[part]) for image in images])
    across, down = len(correctors) + 2, 2 * PART[1] + GAP
    sheet = Image.new("RGB", (across * 2 * (2 * PART[0] + GAP), len(rows) * down), "white")
    for y, row in enumerate(rows):
        for x, tile in enumerate(image for pair in row for image in pair):
            small = ImageOps.fit(Image.fromarray(tile), (2 * PART[0], 2 * PART[1]))
            sheet.paste(small, (x * (2 * PART[0] + GAP), y * down))
    return sheet


def main() -> int:
    """Print a table for each kind of failure, or draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder of well exposed photographs")
    parser.add_argument("models", nargs="*", default=["default"], help="embedded names or files")
    parser.add_argument("--sheet", type=Path, help="draw the held-out ones of PHOTOS here")
    options = parser.parse_args()
    paths = find_photos(options.photos)
    if options.sheet:
        pictures = [decode(path) for path in hold_out(paths, 50)[1]]
        sheet = draw([Corrector(model) for model in options.models], pictures)
        sheet.save(options.sheet, quality=85, optimize=True)
        return 0
    pictures = [decode(path) for path in paths]
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


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())


def _white(image: np.ndarray) -> np.ndarray:
    """Where an image is white in all channels, but for specks: H x W uint8, 0 or 1."""
    white = (image == 255).all(2).astype(np.uint8)
    return cv2.morphologyEx(white, cv2.MORPH_OPEN, _disc(2))


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def _lightness_chroma(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """CIELAB, H x W each."""
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return lab[..., 0], np.hypot(lab[..., 1], lab[..., 2])


def _to_linear(srgb: np.ndarray) -> np.ndarray:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _to_srgb(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


if __name__ == "__main__":
    sys.exit(main())
