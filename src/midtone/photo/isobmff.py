"""The boxes of HEIC and AVIF files: what they say of the picture besides its pixels.

ISO/IEC 14496-12 (boxes, 8.11 items), ISO/IEC 23008-12 (6.5 properties), MIAF (7.3.6).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

_FULL = 4  # bytes of version and flags
# What auxiliary pictures are, by the ends of their types.
_AUXILIARY = {
    "depth": "depth map", "disparity": "depth map", "hdrgainmap": "gain map", "alpha": "",
    "auxid:1": "", "auxid:2": "depth map",
}  # fmt: skip
_THUMBNAIL, _AUXILIARY_OF, _TILES = "thmb", "auxl", "dimg"
_PICTURES = ("hvc1", "av01", "grid", "iden", "iovl", "avc1", "jpeg", "tmap")
# Boxes of a file that hold the picture, or nothing.
_OWN_BOXES = (b"ftyp", b"meta", b"mdat", b"free", b"skip", b"wide")
_OTHER_BOXES = {b"mpvd": "motion photo", b"moov": "film"}


@dataclass
class Picture:
    """The primary picture and what a file holds besides.

    kind:     of the item, "av01" or "hvc1" for instance
    width, height: as stored, before ``orientation``
    orientation: as in EXIF: clap aside, what irot and imir do
    cicp:     (primaries, transfer) of nclx, or None;  has_icc: whether there is a profile
    bits:     of a channel;  is_monochrome: whether it has luminance alone
    subsampling: of its chroma, as in ``Photo``, or None
    exif, xmp: the blocks or None
    others:   what is there besides, in words
    """

    kind: str = ""
    width: int = 0
    height: int = 0
    orientation: int = 1
    cicp: tuple[int, int] | None = None
    icc: bytes | None = None
    bits: int = 8
    is_monochrome: bool = False
    subsampling: int | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    others: list[str] = field(default_factory=list)


@dataclass
class _Item:
    kind: str = ""
    mime: bytes = b""
    extents: list[tuple[int, int]] = field(default_factory=list)
    in_idat: bool = False
    properties: list[int] = field(default_factory=list)


def brands(data: bytes) -> set[bytes]:
    """Major and compatible brands; empty for other files."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4], "big"), len(data), 1024)
    return {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}


def is_sequence(data: bytes) -> bool:
    """Whether a file is an animation."""
    return data[8:12] in (b"avis", b"msf1", b"hevc", b"hevx")


def parse(data: bytes) -> Picture:
    """What the boxes say. Raises ValueError, struct.error or IndexError for damaged ones."""
    meta = next((body for kind, body in _boxes(data, 0, len(data)) if kind == b"meta"), None)
    if meta is None:
        raise ValueError("no meta box")
    boxes = dict(_boxes(data, meta[0] + _FULL, meta[1]))
    items = _items(data, boxes)
    references = _references(data, boxes.get(b"iref"))
    properties = _properties(data, boxes, items)
    primary = _number(data, boxes[b"pitm"][0] + _FULL, 2 if data[boxes[b"pitm"][0]] == 0 else 4)
    picture = Picture(items[primary].kind if primary in items else "")
    turns: list[tuple[bytes, int]] = []
    tiles = (to for kind, of, to in references if (kind, of) == (_TILES, primary))
    for tile in next(tiles, [])[:1]:
        for kind, box in _properties_of(items.get(tile), properties):
            if kind in (b"av1C", b"hvcC"):  # a grid has none of its own
                _apply(data, kind, box, picture, turns)
    for kind, box in _properties_of(items.get(primary), properties):
        _apply(data, kind, box, picture, turns)
    picture.orientation = _orientation(turns)
    idat = boxes.get(b"idat", (0, 0))[0]
    for item in items.values():
        if item.kind == "Exif":
            block = _content(data, item, idat)
            picture.exif = block[4 + int.from_bytes(block[:4], "big") :] or None
        elif item.kind == "mime" and item.mime == b"application/rdf+xml":
            picture.xmp = _content(data, item, idat) or None
    picture.others += _others(data, items, references, properties, primary)
    picture.others += _other_boxes(data)
    return picture


def _other_boxes(data: bytes) -> list[str]:
    """What a file holds outside the boxes of its pictures, such as a film or a phone's trailer."""
    found: dict[str, None] = {}
    place = 0
    try:
        for kind, box in _boxes(data, 0, len(data)):
            place = box[1]
            if kind not in _OWN_BOXES:
                found[_OTHER_BOXES.get(kind, f"{kind.decode('latin-1')} box")] = None
    except ValueError:
        found[f"{len(data) - place} bytes after the picture"] = None
    return list(found)


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """(type, (start, end) of the content) of each box within a range."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1:
            size, head = _number(data, start + 8, 8), 16
        size = size or end - start
        if size < head or start + size > end:
            if kind != b"mdat":
                raise ValueError(f"damaged {kind.decode('latin-1')} box")
            return
        yield kind, (start + head, start + size)
        start += size


def _number(data: bytes, place: int, size: int) -> int:
    if place + size > len(data):
        raise ValueError("a box is cut off")
    return int.from_bytes(data[place : place + size], "big")


def _items(data: bytes, boxes: dict[bytes, tuple[int, int]]) -> dict[int, _Item]:
    items: dict[int, _Item] = {}
    start, end = boxes[b"iinf"]
    start += _FULL + (2 if data[start] == 0 else 4)
    for kind, (at, stop) in _boxes(data, start, end):
        version = data[at]
        if kind != b"infe" or version < 2:
            continue
        wide = 2 if version == 2 else 4
        number = _number(data, at + _FULL, wide)
        place = at + _FULL + wide + 2
        item = _Item(data[place : place + 4].decode("latin-1"))
        item.mime = data[place + 4 : stop].split(b"\0")[1] if item.kind == "mime" else b""
        items[number] = item
    _locate(data, boxes[b"iloc"][0], items)
    return items


def _locate(data: bytes, at: int, items: dict[int, _Item]) -> None:
    version, sizes = data[at], _number(data, at + _FULL, 2)
    offset_size, length_size = sizes >> 12, sizes >> 8 & 15
    base_size, index_size = sizes >> 4 & 15, (sizes & 15 if version else 0)
    wide = 4 if version == 2 else 2
    count, at = _number(data, at + _FULL + 2, wide), at + _FULL + 2 + wide
    for _ in range(count):
        item = items.setdefault(_number(data, at, wide), _Item())
        at += wide
        if version:
            item.in_idat = _number(data, at, 2) & 15 == 1
            at += 2
        base = _number(data, at + 2, base_size)
        extents = _number(data, at + 2 + base_size, 2)
        at += 4 + base_size
        for _ in range(extents):
            offset = _number(data, at + index_size, offset_size)
            length = _number(data, at + index_size + offset_size, length_size)
            item.extents.append((base + offset, length))
            at += index_size + offset_size + length_size


def _content(data: bytes, item: _Item, idat: int) -> bytes:
    shift = idat if item.in_idat else 0
    return b"".join(data[shift + at : shift + at + length] for at, length in item.extents)


def _references(data: bytes, box: tuple[int, int] | None) -> list[tuple[str, int, list[int]]]:
    """(kind, from, to) of each reference between items."""
    if box is None:
        return []
    wide = 2 if data[box[0]] == 0 else 4
    found = []
    for kind, (at, _) in _boxes(data, box[0] + _FULL, box[1]):
        count = _number(data, at + wide, 2)
        targets = [_number(data, at + wide + 2 + wide * i, wide) for i in range(count)]
        found.append((kind.decode("latin-1"), _number(data, at, wide), targets))
    return found


def _properties(
    data: bytes, boxes: dict[bytes, tuple[int, int]], items: dict[int, _Item]
) -> list[tuple[bytes, tuple[int, int]]]:
    """All properties; their indices, from 1, go to the items that have them."""
    inside = list(_boxes(data, *boxes[b"iprp"]))
    properties: list[tuple[bytes, tuple[int, int]]] = []
    for kind, (start, end) in inside:
        if kind == b"ipco":
            properties = list(_boxes(data, start, end))
        if kind != b"ipma":
            continue
        version, flags = data[start], data[start + 3]
        wide, count = 2 if version < 1 else 4, _number(data, start + _FULL, 4)
        at = start + _FULL + 4
        for _ in range(count):
            item = items.setdefault(_number(data, at, wide), _Item())
            number, at = data[at + wide], at + wide + 1
            for _ in range(number):
                index = _number(data, at, 2) & 0x7FFF if flags & 1 else data[at] & 0x7F
                item.properties.append(index)
                at += 2 if flags & 1 else 1
    return properties


def _properties_of(
    item: _Item | None, properties: list[tuple[bytes, tuple[int, int]]]
) -> list[tuple[bytes, tuple[int, int]]]:
    indices = item.properties if item else ()
    return [properties[index - 1] for index in indices if 0 < index <= len(properties)]


def _apply(
    data: bytes, kind: bytes, box: tuple[int, int], picture: Picture,
    turns: list[tuple[bytes, int]],
) -> None:  # fmt: skip
    """Take over one property of the primary picture."""
    at, end = box
    if kind == b"ispe":
        picture.width, picture.height = _number(data, at + 4, 4), _number(data, at + 8, 4)
    elif kind == b"clap" and picture.kind == "av01":  # libheif crops, libavif does not
        picture.others.append("the crop of the file")
    elif kind in (b"irot", b"imir"):
        turns.append((kind, data[at] & 3))
    elif kind == b"pixi" and data[at + 4]:
        picture.bits = data[at + 5]
        picture.is_monochrome = data[at + 4] == 1
    elif kind == b"av1C":
        flags = data[at + 2]
        picture.bits = (12 if flags & 0x20 else 10) if flags & 0x40 else 8
        picture.is_monochrome = bool(flags & 0x10)
        picture.subsampling = {0b00: 0, 0b10: 1, 0b11: 2}.get(flags >> 2 & 3)
    elif kind == b"hvcC":
        picture.bits = 8 + (data[at + 17] & 7)
        picture.subsampling = {1: 2, 2: 1, 3: 0}.get(data[at + 16] & 3)
    elif kind == b"colr" and data[at : at + 4] == b"nclx":
        picture.cicp = _number(data, at + 4, 2), _number(data, at + 6, 2)
    elif kind == b"colr" and data[at : at + 4] in (b"prof", b"rICC"):
        picture.icc = data[at + 4 : end]


def _orientation(turns: list[tuple[bytes, int]]) -> int:
    """The EXIF orientation that turns a picture as irot (anticlockwise) and imir do in turn."""
    # As a 2 x 2 matrix on (x to the right, y down).
    matrix = ((1, 0), (0, 1))
    quarter = ((0, 1), (-1, 0))  # anticlockwise: (x, y) -> (y, -x)
    mirrors = (((1, 0), (0, -1)), ((-1, 0), (0, 1)))  # axis 0: top to bottom; 1: left to right
    for kind, value in turns:
        steps = [quarter] * value if kind == b"irot" else [mirrors[value & 1]]
        for step in steps:
            matrix = _times(step, matrix)
    return {
        ((1, 0), (0, 1)): 1, ((-1, 0), (0, 1)): 2, ((-1, 0), (0, -1)): 3, ((1, 0), (0, -1)): 4,
        ((0, 1), (1, 0)): 5, ((0, -1), (1, 0)): 6, ((0, -1), (-1, 0)): 7, ((0, 1), (-1, 0)): 8,
    }[matrix]  # fmt: skip


_Matrix = tuple[tuple[int, int], tuple[int, int]]


def _times(one: _Matrix, other: _Matrix) -> _Matrix:
    (a, b), (c, d) = one
    (e, f), (g, h) = other
    return (a * e + b * g, a * f + b * h), (c * e + d * g, c * f + d * h)


def _others(
    data: bytes,
    items: dict[int, _Item],
    references: list[tuple[str, int, list[int]]],
    properties: list[tuple[bytes, tuple[int, int]]],
    primary: int,
) -> list[str]:
    """Pictures besides the primary one, its tiles, its alpha and thumbnails."""
    parts = {to for kind, _, targets in references if kind == _TILES for to in targets}
    found: dict[str, int] = {}
    for number, item in items.items():
        links = [kind for kind, source, _ in references if source == number]
        if number in parts | {primary} or item.kind not in _PICTURES or _THUMBNAIL in links:
            continue
        name = "gain map" if item.kind == "tmap" else "picture"
        if _AUXILIARY_OF in links:
            name = "auxiliary picture"
            for index in item.properties:
                kind, (at, end) = properties[index - 1]
                if kind == b"auxC":
                    urn = data[at + _FULL : end].partition(b"\0")[0].decode("latin-1").lower()
                    name = next((n for e, n in _AUXILIARY.items() if urn.endswith(e)), name)
        if name:
            found[name] = found.get(name, 0) + 1
    return [f"{count} more {name}{'s' * (count > 1)}" for name, count in found.items()]
