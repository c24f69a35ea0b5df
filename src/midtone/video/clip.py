"""A video file: its properties, its packets and frames, and what is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from midtone.errors import TooLargeError, UsageError, VideoError

if TYPE_CHECKING:
    from av import Packet, VideoFormat, VideoFrame
    from av.container import InputContainer
    from av.stream import Stream
    from av.video.stream import VideoStream

SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv",
     ".3gp"}
)  # fmt: skip
# Code points of ITU-T H.273.
FULL_RANGE = 2
_HDR = {16: "PQ", 18: "HLG"}


@dataclass(frozen=True)
class Clip:
    """An open video file.

    path: for messages;  container, stream: of PyAV
    """

    path: Path
    container: InputContainer
    stream: VideoStream

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels as stored."""
        return self.stream.codec_context.width, self.stream.codec_context.height

    @property
    def frames(self) -> int | None:
        """Number of frames, by the header or by length and rate; None if unknown."""
        if self.stream.frames:
            return self.stream.frames
        rate, seconds = self.stream.average_rate, self.seconds
        return round(seconds * rate) if rate and seconds else None

    @property
    def seconds(self) -> float | None:
        """Length of the whole file; None if unknown."""
        return self.container.duration / 1e6 if self.container.duration else None

    @property
    def format(self) -> VideoFormat:
        """Format of the pixels, as stored."""
        found = self.stream.codec_context.format
        assert found is not None  # ``open_clip`` refuses such files
        return found

    @property
    def bits(self) -> int:
        """Bits of a sample."""
        return max(component.bits for component in self.format.components)

    @property
    def is_full_range(self) -> bool:
        """Whether code values go from 0 to 255, not from 16 to 235."""
        range_ = self.stream.codec_context.color_range
        return range_ == FULL_RANGE or self.format.name.startswith("yuvj")

    def packets(self) -> Iterator[tuple[Packet[Stream], list[VideoFrame]]]:
        """All packets of the file, each with the frames of the video that it completes.

        A frame without a time stamp gets the one that follows from the frame before it.
        """
        expected = 0
        rate = self.stream.average_rate or 25
        packets = self.container.demux()
        while True:
            frames: list[VideoFrame] = []
            with reading(self.path):
                packet = next(packets, None)
                if packet is None:
                    return
                if packet.stream is self.stream:
                    frames = packet.decode()  # type: ignore[assignment]
            for frame in frames:
                if frame.pts is None:
                    frame.pts = expected
                assert frame.time_base is not None
                expected = frame.pts + max(1, frame.duration or round(1 / (rate * frame.time_base)))
            yield packet, frames


def seconds(frame: VideoFrame) -> float:
    """When a frame of ``Clip.packets`` is shown."""
    assert frame.pts is not None
    assert frame.time_base is not None
    return float(frame.pts * frame.time_base)


@contextlib.contextmanager
def open_clip(path: Path, max_megapixels: float = 500.0) -> Iterator[Clip]:
    """Open a video. Raises VideoError with one sentence for what cannot be corrected."""
    av = load_av()
    with reading(path), av.open(str(path), metadata_errors="replace") as container:
        streams = [
            stream
            for stream in container.streams.video
            if not stream.disposition & av.stream.Disposition.attached_pic
        ]
        if not streams:
            raise VideoError(f"{path}: there is no video in this file")
        stream = streams[0]
        if stream.codec_context is None:
            raise VideoError(f"{path}: no decoder for its video is installed")
        stream.thread_type = "AUTO"
        clip = Clip(path, container, stream)
        width, height = clip.size
        if stream.codec_context.format is None or not width or not height:
            raise VideoError(f"{path}: damaged or incomplete video (no picture size)")
        if width * height > max_megapixels * 1e6:
            raise TooLargeError(
                f"{path}: {width * height / 1e6:.0f} megapixels are more than the limit of "
                f"{max_megapixels:g}"
            )
        refuse_hdr(path, stream.codec_context.color_trc)
        yield clip


def refuse_hdr(path: Path, transfer: int) -> None:
    """Raise VideoError for an HDR transfer characteristic of ITU-T H.273."""
    if transfer in _HDR:
        raise VideoError(
            f"{path}: is HDR video ({_HDR[transfer]}), which is not supported; "
            "convert it to SDR first"
        )


def count_frames(path: Path) -> int | None:
    """How many frames a video has, by its header; None if that is unknown or it cannot be read."""
    try:
        with open_clip(path) as clip:
            return clip.frames
    except VideoError:
        return None


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Errors of the libraries become a VideoError with the file's name."""
    av = load_av()
    try:
        yield
    except av.error.FileNotFoundError:
        raise VideoError(f"{path}: no such file") from None
    except av.error.IsADirectoryError:
        raise VideoError(f"{path}: is a folder, not a video") from None
    except av.error.PermissionError:
        raise VideoError(f"{path}: no permission to read it") from None
    except (av.error.DecoderNotFoundError, av.codec.codec.UnknownCodecError):
        raise VideoError(f"{path}: no decoder for its video is installed") from None
    except av.error.FFmpegError as error:
        raise VideoError(f"{path}: damaged or incomplete video ({error.strerror})") from error


def load_av() -> ModuleType:
    """PyAV. Raises UsageError if it is not installed."""
    try:
        import av
    except ImportError as error:
        raise UsageError("video needs midtone[video]") from error
    return av
