"""Small videos for tests."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from midtone.colour import expose


def hand_held(
    picture: np.ndarray, frames: int, size=(160, 96), ev: float = -1.5
) -> list[np.ndarray]:
    """Frames of a pan with shake over a picture that is wrongly exposed, uint8."""
    random = np.random.default_rng(1)
    shake = np.cumsum(random.normal(0, 1, (frames, 2)), 0)
    room = np.array(picture.shape[:2]) - size[::-1]
    made = []
    for number in range(frames):
        pan = room * (0.2 + 0.6 * number / max(1, frames - 1))
        top, left = np.clip(pan + shake[number], 0, room).astype(int)
        crop = picture[top : top + size[1], left : left + size[0]]
        made.append(np.rint(255 * expose(crop / 255, ev)).astype(np.uint8))
    return made


def write(
    path: Path,
    frames: list[np.ndarray],
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    rate: int = 10,
    times: list[int] | None = None,
    audio: str | None = "aac",
    rotation: int = 0,
    tags: dict[str, int] | None = None,
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """times: of the frames in thousandths of a second; tags: of the codec, such as color_trc."""
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=rate, options=options or {"crf": "10"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.codec_context.time_base = Fraction(1, 1000)
        for name, value in (tags or {}).items():
            setattr(stream.codec_context, name, value)
        sound = container.add_stream(audio, rate=44100) if audio else None
        if rotation:
            stream.set_display_rotation(rotation)
        for number, pixels in enumerate(frames):
            deep = pixels.dtype == np.uint16
            frame = av.VideoFrame.from_ndarray(pixels, "rgb48le" if deep else "rgb24")
            frame = frame.reformat(format=pix_fmt, dst_colorspace=5)
            frame.pts = times[number] if times else number * 1000 // rate
            frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
            if sound:
                tone = np.sin(np.arange(44100 // rate) / 9)[None].astype(np.float32)
                heard = av.AudioFrame.from_ndarray(tone, "fltp", "mono")
                heard.sample_rate, heard.pts = 44100, number * (44100 // rate)
                container.mux(sound.encode(heard))
        container.mux(stream.encode(None))
        if sound:
            container.mux(sound.encode(None))
    return path


def read(path: Path) -> tuple[list[np.ndarray], list[float]]:
    """Frames as uint8 or uint16 arrays of their planes' luma, and their times."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [one.to_ndarray()[: one.height] for one in frames], [one.time for one in frames]
