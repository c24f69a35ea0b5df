"""The one table of formats: what each is called, how it is read and written, what it can hold."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from midtone.errors import UsageError
from midtone.photo import jpeg, pillow_codec, png, tiff
from midtone.photo.photo import Photo

_RAW = "3fr arw cr2 cr3 dng erf iiq kdc mef mos mrw nef nrw orf pef raf raw rw2 rwl sr2 srf srw x3f"


@dataclass(frozen=True, kw_only=True)
class Format:
    """A file format.

    name:       its key in ``FORMATS``, which is Pillow's name for it
    suffixes:   of its files; the first is what results get
    media_type: for HTTP
    decode:     (header, file) -> pixels H x W [x C] uint8 or uint16, and alpha H x W or None;
                None for camera RAW, which ``raw.decode`` develops
    encode:     (photo, quality) -> file; None if it can only be read
    bit_depths: of a channel
    lossy:      whether ``quality`` matters
    longest_side: that it can hold, in pixels
    holds:      the blocks of metadata that it can hold besides the colour profile
    extra:      of the package, "heic" or "raw", that it needs; None if none
    """

    name: str
    suffixes: tuple[str, ...]
    media_type: str
    decode: Callable[[Image.Image, bytes], tuple[np.ndarray, np.ndarray | None]] | None
    encode: Callable[[Photo, int], bytes] | None
    bit_depths: tuple[int, ...] = (8,)
    alpha: bool = False
    lossy: bool = False
    longest_side: int = 2**31 - 1
    holds: frozenset[str] = frozenset({"exif", "xmp"})
    extra: str | None = None

    @property
    def suffix(self) -> str:
        """What the name of a result ends with."""
        return self.suffixes[0]


_ALL = (
    Format(
        name="JPEG",
        suffixes=(".jpg", ".jpeg", ".jpe"),
        media_type="image/jpeg",
        decode=jpeg.decode,
        encode=jpeg.encode,
        lossy=True,
        longest_side=65535,
        holds=frozenset({"exif", "xmp", "iptc", "dpi"}),
    ),
    Format(
        name="PNG",
        suffixes=(".png",),
        media_type="image/png",
        decode=png.decode,
        encode=png.encode,
        bit_depths=(8, 16),
        alpha=True,
        holds=frozenset({"exif", "xmp", "dpi"}),
    ),
    Format(
        name="TIFF",
        suffixes=(".tif", ".tiff"),
        media_type="image/tiff",
        decode=tiff.decode,
        encode=tiff.encode,
        bit_depths=(8, 16),
        alpha=True,
        holds=frozenset({"exif", "xmp", "iptc", "dpi"}),
    ),
    Format(
        name="WEBP",
        suffixes=(".webp",),
        media_type="image/webp",
        decode=lambda header, _: pillow_codec.decode(header),
        encode=pillow_codec.encode_webp,
        alpha=True,
        lossy=True,
        longest_side=16383,
    ),
    Format(
        name="AVIF",
        suffixes=(".avif",),
        media_type="image/avif",
        decode=lambda header, _: pillow_codec.decode(header),
        encode=pillow_codec.encode_avif,
        alpha=True,
        lossy=True,
        longest_side=65535,
    ),
    Format(
        name="HEIF",
        suffixes=(".heic", ".heif"),
        media_type="image/heic",
        decode=lambda header, _: pillow_codec.decode(header),
        encode=pillow_codec.encode_heif,
        alpha=True,
        lossy=True,
        longest_side=65535,
        extra="heic",
    ),
    Format(
        name="RAW",
        suffixes=tuple(f".{suffix}" for suffix in _RAW.split(" ")),
        media_type="image/x-raw",
        decode=None,
        encode=None,
        bit_depths=(16,),
        holds=frozenset({"exif"}),
        extra="raw",
    ),
)
FORMATS = {format.name: format for format in _ALL}
WRITABLE = tuple(format.name for format in _ALL if format.encode)
# What users call the formats, in lower case.
_NAMES = {format.name.lower(): format.name for format in _ALL if format.encode} | {
    "jpg": "JPEG",
    "tif": "TIFF",
    "heic": "HEIF",
}
_BY_SUFFIX = {suffix: format for format in _ALL for suffix in format.suffixes}


def format_of(path: str | os.PathLike[str]) -> Format | None:
    """The format that a file's suffix names, or None."""
    return _BY_SUFFIX.get(Path(path).suffix.lower())


def writable_as(path: str | os.PathLike[str]) -> Format | None:
    """The format that a result of this name is written in, or None."""
    format = format_of(path)
    return format if format and format.encode else None


def parse_format(text: str) -> str:
    """The name of a format that can be written, in any case: "jpg" -> "JPEG". Raises UsageError."""
    name = _NAMES.get(text.strip().lower())
    if name is None:
        raise UsageError(f"format must be one of {', '.join(_NAMES)}, not {text}")
    return name
