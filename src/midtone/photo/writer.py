"""From a photograph to a file, whole or not at all."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import IO

import numpy as np

from midtone import atomic
from midtone.errors import PhotoError, UsageError
from midtone.photo import exif, tiff
from midtone.photo.bit_depth import to_8_bit
from midtone.photo.codecs import FORMATS, WRITABLE, Format, parse_format, writable_as
from midtone.photo.metadata import Metadata
from midtone.photo.photo import Photo
from midtone.photo.reader import sentence

_TITLES = {
    "exif": "EXIF", "xmp": "XMP", "iptc": "IPTC", "dpi": "the resolution",
    "photoshop": "Photoshop resources", "comments": "comments", "chunks": "text of a PNG",
}  # fmt: skip
_PNG_COMMENT = b"Comment\0"


def write(
    photo: Photo,
    target: str | os.PathLike[str] | IO[bytes],
    *,
    quality: int | None = None,
    format: str | None = None,
    overwrite: bool = False,
    strip: bool = False,
    software: str | None = None,
) -> tuple[str, ...]:
    """Write a photograph with its metadata, whole or not at all.

    target:   a path, whose suffix chooses the format, or a binary stream
    quality:  1..100 for JPEG, WebP, AVIF and HEIC (WebP is lossless at 100); by default
              ``default_quality``
    format:   "JPEG", "PNG", "TIFF", "WEBP", "AVIF" or "HEIF", or another of the names that
              ``parse_format`` takes, instead of the suffix or the format it came in
    strip:    leave out all metadata but the colour profile
    software: value of the EXIF tag of that name
    Returns sentences on what the format could not hold.
    Raises PhotoError if the file exists and ``overwrite`` is False, if the format cannot hold the
    pixels, or if it cannot be written; UsageError if there is no such format.
    """
    if not isinstance(photo, Photo):
        raise UsageError(
            f"a {type(photo).__name__} is no Photo; photo.from_array() or from_pillow() make one"
        )
    if quality is not None and not (isinstance(quality, Integral) and 1 <= quality <= 100):
        raise PhotoError(f"quality must be a whole number from 1 to 100, not {quality!r:.60}")
    if strip:
        photo = replace(photo, metadata=Metadata())
    if not isinstance(target, str | os.PathLike):
        came_in = photo.format if photo.format in WRITABLE else None
        chosen = FORMATS[parse_format(format or came_in or "PNG")]
        if not hasattr(target, "write") or isinstance(target, io.TextIOBase):
            raise UsageError(f"a photograph goes to a path or a binary stream, not {target!r:.60}")
        encoded, notes = _encode(photo, chosen, quality, software, "output")
        target.write(encoded)
        return notes
    path = Path(target)
    named = FORMATS[parse_format(format)] if format else writable_as(path)
    if named is None:
        suffixes = (suffix for name in WRITABLE for suffix in FORMATS[name].suffixes)
        raise PhotoError(f"{path}: unknown image format; use one of {', '.join(suffixes)}")
    if os.path.exists(path) and not overwrite:
        raise PhotoError(f"{path}: exists already; use overwrite to replace it")
    encoded, notes = _encode(photo, named, quality, software, str(path))
    try:
        with atomic.replacing(path) as temporary:
            temporary.write_bytes(encoded)
    except OSError as error:
        raise PhotoError(f"{path}: cannot be written ({sentence(error)})") from error
    return notes


def default_quality(photo: Photo, format: str) -> int:
    """The format's own quality, or the input's if it has the same format and a higher one.

    100 for formats without loss.
    """
    own = FORMATS[format].quality
    if own is None:
        return 100
    return max(own, photo.quality or 0) if photo.format == format else own


def _encode(
    photo: Photo, format: Format, quality: int | None, software: str | None, name: str
) -> tuple[bytes, tuple[str, ...]]:
    """A whole file in memory, and sentences on what it could not hold. Raises PhotoError."""
    assert format.encode
    if photo.alpha is not None and not format.alpha:
        raise PhotoError(
            f"{name}: {format.title} cannot hold transparency; choose .png, .tif or .webp"
        )
    if photo.cicp is not None and not format.holds_cicp:
        raise PhotoError(f"{name}: {format.title} cannot hold HDR colours; choose .avif or .png")
    if max(photo.size) > format.longest_side:
        raise PhotoError(
            f"{name}: {format.title} holds at most {format.longest_side} pixels a side; "
            "choose .png or .tif"
        )
    if not format.is_installed:
        raise PhotoError(f"{name}: {format.title} needs midtone[{format.extra}]")
    metadata, notes = _fit_metadata(photo.metadata, format)
    if format.name == "TIFF" and photo.format != "TIFF" and exif.has_maker_note(metadata.exif):
        notes += (tiff.MAKER_NOTES_MOVED,)
    if software:
        metadata = replace(metadata, exif=_with_software(metadata.exif, software, format))
    pixels, alpha = _fit_pixels(photo, format)
    if photo.pixels.dtype == np.uint16 and pixels.dtype == np.uint8:
        notes += ("its deeper pixels became 8-bit",) if photo.format != "RAW" else ()
    photo = replace(photo, pixels=pixels, alpha=alpha, metadata=metadata)
    quality = default_quality(photo, format.name) if quality is None else quality
    try:
        return format.encode(photo, quality), notes
    except (MemoryError, PhotoError):  # strips are decoded while they are encoded
        raise
    except Exception as error:  # as with decoders
        raise PhotoError(
            f"{name}: cannot be encoded as {format.title} ({sentence(error)})"
        ) from error


def _with_software(block: bytes | None, software: str, format: Format) -> bytes | None:
    """EXIF with the tag, or as it was if it would not fit any more."""
    signed = exif.set_software(block, software)
    limit = format.exif_limit
    return block if limit and len(signed.removeprefix(exif.HEAD)) > limit else signed


def _fit_metadata(metadata: Metadata, format: Format) -> tuple[Metadata, tuple[str, ...]]:
    """What the format can hold, and a sentence on the rest."""
    if metadata.comments and format.name == "PNG":
        chunks = tuple((b"tEXt", _PNG_COMMENT + comment) for comment in metadata.comments)
        metadata = replace(metadata, comments=(), chunks=metadata.chunks + chunks)
    missing = metadata.present() - format.holds
    if not missing:
        return metadata, ()
    empty = {name: getattr(Metadata(), name) for name in missing}
    missing.discard("dpi")  # it is in EXIF too
    titles = ", ".join(title for name, title in _TITLES.items() if name in missing)
    note = (f"{format.title} cannot hold: {titles}",) if titles else ()
    return replace(metadata, **empty), note


def _fit_pixels(photo: Photo, format: Format) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels and alpha at a bit depth of the format, both at the same."""
    pixels, alpha = photo.pixels, photo.alpha
    if pixels.dtype != np.uint16 or 16 not in format.bit_depths:
        pixels = to_8_bit(pixels)
    if alpha is not None:
        if pixels.dtype == np.uint16 and alpha.dtype == np.uint8:
            alpha = alpha.astype(np.uint16) * 257
        elif pixels.dtype == np.uint8:
            alpha = to_8_bit(alpha)
        if 16 not in format.bit_depths and pixels.shape[2] == 1:
            pixels = np.repeat(pixels, 3, 2)
    return pixels, alpha
