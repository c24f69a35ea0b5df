"""JPEG: libjpeg-turbo for the pixels, marker segments for the metadata.

Segments: ISO/IEC 10918-1, annex B; ICC.1:2022, annex B.4; XMP specification part 3, 1.1.3.
"""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image, JpegImagePlugin

from midtone.errors import PhotoError
from midtone.photo import pillow_codec
from midtone.photo.metadata import Metadata
from midtone.photo.photo import Photo

_SEGMENT = 65533  # bytes that a segment holds besides its length
_EXIF, _XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_IPTC = 0x0404
_SUBSAMPLING = {0: "444", 1: "422", 2: "420"}


def decode(image: Image.Image, data: bytes) -> tuple[np.ndarray, np.ndarray | None]:
    """H x W or H x W x 3 uint8; YCbCr becomes RGB. Raises PhotoError for a cut-off file."""
    if image.mode not in ("L", "RGB"):
        return pillow_codec.decode(image)
    import imagecodecs

    # The decoder fills what is missing with grey and says nothing.
    if data.rfind(b"\xff\xd9") < _scan(data):
        raise PhotoError("the file is cut off")
    return np.asarray(imagecodecs.jpeg8_decode(data)), None


def encode(photo: Photo, quality: int) -> bytes:
    """A JPEG file of uint8 pixels without alpha."""
    import imagecodecs

    samples = photo.samples
    encoded = imagecodecs.jpeg8_encode(
        samples,
        level=quality,
        subsampling=None if samples.ndim == 2 else _SUBSAMPLING[photo.subsampling or 0],
    )
    return _with_segments(bytes(encoded), photo.metadata, photo.icc)


def _with_segments(jpeg: bytes, metadata: Metadata, icc: bytes | None) -> bytes:
    """A JPEG file with the blocks; what is too long for its segment (EXIF, XMP) is left out."""
    segments = []
    if metadata.exif:
        exif = metadata.exif
        segments.append((0xE1, exif if exif.startswith(_EXIF) else _EXIF + exif))
    if metadata.xmp:
        segments.append((0xE1, _XMP + metadata.xmp))
    if metadata.iptc:
        length = len(metadata.iptc)
        record = b"8BIM" + struct.pack(">HHI", _IPTC, 0, length) + metadata.iptc + bytes(length % 2)
        segments.append((0xED, _PHOTOSHOP + record))
    if icc:
        room = _SEGMENT - len(_ICC) - 2
        parts = [icc[at : at + room] for at in range(0, len(icc), room)]
        for number, part in enumerate(parts, start=1):
            segments.append((0xE2, _ICC + bytes((number, len(parts))) + part))
    start = 2
    head = jpeg[:start]
    if jpeg[2:4] == b"\xff\xe0":  # JFIF stays first, with the photograph's resolution
        start = 4 + int.from_bytes(jpeg[4:6], "big")
        jfif = bytearray(jpeg[2:start])
        if metadata.dpi:
            jfif[11] = 1
            struct.pack_into(">HH", jfif, 12, *(min(max(1, round(d)), 65535) for d in metadata.dpi))
        head += bytes(jfif)
    added = b"".join(
        b"\xff" + bytes((marker,)) + struct.pack(">H", len(body) + 2) + body
        for marker, body in segments
        if len(body) <= _SEGMENT
    )
    return head + added + jpeg[start:]


def subsampling(image: Image.Image) -> int | None:
    """Of the chroma, as Pillow numbers it: 0 (4:4:4), 1 (4:2:2), 2 (4:2:0) or None (another)."""
    found = JpegImagePlugin.get_sampling(image)
    return found if found in _SUBSAMPLING else None


def quality(image: Image.Image) -> int | None:
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


def _scan(jpeg: bytes) -> int:
    """Where the first scan's data begin."""
    place = 2
    while place + 4 <= len(jpeg) and jpeg[place] == 0xFF:
        marker = jpeg[place + 1]
        if marker == 0xDA:
            return place
        place += 1 if marker == 0xFF else 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    return place
