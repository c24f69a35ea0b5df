"""A photograph and what belongs to it: from a file, bytes or a stream, and back.

Pixels are kept as they were stored (8 or 16 bit), so that a large photograph costs no more memory
than it must; ``Photo.rgb`` gives the float image of the other modules. EXIF, XMP, IPTC, ICC
profile, resolution and alpha travel with the pixels. Orientation is applied on reading, and its
tag reset.
"""

from __future__ import annotations

import io
import os
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from PIL import Image, JpegImagePlugin, UnidentifiedImageError

from midtone import atomic, colour
from midtone.errors import PhotoError, TooLargeError
from midtone.photo import codecs, exif
from midtone.photo.codecs import FORMATS, RAW_SUFFIXES
from midtone.photo.metadata import Metadata

T = TypeVar("T")
_OPENING = threading.Lock()
MAX_MEGAPIXELS = 500.0
QUALITY = 95  # of lossy formats, unless the photograph came with a better one
_GREY, _GREY_16 = {"1", "L", "LA"}, {"I;16", "I;16B", "I;16L", "I;16N"}
_ALPHA_MODES = ("LA", "RGBA", "PA", "La", "RGBa")
# How to turn an H x W x C array upright, by EXIF orientation.
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


@dataclass(frozen=True)
class Photo:
    """Pixels and metadata of one photograph.

    pixels: H x W x 3 (RGB) or H x W x 1 (grey), uint8 or uint16 (or float in [0, 1] if it came
            from an array), upright, in the colour space of ``icc`` (sRGB or its grey if None)
    alpha:  H x W, uint8 or uint16, or None
    exif, xmp, iptc, icc: the raw blocks or None; the orientation in ``exif`` is 1
    format: "JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF", "RAW": what it came in, or None
    dpi:    resolution or None
    subsampling: of a JPEG's chroma as Pillow numbers it (0: 4:4:4, 1: 4:2:2, 2: 4:2:0), or None
    quality: of the JPEG it came from, estimated, or None
    notes:  sentences on what could not be kept
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    icc: bytes | None = None
    format: str | None = None
    dpi: tuple[float, float] | None = None
    subsampling: int | None = None
    iptc: bytes | None = None
    quality: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @cached_property
    def rgb(self) -> np.ndarray:
        """H x W x 3 float32 in [0, 1], in the photograph's own colour space."""
        full = np.iinfo(self.pixels.dtype).max if self.pixels.dtype.kind == "u" else 1
        scaled = self.pixels.astype(np.float32) / np.float32(full)
        return np.broadcast_to(scaled, (*scaled.shape[:2], 3))

    def with_pixels(self, pixels: np.ndarray) -> Photo:
        """The same photograph with other pixels."""
        return replace(self, pixels=pixels)


@dataclass(frozen=True)
class Opened:
    """A file whose header has been read; its pixels have not.

    name: for messages
    data: the encoded file
    """

    name: str
    data: bytes
    image: Image.Image | None  # None for camera RAW

    def photo(self) -> Photo:
        """Decode all of it. Raises PhotoError."""
        return _guarded(self.name, self._photo)

    def preview(self, longest: int) -> Photo | None:
        """A smaller photograph, at least ``longest`` px along its longer side, decoded faster.

        JPEG can be decoded at 1/2, 1/4 and 1/8 of its size. None if there is no faster way.
        """
        image = self.image
        if image is None or image.format not in ("JPEG", "MPO") or image.mode not in ("L", "RGB"):
            return None
        if max(image.size) < 2 * longest:
            return None

        def decode() -> Photo:
            with _open_pillow(self.data) as small:
                scale = longest / max(small.size)
                width, height = (max(1, round(scale * side)) for side in small.size)
                small.draft(small.mode, (width, height))
                return _with_metadata(np.asarray(small), None, image, self.data)

        return _guarded(self.name, decode)

    def _photo(self) -> Photo:
        if self.image is None:
            return _raw(self.data)
        return _from_pillow(self.image, self.data)


def open_photo(
    source: str | os.PathLike[str] | bytes | BinaryIO,
    *,
    max_megapixels: float = MAX_MEGAPIXELS,
    name: str | None = None,
) -> Opened:
    """Read the header of a photograph from a path, bytes or a binary stream.

    name: for messages, and for its suffix, which tells camera RAW; by default the path
    Raises PhotoError with one sentence if there is no such file or no still image in it,
    TooLargeError if it has more pixels than the limit.
    """
    if name is None:
        name = str(source) if isinstance(source, str | os.PathLike) else "input"

    def read_header() -> Opened:
        if isinstance(source, str | os.PathLike):
            data = Path(source).read_bytes()
        else:
            data = source if isinstance(source, bytes) else source.read()
        if not data:
            raise PhotoError("an empty file")
        if Path(name).suffix.lower() in RAW_SUFFIXES:
            return Opened(name, data, None)
        image = _open_pillow(data)
        megapixels = image.width * image.height / 1e6
        if megapixels > max_megapixels:
            raise TooLargeError(
                f"{megapixels:.0f} megapixels are more than the limit of {max_megapixels:g}"
            )
        # Of a TIFF and of telephones' multi-picture JPEGs the first picture is the photograph.
        if getattr(image, "is_animated", False) and image.format not in ("TIFF", "MPO", "HEIF"):
            raise PhotoError("an animated image, not a photograph")
        return Opened(name, data, image)

    return _guarded(name, read_header)


def read(
    source: str | os.PathLike[str] | bytes | BinaryIO, *, max_megapixels: float = MAX_MEGAPIXELS
) -> Photo:
    """Read a photograph from a path, bytes or a binary stream.

    Raises PhotoError with one sentence if there is no such file, or no whole still image in it,
    TooLargeError if it has more pixels than the limit.
    """
    return open_photo(source, max_megapixels=max_megapixels).photo()


def write(
    photo: Photo,
    target: str | os.PathLike[str] | BinaryIO,
    *,
    quality: int | None = None,
    format: str | None = None,
    overwrite: bool = False,
    strip: bool = False,
    software: str | None = None,
) -> None:
    """Write a photograph with its metadata, whole or not at all.

    target:   a path, whose suffix chooses the format, or a binary stream
    quality:  1..100 for JPEG, WebP, AVIF and HEIC (WebP is lossless at 100); by default 95, or that
              of the JPEG the photograph came from if it is better
    format:   "JPEG", "PNG", "TIFF", "WEBP", "AVIF" or "HEIF", instead of the suffix or the format
              it came in
    strip:    leave out all metadata but the colour profile
    software: what the EXIF tag of that name shall say
    Raises PhotoError if the file exists and ``overwrite`` is False, if the format cannot hold the
    photograph, or if it cannot be written.
    """
    quality = default_quality(photo) if quality is None else quality
    if not 1 <= quality <= 100:
        raise PhotoError(f"quality must lie within 1 and 100, not {quality}")
    kept = Metadata(photo.exif, photo.xmp, photo.iptc, photo.icc, photo.dpi)
    if strip:
        kept = kept.stripped()
    if software:
        kept = replace(kept, exif=exif.sign(kept.exif, software))
    if not isinstance(target, str | os.PathLike):
        came_in = photo.format if photo.format in codecs.ENCODERS else None
        target.write(_encode(photo, kept, format or came_in or "PNG", quality, "output"))
        return
    path = Path(target)
    chosen = format or FORMATS.get(path.suffix.lower())
    if chosen is None:
        raise PhotoError(f"{path}: unknown image format; use one of {', '.join(FORMATS)}")
    if path.exists() and not overwrite:
        raise PhotoError(f"{path}: exists already; use overwrite to replace it")
    encoded = _encode(photo, kept, chosen, quality, str(path))
    try:
        with atomic.replacing(path) as temporary:
            temporary.write_bytes(encoded)
    except OSError as error:
        raise PhotoError(f"{path}: cannot be written ({_sentence(error)})") from error


def default_quality(photo: Photo) -> int:
    """95, or that of the JPEG the photograph came from if it is better."""
    return max(QUALITY, photo.quality or 0)


def from_array(array: np.ndarray) -> Photo:
    """Photo of an H x W, H x W x 1, x 3 or x 4 array; uint8, uint16 or float in [0, 1]."""
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise PhotoError(f"an image is H x W, H x W x 3 or H x W x 4, not {array.shape}")
    if array.dtype not in (np.uint8, np.uint16, np.float32, np.float64):
        raise PhotoError(f"an image is uint8, uint16 or float, not {array.dtype}")
    array = array[..., None] if array.ndim == 2 else array
    alpha = None
    if array.shape[2] == 4:
        array, alpha = array[..., :3], array[..., 3]
        alpha = to_8_bit(alpha) if alpha.dtype.kind == "f" else alpha
    return Photo(array, alpha)


def from_pillow(image: Image.Image) -> Photo:
    """Photo of a Pillow image, its metadata included."""
    copy = image.copy()
    copy.format = image.format
    return _guarded("image", lambda: _from_pillow(copy, b""))


def to_pillow(photo: Photo) -> Image.Image:
    """Pillow image; 16-bit colour becomes 8-bit, which is all that Pillow has."""
    pixels, alpha = photo.pixels, photo.alpha
    grey = pixels.shape[2] == 1
    if pixels.dtype != np.uint16 or not grey or alpha is not None:
        pixels = to_8_bit(pixels)
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if grey else pixels))
    if alpha is not None:
        image.putalpha(Image.fromarray(np.ascontiguousarray(to_8_bit(alpha))))
    return image


def to_8_bit(values: np.ndarray) -> np.ndarray:
    """Codes of 8 bits, rounded: uint8 or uint16, or float in [0, 1]."""
    if values.dtype == np.uint16:
        return ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    if values.dtype.kind == "f":
        return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return values


def _guarded(name: str, work: Callable[[], T]) -> T:
    """Let nothing but a PhotoError with the file's name out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd EXIF is no reason to speak
            return work()
    except PhotoError as error:
        raise type(error)(f"{name}: {error}") from error.__cause__
    except FileNotFoundError:
        raise PhotoError(f"{name}: no such file") from None
    except IsADirectoryError:
        raise PhotoError(f"{name}: is a folder, not a photograph") from None
    except PermissionError:
        raise PhotoError(f"{name}: no permission to read it") from None
    except UnidentifiedImageError:
        kinds = "JPEG, PNG, TIFF, WebP or AVIF"
        raise PhotoError(f"{name}: not a readable {kinds} image{_hint(name)}") from None
    except MemoryError:
        raise PhotoError(f"{name}: too large for this computer's memory") from None
    # Decoders raise many kinds of errors for damaged files, not all of them documented.
    except Exception as error:
        raise PhotoError(f"{name}: damaged or incomplete image ({_sentence(error)})") from error


def _hint(name: str) -> str:
    if FORMATS.get(Path(name).suffix.lower()) == "HEIF" and not codecs.register_heif():
        return "; HEIC needs midtone[heic]"
    return ""


def _open_pillow(data: bytes) -> Image.Image:
    """Image.open with our own size limit, which speaks plainly, instead of Pillow's."""
    heif = data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"heim")
    known = sorted(
        set(FORMATS.values()) - ({"HEIF"} if not heif or not codecs.register_heif() else set())
    )
    with _OPENING:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(io.BytesIO(data), formats=known)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _raw(data: bytes) -> Photo:
    pixels = codecs.decode_raw(data)
    preview = codecs.raw_preview(data)
    block = _exif(_open_pillow(preview)) if preview else None
    size = (pixels.shape[1], pixels.shape[0])
    return Photo(pixels, exif=exif.settle(block, size) if block else None, format="RAW")


def _from_pillow(image: Image.Image, data: bytes) -> Photo:
    """Decode: by array decoders where they keep more or are faster, else by Pillow."""
    bits = _bits(image, data)
    if data and image.format in ("JPEG", "MPO") and image.mode in ("L", "RGB"):
        pixels, alpha = codecs.decode_jpeg(data), None
    elif data and image.format == "PNG" and bits == 16:
        pixels = codecs.decode_png(data)
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        pixels, alpha = _split(pixels, pixels.shape[2] in (2, 4))
    elif data and image.format == "TIFF" and bits == 16:
        pixels, alpha = _split(*codecs.decode_tiff(data))
    else:
        pixels, alpha = _pillow_pixels(image)
    return _with_metadata(pixels, alpha, image, data)


def _bits(image: Image.Image, data: bytes) -> int:
    """Bits of a channel, from the header."""
    if image.format == "PNG" and len(data) > 24:
        return data[24]
    if image.format == "TIFF":
        return int(max(image.tag_v2.get(258, (8,))))  # type: ignore[attr-defined]
    return 8


def _split(pixels: np.ndarray, alpha: bool) -> tuple[np.ndarray, np.ndarray | None]:
    return (pixels[..., :-1], pixels[..., -1]) if alpha else (pixels, None)


def _pillow_pixels(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    if image.mode in _GREY_16 or image.mode == "I":
        values = np.asarray(image)
        if values.min(initial=0) < 0 or values.max(initial=0) > 65535:
            raise PhotoError("grey values outside 16 bit are not supported")
        return values.astype(np.uint16), None
    if image.mode == "F":
        raise PhotoError("floating-point images are not supported")
    alpha = None
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        coloured = image.mode not in ("L", "LA", "La")
        image = image.convert("RGBA" if coloured else "LA")
        alpha = np.asarray(image.getchannel("A"))
        image = image.convert("RGB" if coloured else "L")
    if image.mode in _GREY:
        return np.asarray(image.convert("L")), alpha
    if image.mode == "CMYK":
        image = colour.cmyk_to_rgb(image, image.info.get("icc_profile"))
    return np.asarray(image.convert("RGB")), alpha


def _with_metadata(
    pixels: np.ndarray, alpha: np.ndarray | None, image: Image.Image, data: bytes
) -> Photo:
    """The photograph, upright, with what its file says of it."""
    block = _exif(image)
    turn = _UPRIGHT.get(_orientation(image, block))
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if turn:
        pixels = np.ascontiguousarray(turn(pixels))
        alpha = np.ascontiguousarray(turn(alpha)) if alpha is not None else None
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    given = Metadata(
        exif.settle(block, (pixels.shape[1], pixels.shape[0])) if block else None,
        xmp.encode() if isinstance(xmp, str) else xmp,
        _iptc(image),
        colour.usable_profile(
            image.info.get("icc_profile"), "GRAY" if pixels.shape[2] == 1 else "RGB"
        ),
    ).settled()
    dpi = image.info.get("dpi")
    kind = "JPEG" if image.format == "MPO" else image.format
    jpeg = kind == "JPEG" and bool(data)
    subsampling = JpegImagePlugin.get_sampling(image) if jpeg else None
    return Photo(
        pixels,
        alpha,
        given.exif,
        given.xmp,
        given.icc,
        kind,
        (float(dpi[0]), float(dpi[1])) if dpi and min(dpi) > 0 else None,
        subsampling if subsampling in (0, 1, 2) else None,
        given.iptc,
        _quality(image) if jpeg else None,
        ("CMYK became sRGB",) if image.mode == "CMYK" else (),
    )


def _orientation(image: Image.Image, block: bytes | None) -> int:
    if image.format in ("HEIF", "AVIF"):
        return 1  # their decoders turn the picture themselves
    if image.format == "TIFF":
        return int(image.getexif().get(0x0112, 1))
    return exif.orientation(block) if block else 1


def _iptc(image: Image.Image) -> bytes | None:
    block = image.info.get("photoshop")
    if isinstance(block, dict):
        found = block.get(0x0404)
        return found if isinstance(found, bytes) else None
    if image.format == "TIFF":
        # The bytes as they are: some writers call them 32-bit numbers, which Pillow then counts.
        found = image.tag_v2._tagdata.get(33723)  # type: ignore[attr-defined]
        return found if isinstance(found, bytes) else None
    return None


def _quality(image: Image.Image) -> int | None:
    """The quality whose luminance table (ITU-T T.81, table K.1, scaled by libjpeg) is nearest."""
    tables = getattr(image, "quantization", None)
    if not tables or 0 not in tables:
        return None
    given = np.array(tables[0], float)
    if given.shape != (64,):
        return None
    quality = np.arange(1, 101)[:, None]
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    scaled = np.clip((_LUMINANCE * scale + 50) // 100, 1, 255)
    return int(np.abs(np.sort(scaled, 1) - np.sort(given)).sum(1).argmin()) + 1


# fmt: off
_LUMINANCE = np.array([
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
    92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
])
# fmt: on


def _exif(image: Image.Image) -> bytes | None:
    raw = image.info.get("exif")
    if isinstance(raw, bytes) and raw:
        return raw
    if image.format != "TIFF":
        return None
    given = image.getexif()
    kept = Image.Exif()
    # A TIFF keeps these in its own directory, beside the tags that describe the pixels' layout.
    for tag in codecs.TIFF_TAGS:
        if tag in given:
            kept[tag] = given[tag]
    for tag in codecs.TIFF_DIRECTORIES:
        directory = given.get_ifd(tag)
        if directory:
            kept.get_ifd(tag).update(directory)
    return kept.tobytes() if len(kept) or kept.get_ifd(0x8769) or kept.get_ifd(0x8825) else None


def _encode(photo: Photo, metadata: Metadata, format: str, quality: int, name: str) -> bytes:
    """A whole file in memory. Raises PhotoError."""
    if format not in codecs.ENCODERS:
        raise PhotoError(f"{name}: unknown format {format}; use {', '.join(codecs.ENCODERS)}")
    if photo.alpha is not None and format not in codecs.ALPHA:
        raise PhotoError(f"{name}: {format} cannot hold transparency; choose .png, .tif or .webp")
    if max(photo.size) > codecs.LONGEST.get(format, 2**31):
        raise PhotoError(
            f"{name}: {format} holds at most {codecs.LONGEST[format]} pixels a side; "
            "choose .png or .tif"
        )
    if format == "HEIF" and not codecs.register_heif():
        raise PhotoError(f"{name}: HEIC needs midtone[heic]")
    pixels, alpha = photo.pixels, photo.alpha
    if pixels.dtype != np.uint16 or format not in codecs.SIXTEEN_BITS:
        pixels = to_8_bit(pixels)
    if alpha is not None:
        if pixels.dtype == np.uint16 and alpha.dtype == np.uint8:
            alpha = alpha.astype(np.uint16) * 257
        elif pixels.dtype == np.uint8:
            alpha = to_8_bit(alpha)
        if format not in codecs.SIXTEEN_BITS and pixels.shape[2] == 1:
            pixels = np.repeat(pixels, 3, 2)
        pixels = np.concatenate((pixels, alpha[..., None]), 2)
    try:
        return codecs.ENCODERS[format](pixels, metadata, quality, photo.subsampling)
    except MemoryError:
        raise
    except Exception as error:  # as with decoders
        raise PhotoError(f"{name}: cannot be encoded as {format} ({_sentence(error)})") from error


def _sentence(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.strip().rstrip(".") or type(error).__name__
