"""The corrected video: its encoder, the streams that are copied, its metadata."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midtone.errors import VideoError
from midtone.options import OutputOptions
from midtone.video.clip import FULL_RANGE, Clip, load_av

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import OutputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream


@dataclass(frozen=True)
class Encoder:
    """An encoder with a constant quality.

    crf:     where no quality is chosen;  most: that of quality 0
    deep:    whether it takes 10 bits
    options: of the encoder;  tag: of the stream in MP4 and QuickTime
    """

    name: str
    crf: int
    most: int
    _: KW_ONLY
    deep: bool = False
    options: tuple[tuple[str, str], ...] = ()
    tag: str | None = None


_X264 = Encoder("libx264", 18, 51, options=(("preset", "veryfast"),))
_X265 = Encoder(
    "libx265",
    20,
    51,
    deep=True,
    options=(("preset", "veryfast"), ("x265-params", "log-level=none")),
    tag="hvc1",
)
_VP9 = Encoder(
    "libvpx-vp9",
    24,
    63,
    options=(("b", "0"), ("deadline", "good"), ("cpu-used", "4"), ("row-mt", "1")),
)
_AV1 = Encoder("libsvtav1", 24, 63, deep=True, options=(("preset", "8"),))
# The first that PyAV has and that takes the bits.
_ENCODERS = {".webm": (_VP9, _AV1)}
_USUAL = (_X264, _X265, _AV1)
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}


class Output:
    """A video file that is being written: ``encode`` frames, ``copy`` packets, then ``finish``.

    notes: sentences on what is not kept
    """

    def __init__(
        self,
        clip: Clip,
        target: Path,
        container: OutputContainer,
        options: OutputOptions,
        *,
        display_matrix: list[int] | None,
    ) -> None:
        self.notes: list[str] = []
        self._container = container
        encoder = _choose(clip, target)
        self.format = self._pixel_format(clip, encoder)
        self._stream = _video_stream(clip, container, encoder, self.format, options.quality)
        if display_matrix:
            self._stream.set_display_matrix(display_matrix)
        self._copied: dict[int, Stream] = {}
        for stream in clip.container.streams:
            if stream is not clip.stream:
                self._add(stream, target)
        if not options.strip:
            container.metadata.update(clip.container.metadata)
            container.set_chapters(clip.container.chapters())
            _copy_metadata(clip.stream, self._stream)

    def encode(self, frame: VideoFrame) -> None:
        """Write a frame of the format ``format``."""
        self._container.mux(self._stream.encode(frame))

    def copy(self, packet: Packet[Stream]) -> None:
        """Write a packet of another stream as it is, if that stream is kept."""
        kept = self._copied.get(packet.stream.index)
        if kept is not None and packet.dts is not None:
            packet.stream = kept
            self._container.mux(packet)

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode(None))

    def _add(self, stream: Stream, target: Path) -> None:
        codec = stream.codec_context.name if stream.codec_context else "unknown"
        decoded = stream.codec_context.codec.canonical_name if stream.codec_context else ""
        if stream.type in ("audio", "subtitle") and decoded in self._container.supported_codecs:
            self._copied[stream.index] = self._container.add_stream_from_template(stream)
            _copy_metadata(stream, self._copied[stream.index])
        elif stream.type == "audio":
            raise VideoError(f"{target}: cannot hold {codec} audio; choose a name with .mkv")
        else:
            kind = "picture" if stream.type == "video" else stream.type
            self.notes.append(f"left out: a stream of kind {kind} ({codec})")

    def _pixel_format(self, clip: Clip, encoder: Encoder) -> str:
        source = clip.format
        known = [chroma for chroma in ("420", "422", "444") if chroma in source.name]
        if source.name in ("nv12", "nv21") or source.name.startswith("p01"):
            known = ["420"]
        if not known:
            self.notes.append(f"{source.name} became Y'CbCr 4:2:0")
        if source.name.startswith(("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya")):
            self.notes.append("transparency is left out")
        deep = clip.bits > 8 and encoder.deep
        if clip.bits > (10 if deep else 8):
            self.notes.append(f"{clip.bits} bits became {10 if deep else 8}")
        chroma = known[0] if known else "420"
        width, height = clip.size
        if (chroma != "444" and width % 2) or (chroma == "420" and height % 2):
            raise VideoError(
                f"{clip.path}: {width} x {height} pixels cannot be encoded as {':'.join(chroma)}: "
                "both sides must be even"
            )
        return f"yuv{chroma}p" + ("10le" if deep else "")


@contextlib.contextmanager
def writing(target: Path, temporary: Path) -> Iterator[OutputContainer]:
    """A container that is written to ``temporary``. Raises VideoError."""
    av = load_av()
    suffix = target.suffix.lower()
    format = CONTAINERS.get(suffix)
    if format is None:
        raise VideoError(f"{target}: videos are written as {', '.join(sorted(CONTAINERS))}")
    flags = {"movflags": "faststart"} if format in ("mp4", "mov") else {}
    try:
        with av.open(str(temporary), "w", format=format, container_options=flags) as container:
            yield container
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(f"{target}: cannot be written ({error.strerror or error})") from error


def _choose(clip: Clip, target: Path) -> Encoder:
    """The first encoder of the target's kind that is there."""
    av = load_av()
    wanted = _ENCODERS.get(target.suffix.lower(), _USUAL)
    present = [one for one in wanted if one.name in av.codecs_available]
    deep = [one for one in present if one.deep]
    if clip.bits > 8 and deep:
        return deep[0]
    if not present:
        names = ", ".join(one.name for one in wanted)
        raise VideoError(f"{target}: cannot be encoded; PyAV has none of {names}")
    return present[0]


def _video_stream(
    clip: Clip, container: OutputContainer, encoder: Encoder, format: str, quality: int | None
) -> VideoStream:
    crf = encoder.crf if quality is None else round(encoder.most * (1 - quality / 100))
    source = clip.stream.codec_context
    stream: Any = container.add_stream(
        encoder.name,
        rate=clip.stream.average_rate or 25,
        options={"crf": str(crf), **dict(encoder.options)},
    )
    codec = stream.codec_context
    codec.width, codec.height = clip.size
    codec.pix_fmt = format
    assert clip.stream.time_base is not None
    codec.time_base = clip.stream.time_base
    if source.sample_aspect_ratio:
        codec.sample_aspect_ratio = source.sample_aspect_ratio
    codec.color_range = FULL_RANGE if clip.is_full_range else source.color_range
    codec.colorspace = source.colorspace
    codec.color_primaries = source.color_primaries
    codec.color_trc = source.color_trc
    if encoder.tag and container.format.name in ("mp4", "mov"):
        codec.codec_tag = encoder.tag
    made: VideoStream = stream
    return made


def _copy_metadata(source: Stream, target: Stream) -> None:
    for name in ("language", "title", "handler_name"):
        if name in source.metadata:
            target.metadata[name] = source.metadata[name]
    target.disposition = source.disposition
