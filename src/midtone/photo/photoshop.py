"""Photoshop image resources ("8BIM"), in JPEG's APP13 and TIFF's tag 34377.

Adobe Photoshop File Formats Specification, "Image Resource Blocks".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

HEAD = b"Photoshop 3.0\0"
_IPTC = 0x0404
# Thumbnails, which are stale, and profile, EXIF and XMP, which are kept elsewhere.
_LEFT_OUT = {0x0409, 0x040C, 0x040F, 0x0422, 0x0423, 0x0424}


def split(block: bytes) -> tuple[bytes | None, bytes | None]:
    """(IPTC records, the other resources that are worth keeping), each or None."""
    iptc, others = None, b""
    for number, whole, data in _resources(block):
        if number == _IPTC:
            iptc = iptc or data
        elif number not in _LEFT_OUT:
            others += whole
    return iptc or None, others or None


def join(iptc: bytes | None, others: bytes | None) -> bytes:
    """Resources of both; empty if there are none."""
    record = b""
    if iptc:
        record = b"8BIM" + struct.pack(">HHI", _IPTC, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)
    return record + (others or b"")


def _resources(block: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """(number, whole resource, data) of each; the first damaged one ends it."""
    offset = 0
    while offset + 12 <= len(block) and block[offset : offset + 4] in (b"8BIM", b"MeSa", b"PHUT"):
        (number,) = struct.unpack_from(">H", block, offset + 4)
        name = 1 + block[offset + 6]
        start = offset + 6 + name + name % 2
        if start + 4 > len(block):
            return
        (length,) = struct.unpack_from(">I", block, start)
        end = start + 4 + length
        if end > len(block):
            return
        yield number, block[offset:end] + bytes(length % 2), block[start + 4 : end]
        offset = end + length % 2
