"""The boxes of HEIC and AVIF files: items, their properties and references.

ISO/IEC 14496-12 (4.2 boxes, 8.11 items), ISO/IEC 23008-12 (9.3 properties). Damaged boxes raise
ValueError, KeyError, IndexError or struct.error.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field

Box = tuple[int, int]  # start and end of a box's content
Property = tuple[bytes, Box]  # type and content
FULL = 4  # bytes of version and flags, with which the content of many boxes starts


@dataclass
class Item:
    """A part of a file, such as a picture or a block of metadata.

    kind:    "av01", "hvc1", "grid", "Exif" or "mime" for instance
    mime:    type of a "mime" item
    extents: (offset, length) of each piece of its content, from the idat box on if ``in_idat``
    properties: indices from 1
    """

    kind: str = ""
    _: KW_ONLY
    mime: bytes = b""
    extents: list[tuple[int, int]] = field(default_factory=list)
    in_idat: bool = False
    properties: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Reference:
    """A link between items: "thmb", "auxl" or "dimg" for instance."""

    kind: str
    source: int
    targets: list[int]


@dataclass(frozen=True, kw_only=True)
class Meta:
    """The meta box of a file.

    primary: number of the picture that is shown
    idat:    start of the content of the idat box
    """

    data: bytes
    items: dict[int, Item]
    primary: int
    properties: list[Property]
    references: list[Reference]
    idat: int

    def properties_of(self, number: int | None) -> list[Property]:
        """The properties of an item, in its order; none if there is no such item."""
        item = self.items.get(number) if number is not None else None
        indices = item.properties if item else ()
        return [self.properties[i - 1] for i in indices if 0 < i <= len(self.properties)]

    def content(self, item: Item) -> bytes:
        """The bytes of an item."""
        shift = self.idat if item.in_idat else 0
        return b"".join(
            self.data[shift + offset : shift + offset + length] for offset, length in item.extents
        )


def brands(data: bytes) -> set[bytes]:
    """Major and compatible brands; empty for other files."""
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4], "big"), len(data), 1024)
    return {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}


def is_sequence(data: bytes) -> bool:
    """Whether a file is an animation."""
    return data[8:12] in (b"avis", b"msf1", b"hevc", b"hevx")


def read_meta(data: bytes) -> Meta:
    """The meta box of a file."""
    found = next((box for kind, box in boxes(data, 0, len(data)) if kind == b"meta"), None)
    if found is None:
        raise ValueError("no meta box")
    inside = dict(boxes(data, found[0] + FULL, found[1]))
    items = _read_items(data, inside[b"iinf"])
    _read_locations(data, inside[b"iloc"][0], items)
    properties = _read_properties(data, inside[b"iprp"], items)
    start = inside[b"pitm"][0]
    return Meta(
        data=data,
        items=items,
        primary=number_at(data, start + FULL, 2 if data[start] == 0 else 4),
        properties=properties,
        references=_read_references(data, inside.get(b"iref")),
        idat=inside.get(b"idat", (0, 0))[0],
    )


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, Box]]:
    """(type, content) of each box within a range; a media box may be cut off."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1:
            size, head = number_at(data, start + 8, 8), 16
        size = size or end - start
        if size < head or start + size > end:
            if kind != b"mdat":
                raise ValueError(f"damaged {kind.decode('latin-1')} box")
            return
        yield kind, (start + head, start + size)
        start += size


def number_at(data: bytes, offset: int, size: int) -> int:
    """The whole number in ``size`` bytes at an offset; 0 for no bytes."""
    if offset + size > len(data):
        raise ValueError("a box is cut off")
    return int.from_bytes(data[offset : offset + size], "big")


def _read_items(data: bytes, iinf: Box) -> dict[int, Item]:
    """The items by their numbers, without extents and properties."""
    items: dict[int, Item] = {}
    start, end = iinf
    start += FULL + (2 if data[start] == 0 else 4)
    for kind, (at, stop) in boxes(data, start, end):
        version = data[at]
        if kind != b"infe" or version < 2:
            continue
        wide = 2 if version == 2 else 4
        number = number_at(data, at + FULL, wide)
        offset = at + FULL + wide + 2
        item = Item(data[offset : offset + 4].decode("latin-1"))
        item.mime = data[offset + 4 : stop].split(b"\0")[1] if item.kind == "mime" else b""
        items[number] = item
    return items


def _read_locations(data: bytes, at: int, items: dict[int, Item]) -> None:
    """Give items the extents in the iloc box at an offset."""
    version, sizes = data[at], number_at(data, at + FULL, 2)
    offset_size, length_size = sizes >> 12, sizes >> 8 & 15
    base_size, index_size = sizes >> 4 & 15, (sizes & 15 if version else 0)
    wide = 4 if version == 2 else 2
    count, at = number_at(data, at + FULL + 2, wide), at + FULL + 2 + wide
    for _ in range(count):
        item = items.setdefault(number_at(data, at, wide), Item())
        at += wide
        if version:
            item.in_idat = number_at(data, at, 2) & 15 == 1
            at += 2
        base = number_at(data, at + 2, base_size)
        extents = number_at(data, at + 2 + base_size, 2)
        at += 4 + base_size
        for _ in range(extents):
            offset = number_at(data, at + index_size, offset_size)
            length = number_at(data, at + index_size + offset_size, length_size)
            item.extents.append((base + offset, length))
            at += index_size + offset_size + length_size


def _read_properties(data: bytes, iprp: Box, items: dict[int, Item]) -> list[Property]:
    """All properties; their indices, from 1, go to the items that have them."""
    properties: list[Property] = []
    for kind, (start, end) in boxes(data, *iprp):
        if kind == b"ipco":
            properties = list(boxes(data, start, end))
        if kind != b"ipma":
            continue
        version, flags = data[start], data[start + 3]
        wide, count = 2 if version < 1 else 4, number_at(data, start + FULL, 4)
        at = start + FULL + 4
        for _ in range(count):
            item = items.setdefault(number_at(data, at, wide), Item())
            number, at = data[at + wide], at + wide + 1
            for _ in range(number):
                index = number_at(data, at, 2) & 0x7FFF if flags & 1 else data[at] & 0x7F
                item.properties.append(index)
                at += 2 if flags & 1 else 1
    return properties


def _read_references(data: bytes, iref: Box | None) -> list[Reference]:
    if iref is None:
        return []
    wide = 2 if data[iref[0]] == 0 else 4
    found = []
    for kind, (at, _) in boxes(data, iref[0] + FULL, iref[1]):
        count = number_at(data, at + wide, 2)
        targets = [number_at(data, at + wide + 2 + wide * i, wide) for i in range(count)]
        found.append(Reference(kind.decode("latin-1"), number_at(data, at, wide), targets))
    return found
