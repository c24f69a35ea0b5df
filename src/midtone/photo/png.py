"""PNG: libpng for 16-bit pixels, chunks for the metadata (W3C PNG, third edition)."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from PIL import Image

from midtone.photo import pillow_codec
from midtone.photo.metadata import Metadata
from midtone.photo.photo import Photo

_HEADER = 8 + 12 + 13  # signature and IHDR
_BIT_DEPTH = 24  # its place in the file


def decode(image: Image.Image, data: bytes) -> tuple[np.ndarray, np.ndarray | None]:
    """H x W or H x W x C, uint8 or uint16 as stored, and alpha."""
    if data[_BIT_DEPTH] != 16:
        return pillow_codec.decode(image)
    import imagecodecs

    pixels = np.asarray(imagecodecs.png_decode(data))
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        return pixels[..., :-1], pixels[..., -1]
    return pixels, None


def encode(photo: Photo, quality: int) -> bytes:
    """A PNG file of uint8 or uint16 pixels; ``quality`` has no meaning here."""
    import imagecodecs

    encoded = imagecodecs.png_encode(photo.samples, level=4)
    return _with_chunks(bytes(encoded), photo.metadata, photo.icc)


def _with_chunks(png: bytes, metadata: Metadata, icc: bytes | None) -> bytes:
    """A PNG file with the blocks, right after its header chunk. PNG has no place for IPTC."""
    chunks = []
    if icc:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)))
    if metadata.dpi:
        across, down = (max(1, round(dpi / 0.0254)) for dpi in metadata.dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", across, down, 1)))
    if metadata.exif:
        chunks.append((b"eXIf", metadata.exif.removeprefix(b"Exif\0\0")))
    if metadata.xmp:
        chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp))
    added = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return png[:_HEADER] + added + png[_HEADER:]
