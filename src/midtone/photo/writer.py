"""From a photograph to a file, whole or not at all."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np

from midtone import atomic
from midtone.errors import PhotoError
from midtone.photo import exif, pillow_codec
from midtone.photo.codecs import FORMATS, WRITABLE, Format, parse_format, writable_as
from midtone.photo.convert import to_8_bit
from midtone.photo.metadata import Metadata
from midtone.photo.photo import Photo
from midtone.photo.reader import sentence

QUALITY = 95  # of lossy formats, unless the photograph came with a better one


def write(
    photo: Photo,
    target: str | os.PathLike[str] | IO[bytes],
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
    format:   "JPEG", "PNG", "TIFF", "WEBP", "AVIF" or "HEIF", or another of the names that
              ``parse_format`` takes, instead of the suffix or the format it came in
    strip:    leave out all metadata but the colour profile
    software: value of the EXIF tag of that name
    Raises PhotoError if the file exists and ``overwrite`` is False, if the format cannot hold the
    photograph, or if it cannot be written; UsageError if there is no such format.
    """
    quality = default_quality(photo) if quality is None else quality
    if not 1 <= quality <= 100:
        raise PhotoError(f"quality must lie within 1 and 100, not {quality}")
    if strip:
        photo = replace(photo, metadata=Metadata())
    if software:
        block = exif.set_software(photo.metadata.exif, software)
        photo = replace(photo, metadata=replace(photo.metadata, exif=block))
    if not isinstance(target, str | os.PathLike):
        came_in = photo.format if photo.format in WRITABLE else None
        chosen = FORMATS[parse_format(format or came_in or "PNG")]
        target.write(_encode(photo, chosen, quality, "output"))
        return
    path = Path(target)
    named = FORMATS[parse_format(format)] if format else writable_as(path)
    if named is None:
        suffixes = (suffix for name in WRITABLE for suffix in FORMATS[name].suffixes)
        raise PhotoError(f"{path}: unknown image format; use one of {', '.join(suffixes)}")
    if path.exists() and not overwrite:
        raise PhotoError(f"{path}: exists already; use overwrite to replace it")
    encoded = _encode(photo, named, quality, str(path))
    try:
        with atomic.replacing(path) as temporary:
            temporary.write_bytes(encoded)
    except OSError as error:
        raise PhotoError(f"{path}: cannot be written ({sentence(error)})") from error


def default_quality(photo: Photo) -> int:
    """95, or that of the JPEG the photograph came from if it is better."""
    return max(QUALITY, photo.quality or 0)


def _encode(photo: Photo, format: Format, quality: int, name: str) -> bytes:
    """A whole file in memory. Raises PhotoError."""
    assert format.encode
    if photo.alpha is not None and not format.alpha:
        raise PhotoError(
            f"{name}: {format.name} cannot hold transparency; choose .png, .tif or .webp"
        )
    if max(photo.size) > format.longest_side:
        raise PhotoError(
            f"{name}: {format.name} holds at most {format.longest_side} pixels a side; "
            "choose .png or .tif"
        )
    if format.extra == "heic" and not pillow_codec.register_heif():
        raise PhotoError(f"{name}: HEIC needs midtone[heic]")
    try:
        return format.encode(_as_storable(photo, format), quality)
    except MemoryError:
        raise
    except Exception as error:  # as with decoders
        raise PhotoError(
            f"{name}: cannot be encoded as {format.name} ({sentence(error)})"
        ) from error


def _as_storable(photo: Photo, format: Format) -> Photo:
    """The photograph at a bit depth of the format, alpha at that of the pixels."""
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
    return replace(photo, pixels=pixels, alpha=alpha)
