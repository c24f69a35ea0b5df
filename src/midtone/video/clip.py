"""A video file: what its picture is like, its frames as arrays, and what is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

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
_FULL_RANGE = 2
_HDR = {16: "PQ", 18: "HLG"}
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}  # to the numbers of swscale
_BT709, _BT601 = 1, 5
_LEAST_HD = 720  # lines from which a video that does not say its matrix has that of BT.709


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
        """How many there are, by the header or by length and rate; None if unknown."""
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
        """Of the pixels as stored."""
        found = self.stream.codec_context.format
        assert found is not None  # ``open_clip`` has seen to it
        return found

    @property
    def bits(self) -> int:
        """Of a sample."""
        return max(component.bits for component in self.format.components)

    @property
    def is_full_range(self) -> bool:
        """Whether code values go from 0 to 255, not from 16 to 235."""
        range_ = self.stream.codec_context.color_range
        return range_ == _FULL_RANGE or self.format.name.startswith("yuvj")

    def packets(self) -> Iterator[tuple[Packet[Stream], list[VideoFrame]]]:
        """All packets of the file, with the frames that each of the video's leads to.

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
        transfer = stream.codec_context.color_trc
        if transfer in _HDR:
            raise VideoError(
                f"{path}: is HDR video ({_HDR[transfer]}), which is not supported; "
                "convert it to SDR first"
            )
        yield clip


def count_frames(path: Path) -> int | None:
    """How many frames a video has, by its header; None if that is unknown or it cannot be read."""
    try:
        with open_clip(path) as clip:
            return clip.frames
    except VideoError:
        return None


class Pixels:
    """Frames of one clip as arrays and back.

    Chroma is repeated on the way to RGB and averaged on the way back, so what is not changed
    returns as it was, to rounding.
    """

    def __init__(self, clip: Clip, output_format: str) -> None:
        from av.video.reformatter import Interpolation, VideoReformatter

        self._clip = clip
        self.output_format = output_format
        self._range = _FULL_RANGE if clip.is_full_range else 1
        self._rgb = "rgb48le" if clip.bits > 8 else "rgb24"
        exact = (
            Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP | Interpolation.FULL_CHR_H_INT
        )
        self._repeat = Interpolation.POINT | exact
        self._average = Interpolation.AREA | exact
        self._reader, self._writer, self._shrinker = (VideoReformatter() for _ in range(3))

    def read(self, frame: VideoFrame) -> np.ndarray:
        """H x W x 3, uint8 or uint16 for more than 8 bits, sRGB. Raises VideoError."""
        self._check(frame)
        rgb = self._reader.reformat(
            frame,
            format=self._rgb,
            src_colorspace=self.matrix(frame),
            src_color_range=self._range,
            dst_color_range=_FULL_RANGE,
            interpolation=self._repeat,
        )
        return np.ascontiguousarray(rgb.to_ndarray())

    def shrink(self, frame: VideoFrame, longest_side: int, *, grey: bool = False) -> np.ndarray:
        """A smaller image, h x w x 3 as ``read``, or h x w of the luma as it is stored."""
        self._check(frame)
        scale = min(1.0, longest_side / max(frame.width, frame.height))
        small = self._shrinker.reformat(
            frame,
            width=max(2, round(frame.width * scale)),
            height=max(2, round(frame.height * scale)),
            format="gray" if grey else self._rgb,
            src_colorspace=self.matrix(frame),
            src_color_range=self._range,
            dst_color_range=_FULL_RANGE,
            interpolation=self._average,
        )
        return small.to_ndarray()

    def write(self, pixels: np.ndarray, like: VideoFrame) -> VideoFrame:
        """A frame of the output's format, with the time, matrix and range of ``like``."""
        from av import VideoFrame

        frame = self._writer.reformat(
            VideoFrame.from_numpy_buffer(pixels, self._rgb),
            format=self.output_format,
            dst_colorspace=self.matrix(like),
            src_color_range=_FULL_RANGE,
            dst_color_range=self._range,
            interpolation=self._average,
        )
        frame.pts, frame.time_base = like.pts, like.time_base
        return frame

    def matrix(self, frame: VideoFrame) -> int:
        """Of Y'CbCr, as swscale numbers it: that of the file, or the usual one of its size."""
        usual = _BT709 if frame.height >= _LEAST_HD else _BT601
        return _MATRICES.get(frame.colorspace, usual)

    def _check(self, frame: VideoFrame) -> None:
        path = self._clip.path
        if frame.interlaced_frame:
            raise VideoError(f"{path}: is interlaced; deinterlace it first")
        if (frame.width, frame.height) != self._clip.size:
            raise VideoError(f"{path}: the size of its picture changes at {seconds(frame):.1f} s")
        if frame.color_trc in _HDR:
            raise VideoError(
                f"{path}: is HDR video ({_HDR[frame.color_trc]}), which is not supported; "
                "convert it to SDR first"
            )


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
