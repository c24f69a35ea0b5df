"""Marker segments of a JPEG file: taken apart and put together.

ISO/IEC 10918-1, annex B; ICC.1:2022, annex B.4; XMP specification part 3, 1.1.3; JFIF 1.02.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from midtone.errors import PhotoError
from midtone.photo import exif, photoshop, xmp
from midtone.photo.metadata import Metadata

ROOM = 65533  # bytes that a segment holds besides its length
_XMP, _ICC = b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
_SCAN, _END, _COMMENT, _TABLES, _RESTARTS = 0xDA, 0xD9, 0xFE, 0xDB, 0xDD
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# After a scan's header: anything but a stuffed 0xFF, a restart or a fill byte.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_PER_INCH, _PER_CM = 1, 2


@dataclass(frozen=True)
class Frame:
    """The frame header: size, bits of a sample, sampling factors of the components."""

    marker: int
    bits: int
    width: int
    height: int
    sampling: tuple[tuple[int, int], ...]


@dataclass
class Segments:
    """A JPEG file taken apart.

    bodies:  (marker, data) of each segment before the first scan
    frame:   the first frame header, or None
    end:     place after the picture's end; None if the file ends before
    has_scan: whether there is any picture data
    """

    bodies: list[tuple[int, bytes]] = field(default_factory=list)
    frame: Frame | None = None
    end: int | None = None
    has_scan: bool = False

    def starting(self, marker: int, head: bytes) -> list[bytes]:
        """Data of the segments of a marker that start with ``head``, without it."""
        return [
            body[len(head) :] for found, body in self.bodies
            if found == marker and body.startswith(head)
        ]  # fmt: skip


def parse(data: bytes, *, heads: bool = False) -> Segments:
    """Take a file apart. Raises PhotoError for what is no JPEG.

    heads: only as far as the first scan, which takes no time
    """
    if not data.startswith(b"\xff\xd8"):
        raise PhotoError("not a JPEG file")
    segments = Segments()
    place = 2
    while True:
        start = data.find(b"\xff", place)
        if start < 0 or start + 4 > len(data):
            if data[start : start + 2] == b"\xff\xd9":
                segments.end = start + 2
            return segments
        marker = data[start + 1]
        if marker == _END:
            segments.end = start + 2
            return segments
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD8:
            place = start + (1 if marker == 0xFF else 2)
            continue
        length = int.from_bytes(data[start + 2 : start + 4], "big")
        body = data[start + 4 : start + 2 + length]
        place = start + 2 + length
        if marker in _FRAMES and segments.frame is None and len(body) >= 6:
            segments.frame = _frame(marker, body)
        if not segments.has_scan and marker != _SCAN:
            segments.bodies.append((marker, body))
        if marker == _SCAN:
            segments.has_scan = True
            if heads:
                return segments
            following = _MARKER.search(data, place)
            place = following.start() if following else len(data)


def _frame(marker: int, body: bytes) -> Frame:
    bits, height, width, count = struct.unpack_from(">BHHB", body)
    sampling = tuple(
        (body[at + 1] >> 4, body[at + 1] & 15)
        for at in range(6, min(6 + 3 * count, len(body) - 2), 3)
    )
    return Frame(marker, bits, width, height, sampling)


def metadata_of(segments: Segments) -> tuple[Metadata, bytes | None, tuple[str, ...]]:
    """(metadata, colour profile or None, what there is besides) of a file."""
    packets = segments.starting(0xE1, _XMP)
    packet = xmp.to_utf8(packets[0]) if packets else None
    extensions = [xmp.EXTENSION + part for part in segments.starting(0xE1, xmp.EXTENSION)]
    is_incomplete = bool(extensions)
    if packet:
        packet, is_incomplete = xmp.merge(packet, extensions)
    block, has_more_exif = _join_exif(segments.starting(0xE1, exif.HEAD))
    iptc, resources = photoshop.split(b"".join(segments.starting(0xED, photoshop.HEAD)))
    metadata = Metadata(
        block,
        packet,
        iptc,
        _dpi(segments.starting(0xE0, b"JFIF\0")),
        photoshop=resources,
        comments=tuple(body for marker, body in segments.bodies if marker == _COMMENT),
    )
    left_out = {
        "more EXIF": has_more_exif, "more XMP": len(packets) > 1,
        "damaged extended XMP": is_incomplete,
    }  # fmt: skip
    others = (*(name for name, is_there in left_out.items() if is_there), *_others(segments))
    return metadata, _join_icc(segments.starting(0xE2, _ICC)), others


def _join_exif(parts: list[bytes]) -> tuple[bytes | None, bool]:
    """The first block, continued by parts without a TIFF header; whether there are more blocks."""
    if not parts:
        return None, False
    block = parts[0]
    for part in parts[1:]:
        if part[:4] in (b"II*\0", b"MM\0*"):
            return exif.HEAD + block, True
        block += part
    return exif.HEAD + block, False


def _join_icc(parts: list[bytes]) -> bytes | None:
    numbered = sorted(((part[0], part[2:]) for part in parts if len(part) > 2), key=lambda p: p[0])
    return b"".join(part for _, part in numbered) or None


def _dpi(heads: list[bytes]) -> tuple[float, float] | None:
    if not heads or len(heads[0]) < 7:
        return None
    unit, across, down = struct.unpack_from(">BHH", heads[0], 2)
    scale = {_PER_INCH: 1.0, _PER_CM: 2.54}.get(unit)
    return (across * scale, down * scale) if scale and across and down else None


def _others(segments: Segments) -> tuple[str, ...]:
    """Names of application segments that are not kept: "APP2 MPF"."""
    known = {
        0xE0: (b"JFIF\0", b"JFXX\0", b"AVI1"), 0xE1: (exif.HEAD, _XMP, xmp.EXTENSION),
        0xE2: (_ICC,), 0xED: (photoshop.HEAD,), 0xEE: (b"Adobe",),
    }  # fmt: skip
    found: dict[str, None] = {}
    for marker, body in segments.bodies:
        if 0xE0 <= marker <= 0xEF and not body.startswith(known.get(marker, ())):
            name = re.match(rb"[\x20-\x7e]{0,40}", body)
            text = name.group().decode().strip() if name else ""
            found[f"APP{marker - 0xE0} {text}".strip()] = None
    return tuple(found)


def join_strips(
    strips: list[bytes], height: int, rows: int, metadata: Metadata, icc: bytes | None
) -> bytes:
    """One file from the files of an image's strips, all of ``rows`` rows but the last.

    Restart markers let each strip's data stand as it is (ISO/IEC 10918-1, B.2.4.4 and E.1.4). The
    strips have the same tables, and ``rows`` is a multiple of 16.
    """
    first = strips[0]
    places = dict(_headers(first))
    scan, frame = places[_SCAN], next(places[marker] for marker in places if marker in _FRAMES)
    if len(strips) == 1:
        return with_metadata(first[:scan], metadata, icc) + first[scan:]
    width, count = struct.unpack_from(">HB", first, frame + 7)
    across = down = 8  # pixels of a block; a scan of one component has no larger ones
    if count > 1:
        factors = first[frame + 11 : frame + 11 + 3 * count : 3]
        across, down = 8 * max(f >> 4 for f in factors), 8 * max(f & 15 for f in factors)
    blocks = -(-width // across) * (rows // down)
    head = bytearray(first[:scan])
    struct.pack_into(">H", head, frame + 5, height)
    restart = struct.pack(">HHH", 0xFF00 | _RESTARTS, 4, blocks)
    parts: list[bytes | memoryview] = [with_metadata(bytes(head), metadata, icc), restart]
    parts.append(memoryview(first)[scan:-2])
    for number, strip in enumerate(strips[1:]):
        scan = dict(_headers(strip))[_SCAN]
        data = scan + 2 + int.from_bytes(strip[scan + 2 : scan + 4])
        parts += bytes((0xFF, 0xD0 + number % 8)), memoryview(strip)[data:-2]
    return b"".join([*parts, b"\xff\xd9"])


def _headers(jpeg: bytes) -> Iterator[tuple[int, int]]:
    """(marker, its place) of the segments up to the scan of a file that an encoder has made."""
    place, marker = 2, 0
    while marker != _SCAN:
        marker = jpeg[place + 1]
        yield marker, place
        place += 2 + int.from_bytes(jpeg[place + 2 : place + 4])


def with_metadata(jpeg: bytes, metadata: Metadata, icc: bytes | None) -> bytes:
    """A JPEG file, as the encoder made it, or its beginning, with metadata and profile.

    EXIF and XMP that are longer than a segment are written in several.
    """
    added = b"".join(
        b"\xff" + bytes((marker,)) + struct.pack(">H", len(body) + 2) + body
        for marker, body in _bodies(metadata, icc)
    )
    start = 2
    if jpeg[2:4] == b"\xff\xe0":  # JFIF stays first, with the photograph's resolution
        start = 4 + int.from_bytes(jpeg[4:6], "big")
    head = bytearray(jpeg[:start])
    if start > 2 and metadata.dpi:
        head[13] = _PER_INCH
        struct.pack_into(">HH", head, 14, *(min(max(1, round(d)), 65535) for d in metadata.dpi))
    return bytes(head) + added + jpeg[start:]


def _bodies(metadata: Metadata, icc: bytes | None) -> Iterator[tuple[int, bytes]]:
    """(marker, data) of the segments of metadata and profile."""
    if metadata.exif:
        for part in _pieces(metadata.exif.removeprefix(exif.HEAD), exif.HEAD):
            yield 0xE1, exif.HEAD + part
    if metadata.xmp:
        packet, extensions = metadata.xmp, list[bytes]()
        if len(packet) > ROOM - len(_XMP):
            packet, extensions = xmp.split(packet, ROOM)
        yield 0xE1, _XMP + packet
        for extension in extensions:
            yield 0xE1, extension
    for part in _pieces(photoshop.join(metadata.iptc, metadata.photoshop), photoshop.HEAD):
        yield 0xED, photoshop.HEAD + part
    parts = _pieces(icc or b"", _ICC + bytes(2))
    for number, part in enumerate(parts, start=1):
        yield 0xE2, _ICC + bytes((number, len(parts))) + part
    for comment in metadata.comments:
        yield _COMMENT, comment[:ROOM]


def _pieces(block: bytes, head: bytes) -> list[bytes]:
    """A block cut into parts that fit into a segment behind a head."""
    room = ROOM - len(head)
    return [block[at : at + room] for at in range(0, len(block), room)]


def quality(segments: Segments) -> int | None:
    """The quality whose luminance table (ITU-T T.81, table K.1, scaled by libjpeg) is nearest."""
    for table in (body for marker, body in segments.bodies if marker == _TABLES):
        place = 0
        while place < len(table):
            wide, number = table[place] >> 4, table[place] & 15
            code, length = (">u2", 128) if wide else ("u1", 64)
            values = table[place + 1 : place + 1 + length]
            if number == 0 and len(values) == length:
                return _nearest(np.frombuffer(values, code).astype(float))
            place += 1 + length
    return None


def _nearest(given: np.ndarray) -> int:
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
