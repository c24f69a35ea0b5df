"""Frames a second of correcting a video, and where the time goes.

A made-up clip: a hand-held pan over a photograph that is too dark, H.264, with a tone.

    python benchmarks/video.py [--size 1920x1080] [--frames 60] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from midtone import Corrector, correct_video
from midtone.options import FileOptions, OutputOptions

EXAMPLE = Path(__file__).parents[1] / "examples" / "dark.jpg"
RATE, ROOM = 30, 1.3  # the photograph is that many times as large as a frame
SHAKE, PUMP = 0.002, 0.15  # of the width a frame; EV up and down in the course of two seconds


def write_clip(path: Path, size: tuple[int, int], frames: int) -> None:
    """A pan with a shaking hand over the example, whose automatic exposure pumps."""
    random = np.random.default_rng(1)
    width, height = size
    with Image.open(EXAMPLE) as image:
        scale = ROOM * max(width / image.width, height / image.height)
        large = image.convert("RGB").resize(
            (round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC
        )
    picture = np.asarray(large)
    room = np.array(picture.shape[:2]) - (height, width)
    shake = np.cumsum(random.normal(0, SHAKE * width, (frames, 2)), 0)
    shake -= np.linspace(0, 1, frames)[:, None] * shake[-1]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "16"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            at = room * number / max(1, frames - 1) + shake[number]
            top, left = np.clip(at, 0, room).astype(int)
            crop = picture[top : top + height, left : left + width]
            exposure = 2 ** (PUMP * np.sin(np.pi * number / RATE) / 2.2)
            curve = np.rint(np.clip(np.arange(256) * exposure, 0, 255)).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(curve[crop]), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=1)))
        container.mux(stream.encode(None))


def main() -> None:
    """Make it, correct it, print the figures."""
    parser = argparse.ArgumentParser(description="Frames a second of correcting a video.")
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, help="folder for the clip, uncorrected and corrected")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    corrector = Corrector()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        clip, target = folder / "clip.mp4", folder / "corrected.mp4"
        write_clip(clip, (width, height), options.frames)
        rates = []
        for _ in range(options.runs):
            passes: list[float] = []
            started, cpu = time.perf_counter(), time.process_time()

            def advance(started: float = started, passes: list[float] = passes) -> None:
                passes.append(time.perf_counter() - started)

            result = correct_video(
                clip,
                target,
                corrector=corrector,
                options=FileOptions(output=OutputOptions("overwrite")),
                advance=advance,
            )
            assert not result.error, result.error
            planned = passes[options.frames - 1]
            rates.append((planned, result.seconds, time.process_time() - cpu))
    planned, whole, cpu = np.median(rates, 0)
    print(
        f"{width} x {height}, {options.frames} frames: {options.frames / whole:.1f} frames a "
        f"second (planned in {planned:.1f} s of {whole:.1f} s), "
        f"{1000 * cpu / options.frames:.0f} ms of CPU time a frame"
    )


if __name__ == "__main__":
    main()
