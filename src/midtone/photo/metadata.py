"""Where files keep EXIF, XMP, IPTC and colour profiles: taken out, cleaned, put back.

JPEG: marker segments (ISO/IEC 10918-1, annex B; ICC.1:2022, annex B.4; XMP part 3). PNG: chunks
(W3C PNG, third edition). Other formats take the blocks as they are.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass, replace

_SEGMENT = 65533  # bytes that a JPEG segment holds besides its length
_EXIF, _XMP, _ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
_PHOTOSHOP = b"Photoshop 3.0\0"
_IPTC = 0x0404


@dataclass(frozen=True)
class Metadata:
    """The raw blocks of a photograph, each of them or None.

    exif: with or without ``Exif\\0\\0``;  xmp: UTF-8 packet;  iptc: IIM records;  icc: profile
    dpi:  resolution in pixels per inch, (across, down)
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None

    def stripped(self) -> Metadata:
        """Only what the pixels need to be seen right."""
        return Metadata(icc=self.icc)

    def settled(self) -> Metadata:
        """XMP that speaks of an upright picture without stale previews."""
        return replace(self, xmp=_settled(self.xmp) if self.xmp else None)


def _settled(xmp: bytes) -> bytes:
    xmp = re.sub(rb'(tiff:Orientation=["\'])\d+', rb"\g<1>1", xmp)
    xmp = re.sub(rb"(<tiff:Orientation>)\s*\d+", rb"\g<1>1", xmp)
    return re.sub(rb"<(xmp|xap):Thumbnails>.*?</\1:Thumbnails>", b"", xmp, flags=re.DOTALL)


def into_jpeg(jpeg: bytes, metadata: Metadata) -> bytes:
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
    if metadata.icc:
        room = _SEGMENT - len(_ICC) - 2
        parts = [metadata.icc[at : at + room] for at in range(0, len(metadata.icc), room)]
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


def into_png(png: bytes, metadata: Metadata) -> bytes:
    """A PNG file with the blocks, right after its header chunk. PNG has no place for IPTC."""
    chunks = []
    if metadata.icc:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)))
    if metadata.dpi:
        across, down = (max(1, round(dpi / 0.0254)) for dpi in metadata.dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", across, down, 1)))
    if metadata.exif:
        chunks.append((b"eXIf", metadata.exif.removeprefix(_EXIF)))
    if metadata.xmp:
        chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp))
    header = 8 + 12 + 13
    added = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return png[:header] + added + png[header:]
