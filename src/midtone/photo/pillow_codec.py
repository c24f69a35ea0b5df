"""What Pillow decodes and encodes: all that the array libraries leave to it."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from midtone import colour
from midtone.errors import PhotoError
from midtone.photo import xmp
from midtone.photo.metadata import Metadata
from midtone.photo.orientation import upright
from midtone.photo.photo import Photo

_GREY, _GREY_16 = {"1", "L", "LA"}, {"I;16", "I;16B", "I;16L", "I;16N"}
_ALPHA_MODES = ("LA", "RGBA", "PA", "La", "RGBa")
_OPENING = threading.Lock()
_LOSSLESS_WEBP = b"VP8L"


def open_image(data: bytes, format: str) -> Image.Image:
    """Image.open without Pillow's size limit; ``open_file`` has one that is plainer."""
    with _without_limit():
        return Image.open(io.BytesIO(data), formats=[format])


@contextmanager
def _without_limit() -> Iterator[None]:
    with _OPENING:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def decode(image: Image.Image) -> Photo:
    """The pixels and alpha of a Pillow image; 8 bits but for 16-bit grey. Raises PhotoError."""
    notes: tuple[str, ...] = ()
    alpha = None
    if image.mode in _GREY_16 or image.mode == "I":
        values = np.asarray(image)
        if values.min(initial=0) < 0 or values.max(initial=0) > 65535:
            raise PhotoError("grey values outside 16 bits are not supported")
        return Photo(values.astype(np.uint16)[..., None])
    if image.mode == "F":
        raise PhotoError("floating-point pixels are not supported")
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        coloured = image.mode not in ("L", "LA", "La")
        image = image.convert("RGBA" if coloured else "LA")
        alpha = np.asarray(image.getchannel("A"))
        image = image.convert("RGB" if coloured else "L")
    if image.mode in _GREY:
        return Photo(np.asarray(image.convert("L"))[..., None], alpha)
    if image.mode == "CMYK":
        image = colour.cmyk_to_rgb(image, image.info.get("icc_profile"))
        notes = ("CMYK became sRGB",)
    return Photo(np.asarray(image.convert("RGB")), alpha, notes=notes)


def decode_in_memory(image: Image.Image) -> Photo:
    """A Pillow image, upright, with the metadata that Pillow found. Raises PhotoError."""
    photo = decode(image)
    info = image.info
    block, packet, dpi = info.get("exif"), info.get("xmp"), info.get("dpi")
    packet = packet or info.get("XML:com.adobe.xmp")
    packet = packet.encode() if isinstance(packet, str) else packet
    metadata = Metadata(
        block if isinstance(block, bytes) and block else None,
        xmp.to_utf8(packet) if packet else None,
        None,
        (float(dpi[0]), float(dpi[1])) if dpi and min(dpi) > 0 else None,
    )
    icc = None if image.mode == "CMYK" else info.get("icc_profile")
    format = "JPEG" if image.format == "MPO" else image.format
    return upright(replace(photo, icc=icc, metadata=metadata, format=format))


def read_webp_size(data: bytes) -> tuple[int, int]:
    """(width, height) as stored. Raises PhotoError for an animation."""
    with open_image(data, "WEBP") as image:
        if getattr(image, "is_animated", False):
            raise PhotoError("an animated image, not a photograph")
        return image.size


def decode_webp(data: bytes, salvage: bool = False) -> Photo:
    """Decode a WebP file; its quality is 100 if it is lossless. Raises PhotoError."""
    with open_image(data, "WEBP") as image:
        photo = decode_in_memory(image)
    return replace(photo, quality=100 if _LOSSLESS_WEBP in data[:4096] else None)


def encode_webp(photo: Photo, quality: int) -> bytes:
    """A WebP file of uint8 pixels; lossless at quality 100."""
    return save(photo, "WEBP", quality=quality, lossless=quality == 100, exact=quality == 100)


def save(photo: Photo, format: str, **options: Any) -> bytes:
    """A file of uint8 pixels by Pillow, with EXIF, XMP and profile."""
    kept = photo.metadata
    blocks = {"exif": kept.exif, "xmp": kept.xmp, "icc_profile": photo.icc}
    options |= {name: block for name, block in blocks.items() if block is not None}
    stream = io.BytesIO()
    Image.fromarray(photo.samples).save(stream, format, **options)
    return stream.getvalue()
