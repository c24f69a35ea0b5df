"""JPEG: libjpeg-turbo for the pixels; Pillow for CMYK and for reduced sizes."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from midtone import jpeg_decoder
from midtone.errors import PhotoError
from midtone.jpeg_decoder import Begun, StripDecoder
from midtone.photo import jpeg_segments, pillow_codec, xmp
from midtone.photo.jpeg_segments import Frame, Segments
from midtone.photo.orientation import orientation_of, upright
from midtone.photo.photo import Photo
from midtone.photo.strips import Strips, split

_SUBSAMPLING = {0: "444", 1: "422", 2: "420"}
_BY_FACTORS = {(1, 1): 0, (2, 1): 1, (2, 2): 2}  # of the luminance, to the chroma's (1, 1)
_LOSSLESS = (0xC3, 0xC7, 0xCB, 0xCF)
_VIDEO = re.compile(rb"\0\0\0.ftyp", re.DOTALL)  # the first box of MP4 and QuickTime


def read_size(data: bytes) -> tuple[int, int]:
    """(width, height) as stored. Raises PhotoError."""
    frame = jpeg_segments.parse(data, heads=True).frame
    if frame is None or not frame.width or not frame.height:
        raise PhotoError("damaged or incomplete image (no frame header)")
    return frame.width, frame.height


def decode(data: bytes, salvage: bool = False) -> Photo:
    """Decode a file. Raises PhotoError for a damaged or unsupported one.

    salvage: accept a file that is cut off; what is missing becomes grey
    """
    segments = jpeg_segments.parse(data)
    frame = segments.frame
    if frame is None or not segments.has_scan:
        raise PhotoError("damaged or incomplete image (no picture in it)")
    if frame.bits != 8 or frame.marker in _LOSSLESS:
        kind = "lossless" if frame.marker in _LOSSLESS else f"{frame.bits}-bit"
        raise PhotoError(f"{kind} JPEG is not supported; convert it to PNG or 8-bit JPEG")
    notes: tuple[str, ...] = ()
    if segments.end is None:
        # The decoder fills what is missing with grey without an error.
        if not salvage:
            raise PhotoError("the file is cut off; use --salvage to correct what is there")
        notes = ("the file is cut off; what was missing is grey",)
    if len(frame.sampling) in (1, 3):
        import imagecodecs

        pixels = np.asarray(imagecodecs.jpeg8_decode(data))
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        photo = Photo(pixels)
    else:
        image = pillow_codec.open_image(data, "JPEG")
        if segments.end is None:
            data += b"\xff\xd9"
            image = pillow_codec.open_image(data, "JPEG")
        photo = pillow_codec.decode(image)
    return upright(_with_metadata(photo, segments, data, notes))


class JpegFile:
    """A JPEG file, taken apart once for its preview and its strips. Raises PhotoError.

    begun: what of it is decoded already
    """

    def __init__(self, data: bytes, begun: Begun | None = None) -> None:
        self._data = data
        self._begun = begun
        self._segments = jpeg_segments.parse(data)

    def _frame(self) -> Frame | None:
        """The frame header of a whole file that can be decoded in part; else None."""
        frame = self._segments.frame
        if frame is None or self._segments.end is None or not self._segments.has_scan:
            return None
        usual = frame.bits == 8 and frame.marker not in _LOSSLESS
        return frame if usual and len(frame.sampling) in (1, 3) else None

    def preview(self, longest_side: int) -> Photo | None:
        """A smaller photograph, at least ``longest_side`` px along its longer side, or None.

        The decoder can leave out detail at 1/2, 1/4 and 1/8 of the size.
        """
        frame = self._frame()
        if frame is None:
            return None
        reduction = jpeg_decoder.reduction_to(longest_side, max(frame.width, frame.height))
        if reduction is None:
            return None
        pixels = self._reduced(frame, reduction)
        return upright(_with_metadata(Photo(pixels), self._segments, self._data, ()))

    def _reduced(self, frame: Frame, reduction: int) -> np.ndarray:
        """Pixels at 1/2, 1/4 or 1/8 of the size."""
        begun = self._begun
        found = begun.preview() if begun and begun.reduction == reduction else None
        if found is None:
            try:
                decoder = jpeg_decoder.Decoder(self._data, reduction)
            except ImportError:
                return self._reduced_by_pillow(frame, reduction)
            found = decoder.read(decoder.shape[0]), decoder.shape
        return np.frombuffer(found[0], np.uint8).reshape(found[1])

    def _reduced_by_pillow(self, frame: Frame, reduction: int) -> np.ndarray:
        with pillow_codec.open_image(self._data, "JPEG") as image:
            image.draft(image.mode, (frame.width // reduction, frame.height // reduction))
            pixels = np.asarray(image)
        return pixels[..., None] if pixels.ndim == 2 else pixels

    def strips(self, name: str) -> tuple[Photo, StripDecoder] | None:
        """The photograph with ``Strips`` for pixels, and what decodes them while they are used.

        name: of the file, for the PhotoError that using damaged ones raises
        None for a small one, one that has to be turned, and where the decoder or the file allows
        none.
        """
        frame = self._frame()
        if frame is None or frame.width * frame.height < jpeg_decoder.LARGE:
            return None
        try:
            decoder = self._begun.strips if self._begun else StripDecoder(self._data)
        except ImportError:
            return None
        width, channels = decoder.shape[1:]

        def read(top: int, rows: int) -> np.ndarray:
            try:
                strip = decoder.read()
            except ValueError as error:
                raise PhotoError(f"{name}: damaged or incomplete image ({error})") from error
            return np.frombuffer(strip, np.uint8).reshape(rows, width, channels)

        pixels = Strips(decoder.shape, read)
        photo = _with_metadata(Photo(pixels), self._segments, self._data, ())  # type: ignore[arg-type]
        return (photo, decoder) if orientation_of(photo.metadata) == 1 else None


def encode(photo: Photo, quality: int) -> bytes:
    """A JPEG file of uint8 pixels without alpha, whose strips are encoded side by side."""
    from imagecodecs import jpeg8_encode  # not in the threads: imagecodecs imports its parts late

    grey = photo.pixels.shape[2] == 1
    subsampling = None if grey else _SUBSAMPLING[photo.subsampling or 0]

    def encode_strip(strip: np.ndarray) -> bytes:
        samples = np.ascontiguousarray(strip[..., 0] if grey else strip)
        return bytes(jpeg8_encode(samples, level=quality, subsampling=subsampling))

    pixels = photo.pixels if isinstance(photo.pixels, Strips) else split(photo.pixels)
    return jpeg_segments.join_strips(
        pixels.map(encode_strip), pixels.shape[0], pixels.rows, photo.metadata, photo.icc
    )


def _with_metadata(photo: Photo, segments: Segments, data: bytes, notes: tuple[str, ...]) -> Photo:
    metadata, icc, others = jpeg_segments.metadata_of(segments)
    if metadata.xmp:
        packet, parts = xmp.without_parts(metadata.xmp)
        metadata = replace(metadata, xmp=packet)
    else:
        parts = []
    is_cmyk = segments.frame is not None and len(segments.frame.sampling) == 4
    left_out = [*others, *_describe_rest(data[segments.end or len(data) :], parts)]
    if left_out:
        notes += (f"left out: {', '.join(left_out)}",)
    return replace(
        photo,
        icc=None if is_cmyk else icc,
        metadata=metadata,
        format="JPEG",
        subsampling=_subsampling(segments),
        quality=jpeg_segments.quality(segments),
        notes=photo.notes + notes,
    )


def _describe_rest(rest: bytes, parts: list[str]) -> list[str]:
    """What stands after the picture, which points to it or not."""
    found = list(dict.fromkeys(part for part in parts if part != "container"))
    pictures = rest.count(b"\xff\xd8\xff\xe0") + rest.count(b"\xff\xd8\xff\xe1")
    if pictures and "gain map" not in found:
        found.append(f"{pictures} more picture{'s' * (pictures > 1)} in the file")
    if _VIDEO.search(rest) and "motion photo" not in found:
        found.append("a video in the file")
    if not found and rest.strip(b"\0"):
        found.append(f"{len(rest)} bytes after the picture")
    return found


def _subsampling(segments: Segments) -> int | None:
    """Of the chroma, as Pillow numbers it: 0 (4:4:4), 1 (4:2:2), 2 (4:2:0) or None (another)."""
    sampling = segments.frame.sampling if segments.frame else ()
    if len(sampling) != 3 or sampling[1:] != ((1, 1), (1, 1)):
        return None
    return _BY_FACTORS.get(sampling[0])
