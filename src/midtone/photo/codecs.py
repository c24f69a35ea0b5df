"""The one table of formats: what each is called, how it is read and written, what it can hold."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from midtone.errors import PhotoError, UsageError
from midtone.photo import heif, isobmff, jpeg, pillow_codec, png, raw, tiff
from midtone.photo.photo import Photo

_RAW = "3fr arw cr2 cr3 dng erf iiq kdc mef mos mrw nef nrw orf pef raf raw rw2 rwl sr2 srf srw x3f"
_EVERYWHERE = frozenset({"exif", "xmp"})


@dataclass(frozen=True, kw_only=True)
class Format:
    """A file format.

    name:       its key in ``FORMATS``
    title:      as users write it
    suffixes:   of its files; the first is what results get
    media_type: for HTTP
    read_size:  file -> (width, height) as stored
    decode:     (file, salvage) -> the photograph, upright
    encode:     (photo, quality) -> file; None if it can only be read
    quality:    of results by default, 1 to 100; None if it is lossless
    bit_depths: of a channel
    longest_side: that it can hold, in pixels
    holds:      the fields of ``Metadata`` that it can hold; every format holds a colour profile
    exif_limit: bytes of EXIF that all readers accept
    extra:      of the package, "heic" or "raw", that it needs; None if none
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    media_type: str
    read_size: Callable[[bytes], tuple[int, int]]
    decode: Callable[[bytes, bool], Photo]
    encode: Callable[[Photo, int], bytes] | None
    quality: int | None = None
    bit_depths: tuple[int, ...] = (8,)
    alpha: bool = False
    longest_side: int = 2**31 - 1
    holds: frozenset[str] = _EVERYWHERE
    holds_cicp: bool = False
    exif_limit: int | None = None
    extra: str | None = None

    @property
    def suffix(self) -> str:
        """What the name of a result ends with."""
        return self.suffixes[0]

    @property
    def lossy(self) -> bool:
        """Whether quality matters."""
        return self.quality is not None

    @property
    def is_installed(self) -> bool:
        """Whether what it needs is there."""
        return _INSTALLED[self.extra]() if self.extra else True


_ALL = (
    Format(
        name="JPEG",
        title="JPEG",
        suffixes=(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
        media_type="image/jpeg",
        read_size=jpeg.read_size,
        decode=jpeg.decode,
        encode=jpeg.encode,
        quality=95,
        longest_side=65535,
        holds=_EVERYWHERE | {"iptc", "dpi", "photoshop", "comments"},
        exif_limit=65527,
    ),
    Format(
        name="PNG",
        title="PNG",
        suffixes=(".png",),
        media_type="image/png",
        read_size=png.read_size,
        decode=png.decode,
        encode=png.encode,
        bit_depths=(8, 16),
        alpha=True,
        holds=_EVERYWHERE | {"iptc", "dpi", "photoshop", "chunks"},
        holds_cicp=True,
    ),
    Format(
        name="TIFF",
        title="TIFF",
        suffixes=(".tif", ".tiff"),
        media_type="image/tiff",
        read_size=tiff.read_size,
        decode=tiff.decode,
        encode=tiff.encode,
        bit_depths=(8, 16),
        alpha=True,
        holds=_EVERYWHERE | {"iptc", "dpi", "photoshop"},
    ),
    Format(
        name="WEBP",
        title="WebP",
        suffixes=(".webp",),
        media_type="image/webp",
        read_size=pillow_codec.read_webp_size,
        decode=pillow_codec.decode_webp,
        encode=pillow_codec.encode_webp,
        quality=95,
        alpha=True,
        longest_side=16383,
    ),
    Format(
        name="AVIF",
        title="AVIF",
        suffixes=(".avif",),
        media_type="image/avif",
        read_size=heif.read_size,
        decode=heif.decode_avif,
        encode=heif.encode_avif,
        quality=80,
        alpha=True,
        longest_side=65535,
        holds_cicp=True,
    ),
    Format(
        name="HEIF",
        title="HEIC",
        suffixes=(".heic", ".heif", ".hif"),
        media_type="image/heic",
        read_size=heif.read_size,
        decode=heif.decode_heic,
        encode=heif.encode_heic,
        quality=58,
        alpha=True,
        longest_side=16384,
        holds_cicp=True,
        extra="heic",
    ),
    Format(
        name="RAW",
        title="camera RAW",
        suffixes=tuple(f".{suffix}" for suffix in _RAW.split(" ")),
        media_type="image/x-raw",
        read_size=raw.read_size,
        decode=raw.decode,
        encode=None,
        bit_depths=(16,),
        holds=frozenset({"exif"}),
        extra="raw",
    ),
)
FORMATS = {format.name: format for format in _ALL}
WRITABLE = tuple(format.name for format in _ALL if format.encode)
_INSTALLED: dict[str, Callable[[], bool]] = {"heic": heif.is_installed, "raw": raw.is_installed}
# What users call the formats, in lower case.
_NAMES = {
    "jpeg": "JPEG", "jpg": "JPEG", "png": "PNG", "tiff": "TIFF", "tif": "TIFF", "webp": "WEBP",
    "avif": "AVIF", "heic": "HEIF", "heif": "HEIF",
}  # fmt: skip
_BY_SUFFIX = {suffix: format for format in _ALL for suffix in format.suffixes}
# Images that are no photographs' formats, or that nothing here reads, by their first bytes.
_UNSUPPORTED = {
    b"GIF8": "GIF", b"BM": "BMP", b"\xff\x0a": "JPEG XL", b"\0\0\0\x0cJXL ": "JPEG XL",
    b"8BPS": "Photoshop", b"\0\0\0\x0cjP  ": "JPEG 2000", b"\xff\x4f\xff\x51": "JPEG 2000",
    b"%PDF": "PDF", b"\x76\x2f\x31\x01": "OpenEXR", b"#?RADIANCE": "Radiance",
}  # fmt: skip
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"mif2", b"msf1", b"hevc", b"hevx"}


def format_of(path: str | os.PathLike[str]) -> Format | None:
    """The format that a file's suffix names, or None."""
    return _BY_SUFFIX.get(Path(path).suffix.lower())


def writable_as(path: str | os.PathLike[str]) -> Format | None:
    """The format that a result of this name is written in, or None."""
    format = format_of(path)
    return format if format and format.encode else None


def parse_format(text: str) -> str:
    """The name of a format that can be written: "jpg", ".JPG" -> "JPEG". Raises UsageError."""
    name = _NAMES.get(text.strip().lower().removeprefix("."))
    if name is None:
        names = ", ".join(FORMATS[name].title.lower() for name in WRITABLE)
        raise UsageError(f"format must be one of {names}, not {text}")
    return name


def identify(data: bytes, name: str) -> Format:
    """The format of a file by its content; for RAW files without a signature, by its name.

    Raises PhotoError if it is none, or what it needs is not installed.
    """
    format = _identify(data)
    by_name = format_of(name)
    if by_name is FORMATS["RAW"] and (format is None or format is FORMATS["TIFF"]):
        format = by_name
    if format is None:
        for magic, title in _UNSUPPORTED.items():
            if data.startswith(magic):
                raise PhotoError(f"{title} images are not supported; use {readable_titles()}")
        raise PhotoError(f"not a readable {readable_titles()} image")
    if not format.is_installed:
        raise PhotoError(f"{format.title} needs midtone[{format.extra}]")
    return format


def readable_titles() -> str:
    """What can be read here: "JPEG, PNG, TIFF, WebP or AVIF"."""
    titles = [format.title for format in _ALL if format.is_installed]
    return f"{', '.join(titles[:-1])} or {titles[-1]}"


def _identify(data: bytes) -> Format | None:
    if data.startswith(b"\xff\xd8\xff"):
        return FORMATS["JPEG"]
    if data.startswith(png.SIGNATURE):
        return FORMATS["PNG"]
    if raw.is_raw(data):
        return FORMATS["RAW"]
    if data.startswith(tiff.MAGIC):
        return FORMATS["TIFF"]
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return FORMATS["WEBP"]
    brands = isobmff.brands(data)
    if brands & {b"avif", b"avis"}:
        return FORMATS["AVIF"]
    return FORMATS["HEIF"] if brands & _HEIF_BRANDS else None
