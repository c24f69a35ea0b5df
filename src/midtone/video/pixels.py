"""Frames of a video as arrays, and arrays as frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from midtone.errors import VideoError
from midtone.video.clip import FULL_RANGE, Clip, refuse_hdr, seconds

if TYPE_CHECKING:
    from av import VideoFrame

# From the code points of ITU-T H.273 to the numbers of swscale.
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9}
_BT709, _BT601 = 1, 5
_LEAST_HD = 720  # lines from which a video without a stated matrix has that of BT.709


class Pixels:
    """Frames of one clip as arrays and back.

    Chroma is repeated on the way to RGB and averaged on the way back, so what is not changed
    returns as it was, to rounding.
    """

    def __init__(self, clip: Clip, output_format: str) -> None:
        from av.video.reformatter import Interpolation, VideoReformatter

        self._clip = clip
        self.output_format = output_format
        self._range = FULL_RANGE if clip.is_full_range else 1
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
            dst_color_range=FULL_RANGE,
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
            dst_color_range=FULL_RANGE,
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
            src_color_range=FULL_RANGE,
            dst_color_range=self._range,
            interpolation=self._average,
        )
        frame.pts, frame.time_base = like.pts, like.time_base
        return frame

    def matrix(self, frame: VideoFrame) -> int:
        """Number of the Y'CbCr matrix in swscale: the file's, or the usual one of its size."""
        usual = _BT709 if frame.height >= _LEAST_HD else _BT601
        return _MATRICES.get(frame.colorspace, usual)

    def _check(self, frame: VideoFrame) -> None:
        path = self._clip.path
        if frame.interlaced_frame:
            raise VideoError(f"{path}: is interlaced; deinterlace it first")
        if (frame.width, frame.height) != self._clip.size:
            raise VideoError(f"{path}: the size of its picture changes at {seconds(frame):.1f} s")
        refuse_hdr(path, frame.color_trc)
