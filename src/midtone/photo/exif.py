"""EXIF blocks and TIFF directories (EXIF 2.32, section 4.6; TIFF 6.0, section 2).

A block is a TIFF header with directories ("IFDs") of 12-byte entries, with or without the six bytes
``Exif\\0\\0`` before it. Blocks are edited in place, because maker notes hold offsets of their own.
What is damaged stays as it is; each edit is made or not made on its own.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

HEAD = b"Exif\0\0"
MAKER_NOTE = 0x927C
ORIENTATION, SOFTWARE, EXIF, GPS, INTEROP = 0x0112, 0x0131, 0x8769, 0x8825, 0xA005
SUB_DIRECTORIES = 0x014A
BYTE, ASCII, SHORT, LONG, UNDEFINED = 1, 2, 3, 4, 7
_RATIONALS = (5, 10)
_SIZES = {0x0100: 0, 0x0101: 1, 0xA002: 0, 0xA003: 1}  # tag -> 0 for width, 1 for height
# Offsets and lengths of thumbnails, as JPEG and uncompressed.
_THUMBNAILS = ((0x0201, 0x0202), (0x0111, 0x0117))
# Of a number or character of each kind.
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
          16: 8, 17: 8, 18: 8}  # fmt: skip
# Of the numeric kinds, for struct.
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I",
          16: "Q", 18: "Q"}  # fmt: skip
_BIG_ONLY = (16, 17, 18)  # kinds that BigTIFF alone has
_CLASSIC = (SHORT, LONG, 13)  # kinds that sizes and pointers have
_ENTRIES, _SUB_DIRECTORIES = 1000, 16  # at most; damaged files have absurd numbers


@dataclass(frozen=True)
class Entry:
    """An entry of a directory whose value lies within the file.

    place: of the value's first byte;  kind: TIFF's data type;  count: of numbers or characters
    """

    tag: int
    kind: int
    count: int
    place: int

    @property
    def length(self) -> int:
        """Bytes of the value."""
        return self.count * _BYTES[self.kind]


@dataclass(frozen=True)
class Value:
    """A tag with its value's bytes, or with the directory that it points to."""

    tag: int
    kind: int
    count: int
    data: bytes
    directory: tuple[Value, ...] | None = None


class Directories:
    """The directories of a block, or of a whole TIFF or BigTIFF file.

    order: "<" or ">";  first: place of the first directory; places count from the TIFF header
    Raises ValueError if there is no TIFF header.
    """

    def __init__(self, data: bytes | bytearray) -> None:
        self.data = data
        order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
        version = struct.unpack_from(f"{order}H", data, 2)[0] if order and len(data) >= 8 else 0
        if order is None or version not in (42, 43):
            raise ValueError("no TIFF header")
        self.order = order
        self.big = version == 43
        self._pointer = "Q" if self.big else "I"
        self.first = self._at(self._pointer, 8 if self.big else 4) or 0

    def entries(self, directory: int) -> Iterator[Entry]:
        """The entries of a directory; damaged ones are left out."""
        number_code, width, inline = ("Q", 20, 8) if self.big else ("H", 12, 4)
        number = self._at(number_code, directory) or 0
        start = directory + struct.calcsize("=" + number_code)
        for place in range(start, start + width * min(number, _ENTRIES), width):
            if place + width > len(self.data):
                return
            tag, kind, count = struct.unpack_from(
                f"{self.order}HH{self._pointer}", self.data, place
            )
            length = _BYTES.get(kind, 0) * count
            value = place + width - inline
            if length > inline:
                value = self._at(self._pointer, value) or 0
            if kind in _BYTES and value + length <= len(self.data):
                yield Entry(tag, kind, count, value)

    def next_pointer(self, directory: int) -> int:
        """Where the place of the next directory is written."""
        number_code, width = ("Q", 20) if self.big else ("H", 12)
        number = self._at(number_code, directory) or 0
        return directory + struct.calcsize("=" + number_code) + width * number

    def following(self, directory: int) -> int:
        """Place of the next directory; 0 if there is none."""
        return self._at(self._pointer, self.next_pointer(directory)) or 0

    def number(self, entry: Entry) -> int | None:
        """The first whole number of a value of any numeric type; None for others."""
        if not entry.count:
            return None
        if entry.kind in _CODES:
            (found,) = struct.unpack_from(self.order + _CODES[entry.kind], self.data, entry.place)
            return int(found) if found == found // 1 else None
        if entry.kind in _RATIONALS:
            above, below = struct.unpack_from(f"{self.order}2I", self.data, entry.place)
            return above // below if below and above % below == 0 else None
        if entry.kind == ASCII:
            text = self._bytes(entry).strip(b"\0 ")
            return int(text) if text.isdigit() and len(text) < 10 else None
        return None

    def find(self, directory: int, tag: int) -> int | None:
        """The number of a directory's first entry of this tag."""
        entry = self._entry(directory, tag)
        return self.number(entry) if entry else None

    def bytes_of(self, directory: int, tag: int) -> bytes | None:
        """The value of a directory's first entry of this tag."""
        entry = self._entry(directory, tag)
        return self._bytes(entry) if entry else None

    def below(self, directory: int) -> list[int]:
        """Places of the directories that SubIFDs points to."""
        entry = self._entry(directory, SUB_DIRECTORIES)
        if entry is None or entry.kind not in _CODES:
            return []
        step = _BYTES[entry.kind]
        places = range(entry.place, entry.place + entry.length, step)[:_SUB_DIRECTORIES]
        return [self._at(_CODES[entry.kind], place) or 0 for place in places]

    def put(self, entry: Entry, number: int) -> None:
        """Write a number over a value, in the value's own type. ``data`` must be a bytearray."""
        if entry.kind in _RATIONALS:
            struct.pack_into(f"{self.order}2I", self.data, entry.place, number, 1)
        elif entry.kind == ASCII:
            text = str(number).encode()[: entry.count].ljust(entry.count, b"\0")
            struct.pack_into(f"{entry.count}s", self.data, entry.place, text)
        else:
            code = _CODES[entry.kind]
            struct.pack_into(self.order + code, self.data, entry.place, number)

    def values(self, directory: int, depth: int = 2) -> tuple[Value, ...]:
        """A directory and those that it points to, as values that can be written elsewhere."""
        found: dict[int, Value] = {}
        for entry in self.entries(directory):
            inner = None
            if entry.tag in (EXIF, GPS, INTEROP):
                place = self.number(entry)
                if not place or not depth:
                    continue
                inner = self.values(place, depth - 1)
            elif entry.kind in _BIG_ONLY:
                continue
            value = Value(entry.tag, entry.kind, entry.count, self._bytes(entry), inner)
            found.setdefault(entry.tag, value)
        return tuple(found[tag] for tag in sorted(found))

    def _entry(self, directory: int, tag: int) -> Entry | None:
        return next((entry for entry in self.entries(directory) if entry.tag == tag), None)

    def _bytes(self, entry: Entry) -> bytes:
        return bytes(self.data[entry.place : entry.place + entry.length])

    def _at(self, code: str, place: int) -> int | None:
        code = self.order + code
        if place < 0 or place + struct.calcsize(code) > len(self.data):
            return None
        return int(struct.unpack_from(code, self.data, place)[0])


def pack(values: Sequence[Value], order: str = "<") -> bytes:
    """An EXIF block of values; their bytes must be in this order."""
    start = b"II*\0" if order == "<" else b"MM\0*"
    return HEAD + start + struct.pack(f"{order}I", 8) + pack_directory(values, order, 8)


def pack_directory(values: Iterable[Value], order: str, place: int) -> bytes:
    """A directory that will stand at ``place``, followed by what does not fit into its entries."""
    values = sorted(values, key=lambda value: value.tag)
    head = 2 + 12 * len(values) + 4
    entries, rest = pack_entries(values, order, place + head)
    return struct.pack(f"{order}H", len(values)) + b"".join(entries) + bytes(4) + rest


def pack_entries(values: Iterable[Value], order: str, place: int) -> tuple[list[bytes], bytes]:
    """12-byte entries, and the bytes that must stand at ``place`` for them."""
    entries, rest = [], bytearray()
    for value in values:
        start = struct.pack(f"{order}HHI", value.tag, value.kind, value.count)
        data = value.data
        if value.directory is not None:
            start = struct.pack(f"{order}HHI", value.tag, LONG, 1)
            data = pack_directory(value.directory, order, place + len(rest))
        elif len(data) <= 4:
            entries.append(start + data.ljust(4, b"\0"))
            continue
        entries.append(start + struct.pack(f"{order}I", place + len(rest)))
        rest += data + bytes(len(data) % 2)
    return entries, bytes(rest)


def orientation(exif: bytes) -> int | None:
    """1 to 8, of any type; None if there is none that ``normalize_orientation`` could reset."""
    with contextlib.suppress(ValueError):
        block = Directories(exif.removeprefix(HEAD))
        found = block.find(block.first, ORIENTATION)
        return found if found in range(1, 9) else None
    return None


def normalize_orientation(exif: bytes, size: tuple[int, int]) -> bytes:
    """The block of a picture that is upright now: orientation 1, its size, no stale thumbnail.

    size: (width, height) of the upright picture. The thumbnail's bytes become zeros.
    """
    head = HEAD if exif.startswith(HEAD) else b""
    data = bytearray(exif[len(head) :])
    try:
        block = Directories(data)
    except ValueError:
        return exif
    for directory in (block.first, block.find(block.first, EXIF)):
        for entry in block.entries(directory) if directory else ():
            if entry.tag == ORIENTATION and block.number(entry) is not None:
                block.put(entry, 1)
            elif entry.tag in _SIZES and entry.kind in _CLASSIC and entry.count == 1:
                side = size[_SIZES[entry.tag]]
                if entry.kind != SHORT or side < 1 << 16:
                    block.put(entry, side)
    _drop_thumbnail(block, data)
    return head + bytes(data)


def has_maker_note(exif: bytes | None) -> bool:
    """Whether a block has a maker note, which may hold offsets from the block's start."""
    with contextlib.suppress(ValueError):
        block = Directories((exif or b"").removeprefix(HEAD))
        below = block.find(block.first, EXIF)
        return below is not None and block.bytes_of(below, MAKER_NOTE) is not None
    return False


def set_software(exif: bytes | None, software: str) -> bytes:
    """The block with the Software tag set; a new block if there is none.

    The first directory is written anew at the end, one entry longer; all else stays in its place.
    A block without a whole first directory is returned as it is.
    """
    text = software.encode("ascii", "replace") + b"\0"
    if exif is None:
        return pack([Value(SOFTWARE, ASCII, len(text), text)])
    head = HEAD if exif.startswith(HEAD) else b""
    data = bytearray(exif[len(head) :])
    try:
        block = Directories(data)
    except ValueError:
        return exif
    end = block.next_pointer(block.first)
    if block.big or not block.first or end > len(data):
        return exif
    following = block.following(block.first)
    raw = (bytes(data[at : at + 12]) for at in range(block.first + 2, end, 12))
    code = f"{block.order}H"
    kept = [entry for entry in raw if struct.unpack_from(code, entry)[0] != SOFTWARE]
    data += bytes(len(data) % 2)
    entries, rest = pack_entries([Value(SOFTWARE, ASCII, len(text), text)], block.order, len(data))
    data += rest
    struct.pack_into(f"{block.order}I", data, 4, len(data))
    kept = sorted(kept + entries, key=lambda entry: struct.unpack_from(code, entry)[0])
    data += struct.pack(code, len(kept)) + b"".join(kept)
    data += struct.pack(f"{block.order}I", following)
    return head + bytes(data)


def _drop_thumbnail(block: Directories, data: bytearray) -> None:
    second = block.following(block.first)
    if not second:
        return
    pointer = block.next_pointer(block.first)
    data[pointer : pointer + 4] = bytes(4)
    for offset, length in _THUMBNAILS:
        start, count = block.find(second, offset), block.find(second, length)
        if start and count and start + count <= len(data):
            data[start : start + count] = bytes(count)
