"""What Pillow decodes and encodes: all that the array libraries leave to it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from midtone import colour
from midtone.errors import PhotoError
from midtone.photo.photo import Photo

_GREY, _GREY_16 = {"1", "L", "LA"}, {"I;16", "I;16B", "I;16L", "I;16N"}
_ALPHA_MODES = ("LA", "RGBA", "PA", "La", "RGBa")


def decode(image: Image.Image) -> tuple[np.ndarray, np.ndarray | None]:
    """H x W or H x W x 3, uint8 or uint16, and alpha. Raises PhotoError."""
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


def encode_webp(photo: Photo, quality: int) -> bytes:
    """A WebP file of uint8 pixels; lossless at quality 100."""
    return _save(photo, "WEBP", quality=quality, lossless=quality == 100)


def encode_avif(photo: Photo, quality: int) -> bytes:
    """An AVIF file of uint8 pixels."""
    chroma = "4:2:0" if photo.subsampling == 2 else "4:4:4"
    return _save(photo, "AVIF", quality=quality, subsampling=chroma)


def encode_heif(photo: Photo, quality: int) -> bytes:
    """A HEIC file of uint8 pixels. Needs pillow-heif."""
    register_heif()
    return _save(photo, "HEIF", quality=quality)


def _save(photo: Photo, format: str, **options: Any) -> bytes:
    kept = photo.metadata
    blocks = {"exif": kept.exif, "xmp": kept.xmp, "icc_profile": photo.icc}
    options |= {name: block for name, block in blocks.items() if block is not None}
    stream = io.BytesIO()
    Image.fromarray(photo.samples).save(stream, format, **options)
    return stream.getvalue()


def register_heif() -> bool:
    """Let Pillow know HEIC if pillow-heif is there."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True
