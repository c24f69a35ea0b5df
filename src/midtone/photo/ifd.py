"""TIFF directories ("IFDs"; TIFF 6.0, section 2; BigTIFF): read, edited in place, packed.

A file, or an EXIF block, is a TIFF header with directories of 12-byte entries. A value that is
longer than an entry's last 4 bytes stands elsewhere, at an offset from the TIFF header.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

EXIF, GPS, INTEROP = 0x8769, 0x8825, 0xA005
SUB_DIRECTORIES = 0x014A
BYTE, ASCII, SHORT, LONG, UNDEFINED = 1, 2, 3, 4, 7
CLASSIC = (SHORT, LONG, 13)  # types that sizes and pointers have
_RATIONALS = (5, 10)
# Bytes of a number or character of each type.
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
          16: 8, 17: 8, 18: 8}  # fmt: skip
# Codes of the numeric types for struct.
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I",
          16: "Q", 18: "Q"}  # fmt: skip
_BIG_ONLY = (16, 17, 18)  # types that BigTIFF alone has
_MOST_ENTRIES, _MOST_SUB_DIRECTORIES = 1000, 16  # damaged files have absurd numbers


@dataclass(frozen=True)
class Entry:
    """An entry of a directory whose value lies within the file.

    offset: of the value's first byte;  kind: TIFF's data type;  count: of numbers or characters
    """

    tag: int
    kind: int
    count: int
    offset: int

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

    order: "<" or ">";  first: offset of the first directory; offsets count from the TIFF header
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
        for offset in range(start, start + width * min(number, _MOST_ENTRIES), width):
            if offset + width > len(self.data):
                return
            tag, kind, count = struct.unpack_from(
                f"{self.order}HH{self._pointer}", self.data, offset
            )
            length = _BYTES.get(kind, 0) * count
            value = offset + width - inline
            if length > inline:
                value = self._at(self._pointer, value) or 0
            if kind in _BYTES and value + length <= len(self.data):
                yield Entry(tag, kind, count, value)

    def next_pointer(self, directory: int) -> int:
        """Offset of the pointer to the next directory."""
        number_code, width = ("Q", 20) if self.big else ("H", 12)
        number = self._at(number_code, directory) or 0
        return directory + struct.calcsize("=" + number_code) + width * number

    def next_directory(self, directory: int) -> int:
        """Offset of the next directory; 0 if there is none."""
        return self._at(self._pointer, self.next_pointer(directory)) or 0

    def number(self, entry: Entry) -> int | None:
        """The first whole number of a value of any numeric type; None for others."""
        if not entry.count:
            return None
        if entry.kind in _CODES:
            (found,) = struct.unpack_from(self.order + _CODES[entry.kind], self.data, entry.offset)
            return int(found) if found == found // 1 else None
        if entry.kind in _RATIONALS:
            numerator, denominator = struct.unpack_from(f"{self.order}2I", self.data, entry.offset)
            whole = denominator and numerator % denominator == 0
            return numerator // denominator if whole else None
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

    def sub_directories(self, directory: int) -> list[int]:
        """Offsets of the directories that SubIFDs points to."""
        entry = self._entry(directory, SUB_DIRECTORIES)
        if entry is None or entry.kind not in _CODES:
            return []
        step = _BYTES[entry.kind]
        offsets = range(entry.offset, entry.offset + entry.length, step)[:_MOST_SUB_DIRECTORIES]
        return [self._at(_CODES[entry.kind], offset) or 0 for offset in offsets]

    def put(self, entry: Entry, number: int) -> None:
        """Write a number over a value, in the value's own type. ``data`` must be a bytearray."""
        if entry.kind in _RATIONALS:
            struct.pack_into(f"{self.order}2I", self.data, entry.offset, number, 1)
        elif entry.kind == ASCII:
            text = str(number).encode()[: entry.count].ljust(entry.count, b"\0")
            struct.pack_into(f"{entry.count}s", self.data, entry.offset, text)
        else:
            code = _CODES[entry.kind]
            struct.pack_into(self.order + code, self.data, entry.offset, number)

    def values(self, directory: int, depth: int = 2) -> tuple[Value, ...]:
        """A directory and those that it points to, as values that can be written elsewhere."""
        found: dict[int, Value] = {}
        for entry in self.entries(directory):
            inner = None
            if entry.tag in (EXIF, GPS, INTEROP):
                offset = self.number(entry)
                if not offset or not depth:
                    continue
                inner = self.values(offset, depth - 1)
            elif entry.kind in _BIG_ONLY:
                continue
            value = Value(entry.tag, entry.kind, entry.count, self._bytes(entry), inner)
            found.setdefault(entry.tag, value)
        return tuple(found[tag] for tag in sorted(found))

    def _entry(self, directory: int, tag: int) -> Entry | None:
        return next((entry for entry in self.entries(directory) if entry.tag == tag), None)

    def _bytes(self, entry: Entry) -> bytes:
        return bytes(self.data[entry.offset : entry.offset + entry.length])

    def _at(self, code: str, offset: int) -> int | None:
        code = self.order + code
        if offset < 0 or offset + struct.calcsize(code) > len(self.data):
            return None
        return int(struct.unpack_from(code, self.data, offset)[0])


def pack_directory(values: Iterable[Value], order: str, offset: int) -> bytes:
    """A directory that will stand at ``offset``, followed by what does not fit into its entries."""
    values = sorted(values, key=lambda value: value.tag)
    head = 2 + 12 * len(values) + 4
    entries, rest = pack_entries(values, order, offset + head)
    return struct.pack(f"{order}H", len(values)) + b"".join(entries) + bytes(4) + rest


def pack_entries(values: Iterable[Value], order: str, offset: int) -> tuple[list[bytes], bytes]:
    """12-byte entries, and the bytes that must stand at ``offset`` for them."""
    entries, rest = [], bytearray()
    for value in values:
        start = struct.pack(f"{order}HHI", value.tag, value.kind, value.count)
        data = value.data
        if value.directory is not None:
            start = struct.pack(f"{order}HHI", value.tag, LONG, 1)
            data = pack_directory(value.directory, order, offset + len(rest))
        elif len(data) <= 4:
            entries.append(start + data.ljust(4, b"\0"))
            continue
        entries.append(start + struct.pack(f"{order}I", offset + len(rest)))
        rest += data + bytes(len(data) % 2)
    return entries, bytes(rest)
