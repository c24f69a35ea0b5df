"""Flicker of a time lapse: uncorrected, corrected one by one, and corrected together.

A made-up sunset of 300 frames: a photograph whose light falls by 2.5 EV and becomes warmer, with
clouds that drift over it, and an exposure that flickers by 0.2 EV (standard deviation). Prints the
frame-to-frame change of the mean log2 luminance.

    python benchmarks/flicker.py [--frames 300] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image

from midtone import Corrector, colour

EXAMPLE = Path(__file__).parents[1] / "examples" / "dark.jpg"
FALL, WARMTH, FLICKER = 2.5, 0.5, 0.2  # EV
BRIGHTEN = 1.5  # EV: the example is underexposed


def time_lapse(frames: int, size: tuple[int, int] = (480, 320), seed: int = 1) -> list[np.ndarray]:
    """The frames, height x width x 3 uint8 sRGB."""
    random = np.random.default_rng(seed)
    with Image.open(EXAMPLE) as image:
        scene = colour.srgb_to_linear(np.asarray(image.convert("RGB").resize(size)) / 255)
    clouds = np.asarray(
        Image.fromarray(random.random((9, 40)).astype(np.float32)).resize(
            (4 * size[0], size[1]), Image.Resampling.BICUBIC
        )
    )
    made = []
    for number in range(frames):
        at = number / max(1, frames - 1)
        shift = round(at * 2 * size[0])
        cloud = 2 ** (-0.5 * clouds[:, shift : shift + size[0], None])
        light = 2.0 ** (BRIGHTEN - FALL * at + WARMTH * at * np.array([0.5, 0, -1]))
        exposure = 2 ** (FLICKER * random.standard_normal())
        linear = (scene * cloud * light * exposure).clip(0, 1)
        made.append(np.rint(255 * colour.linear_to_srgb(linear)).astype(np.uint8))
    return made


def brightness(frames: list[np.ndarray]) -> np.ndarray:
    """Mean log2 luminance of each frame in EV."""
    return np.array([colour.log_luminance(frame / 255).mean() for frame in frames])


def main() -> None:
    """Make it, correct it, print the figures."""
    parser = argparse.ArgumentParser(description="Flicker of a time lapse.")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--out", type=Path, help="folder for the frames, uncorrected and corrected")
    options = parser.parse_args()
    corrector = Corrector()
    frames = time_lapse(options.frames)
    versions = {"uncorrected": frames}
    started = time.perf_counter()
    versions["one by one"] = [corrector(frame) for frame in frames]
    seconds = {"one by one": time.perf_counter() - started}
    for together in ("same", "smooth"):
        started = time.perf_counter()
        versions[together] = corrector.correct_sequence(frames, together=together)
        seconds[together] = time.perf_counter() - started
    print(
        "| version | mean change, EV | greatest change, EV | first and last frame, EV | s/frame |"
    )
    print("|---|---|---|---|---|")
    for name, version in versions.items():
        levels = brightness(version)
        change = np.abs(np.diff(levels))
        each = seconds[name] / len(frames) if name in seconds else 0.0
        print(
            f"| {name} | {change.mean():.4f} | {change.max():.4f} "
            f"| {levels[:10].mean():.2f}, {levels[-10:].mean():.2f} | {each:.3f} |"
        )
        if options.out:
            folder = options.out / name.replace(" ", "-")
            folder.mkdir(parents=True, exist_ok=True)
            for number, frame in enumerate(version):
                Image.fromarray(frame).save(folder / f"{number:04}.png")


if __name__ == "__main__":
    main()
