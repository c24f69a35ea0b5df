"""From a path, bytes or a stream to a photograph: the header first, then the pixels, upright."""

from __future__ import annotations

import io
import os
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

import numpy as np
from PIL import Image, UnidentifiedImageError

from midtone import colour
from midtone.errors import PhotoError, TooLargeError
from midtone.photo import exif, jpeg, pillow_codec, raw, tiff
from midtone.photo.codecs import FORMATS, format_of
from midtone.photo.metadata import Metadata
from midtone.photo.photo import Photo

T = TypeVar("T")
_OPENING = threading.Lock()
MAX_MEGAPIXELS = 500.0
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
class ImageFile:
    """A file whose header has been read; its pixels have not.

    name:  for messages
    data:  the encoded file
    image: its header as Pillow reads it; None for camera RAW
    """

    name: str
    data: bytes
    image: Image.Image | None

    def decode(self) -> Photo:
        """Decode all of it. Raises PhotoError."""
        return translate_errors(self.name, self._decode)

    def preview(self, longest_side: int) -> Photo | None:
        """A smaller photograph, at least ``longest_side`` px along its longer side, decoded faster.

        JPEG can be decoded at 1/2, 1/4 and 1/8 of its size. None if there is no faster way.
        """
        image = self.image
        if image is None or image.format not in ("JPEG", "MPO") or image.mode not in ("L", "RGB"):
            return None
        if max(image.size) < 2 * longest_side:
            return None

        def decode() -> Photo:
            with _open_pillow(self.data) as small:
                scale = longest_side / max(small.size)
                width, height = (max(1, round(scale * side)) for side in small.size)
                small.draft(small.mode, (width, height))
                return _with_metadata(np.asarray(small), None, image)

        return translate_errors(self.name, decode)

    def _decode(self) -> Photo:
        if self.image is None:
            return _develop(self.data)
        format = FORMATS[_format_name(self.image)]
        assert format.decode
        return _with_metadata(*format.decode(self.image, self.data), self.image)


def open_file(
    source: str | os.PathLike[str] | bytes | IO[bytes],
    *,
    max_megapixels: float = MAX_MEGAPIXELS,
    name: str | None = None,
) -> ImageFile:
    """Read the header of a photograph from a path, bytes or a binary stream.

    name: for messages, and for its suffix, which tells camera RAW; by default the path
    Raises PhotoError with one sentence if there is no such file or no still image in it,
    TooLargeError if it has more pixels than the limit.
    """
    if name is None:
        name = str(source) if isinstance(source, str | os.PathLike) else "input"

    def read_header() -> ImageFile:
        if isinstance(source, str | os.PathLike):
            data = Path(source).read_bytes()
        else:
            data = source if isinstance(source, bytes) else source.read()
        if not data:
            raise PhotoError("an empty file")
        if format_of(name) is FORMATS["RAW"]:
            return ImageFile(name, data, None)
        image = _open_pillow(data)
        megapixels = image.width * image.height / 1e6
        if megapixels > max_megapixels:
            raise TooLargeError(
                f"{megapixels:.0f} megapixels are more than the limit of {max_megapixels:g}"
            )
        # The first picture of a TIFF, of a phone's multi-picture JPEG or of a HEIC is the
        # photograph.
        if getattr(image, "is_animated", False) and image.format not in ("TIFF", "MPO", "HEIF"):
            raise PhotoError("an animated image, not a photograph")
        return ImageFile(name, data, image)

    return translate_errors(name, read_header)


def read(
    source: str | os.PathLike[str] | bytes | IO[bytes], *, max_megapixels: float = MAX_MEGAPIXELS
) -> Photo:
    """Read a photograph from a path, bytes or a binary stream.

    Raises PhotoError with one sentence if there is no such file, or no whole still image in it,
    TooLargeError if it has more pixels than the limit.
    """
    return open_file(source, max_megapixels=max_megapixels).decode()


def photo_of_pillow(image: Image.Image) -> Photo:
    """A photograph of a Pillow image, upright, its metadata included. Raises PhotoError."""
    return _with_metadata(*pillow_codec.decode(image), image, from_file=False)


def translate_errors(name: str, work: Callable[[], T]) -> T:
    """What ``work`` returns; whatever it raises becomes a PhotoError with the file's name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd EXIF
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
        raise PhotoError(f"{name}: damaged or incomplete image ({sentence(error)})") from error


def sentence(error: Exception) -> str:
    """What an exception of a library says, for a message in parentheses."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.strip().rstrip(".") or type(error).__name__


def _hint(name: str) -> str:
    if format_of(name) is FORMATS["HEIF"] and not pillow_codec.register_heif():
        return "; HEIC needs midtone[heic]"
    return ""


def _open_pillow(data: bytes) -> Image.Image:
    """Image.open without Pillow's size limit; ``open_file`` has one that is plainer."""
    heif = data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"heim")
    known = FORMATS.keys() - {"RAW"}
    if not heif or not pillow_codec.register_heif():
        known -= {"HEIF"}
    with _OPENING:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(io.BytesIO(data), formats=sorted(known))
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _format_name(image: Image.Image) -> str:
    return "JPEG" if image.format == "MPO" else image.format or ""


def _develop(data: bytes) -> Photo:
    pixels = raw.decode(data)
    preview = raw.preview(data)
    block = _exif(_open_pillow(preview)) if preview else None
    metadata = Metadata(block).normalize_orientation((pixels.shape[1], pixels.shape[0]))
    return Photo(pixels, metadata=metadata, format="RAW")


def _with_metadata(
    pixels: np.ndarray, alpha: np.ndarray | None, image: Image.Image, *, from_file: bool = True
) -> Photo:
    """The photograph, upright, with what its header holds.

    from_file: whether the header is a file's, not that of a picture in memory
    """
    block = _exif(image)
    turn = _UPRIGHT.get(_orientation(image, block))
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if turn:
        pixels = np.ascontiguousarray(turn(pixels))
        alpha = np.ascontiguousarray(turn(alpha)) if alpha is not None else None
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    dpi = image.info.get("dpi")
    metadata = Metadata(
        block,
        xmp.encode() if isinstance(xmp, str) else xmp,
        _iptc(image),
        (float(dpi[0]), float(dpi[1])) if dpi and min(dpi) > 0 else None,
    )
    space = "GRAY" if pixels.shape[2] == 1 else "RGB"
    format = _format_name(image)
    is_jpeg = format == "JPEG" and from_file
    return Photo(
        pixels,
        alpha,
        icc=colour.usable_profile(image.info.get("icc_profile"), space),
        metadata=metadata.normalize_orientation((pixels.shape[1], pixels.shape[0])),
        format=format or None,
        subsampling=jpeg.subsampling(image) if is_jpeg else None,
        quality=jpeg.quality(image) if is_jpeg else None,
        notes=("CMYK became sRGB",) if image.mode == "CMYK" else (),
    )


def _orientation(image: Image.Image, block: bytes | None) -> int:
    if image.format in ("HEIF", "AVIF"):
        return 1  # their decoders turn the picture themselves
    if image.format == "TIFF":
        return int(image.getexif().get(0x0112, 1))
    return exif.orientation(block) if block else 1


def _exif(image: Image.Image) -> bytes | None:
    block = image.info.get("exif")
    if isinstance(block, bytes) and block:
        return block
    return tiff.exif(image) if image.format == "TIFF" else None


def _iptc(image: Image.Image) -> bytes | None:
    block = image.info.get("photoshop")
    if isinstance(block, dict):
        found = block.get(0x0404)
        return found if isinstance(found, bytes) else None
    return tiff.iptc(image) if image.format == "TIFF" else None
