"""EXIF blocks, edited in place: maker notes hold offsets of their own, so no byte may move.

A block is a TIFF header with directories ("IFDs") of 12-byte entries, with or without the six bytes
``Exif\\0\\0`` before it (EXIF 2.32, section 4.6). What is damaged is left as it is.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_HEAD = b"Exif\0\0"
_ORIENTATION, _SOFTWARE, _EXIF, _THUMBNAIL, _THUMBNAIL_LENGTH = 0x0112, 0x0131, 0x8769, 0x201, 0x202
_SIZES = {0x0100: 0, 0x0101: 1, 0xA002: 0, 0xA003: 1}  # tag -> 0 for width, 1 for height
_SHORT, _LONG, _ASCII = 3, 4, 2
_ENTRIES = 1000


@dataclass(frozen=True)
class _Entry:
    place: int
    tag: int
    kind: int
    count: int


class _Block:
    """Bytes of a block, read and changed at their places, which count from the TIFF header."""

    def __init__(self, exif: bytes) -> None:
        self.head = exif[: len(_HEAD)] if exif.startswith(_HEAD) else b""
        self.data = bytearray(exif[len(self.head) :])
        self.order = {b"II*\0": "<", b"MM\0*": ">"}[bytes(self.data[:4])]

    def number(self, place: int, kind: int = _LONG) -> int:
        return int(
            struct.unpack_from(self.order + ("H" if kind == _SHORT else "I"), self.data, place)[0]
        )

    def put(self, place: int, value: int, kind: int = _LONG) -> None:
        if kind == _SHORT:
            struct.pack_into(self.order + "HH", self.data, place, value, 0)
        else:
            struct.pack_into(self.order + "I", self.data, place, value)

    def entries(self, directory: int) -> Iterator[_Entry]:
        for number in range(min(self.number(directory, _SHORT), _ENTRIES)):
            place = directory + 2 + 12 * number
            yield _Entry(place, *struct.unpack_from(self.order + "HHI", self.data, place))

    def after(self, directory: int) -> int:
        """Place of the pointer to the next directory."""
        return directory + 2 + 12 * self.number(directory, _SHORT)

    def value(self, directory: int, tag: int) -> int | None:
        for entry in self.entries(directory):
            if entry.tag == tag and entry.kind in (_SHORT, _LONG):
                return self.number(entry.place + 8, entry.kind)
        return None

    def bytes(self) -> bytes:
        return self.head + bytes(self.data)


def normalize_orientation(exif: bytes, size: tuple[int, int]) -> bytes:
    """The block of a picture that is upright now: orientation 1, its size, no stale thumbnail.

    size: (width, height) of the upright picture. The thumbnail's bytes become zeros.
    """
    with contextlib.suppress(struct.error, KeyError, IndexError):
        block = _Block(exif)
        first = block.number(4)
        for directory in (first, block.value(first, _EXIF)):
            if directory is None:
                continue
            for entry in block.entries(directory):
                if entry.tag == _ORIENTATION and entry.kind == _SHORT:
                    block.put(entry.place + 8, 1, _SHORT)
                elif entry.tag in _SIZES and entry.kind in (_SHORT, _LONG):
                    block.put(entry.place + 8, size[_SIZES[entry.tag]], entry.kind)
        _drop_thumbnail(block, first)
        return block.bytes()
    return exif


def orientation(exif: bytes) -> int:
    """1 to 8; 1 if there is none."""
    with contextlib.suppress(struct.error, KeyError):
        block = _Block(exif)
        value = block.value(block.number(4), _ORIENTATION)
        if value is not None and 1 <= value <= 8:
            return value
    return 1


def set_software(exif: bytes | None, software: str) -> bytes:
    """The block with the Software tag set; a new block if there is none.

    The first directory is written anew at the end, one entry longer; all else stays in its place.
    """
    text = software.encode("ascii", "replace") + b"\0"
    if exif is None:
        exif = _HEAD + b"II*\0" + struct.pack("<IHI", 8, 0, 0)
    with contextlib.suppress(struct.error, KeyError, IndexError):
        block = _Block(exif)
        first = block.number(4)
        following = block.number(block.after(first))
        kept = [
            (entry.tag, bytes(block.data[entry.place : entry.place + 12]))
            for entry in block.entries(first)
            if entry.tag != _SOFTWARE
        ]
        block.data += bytes(len(block.data) % 2)
        place = len(block.data)
        block.data += text + bytes(len(text) % 2)
        kept.append(
            (_SOFTWARE, struct.pack(block.order + "HHII", _SOFTWARE, _ASCII, len(text), place))
        )
        block.put(4, len(block.data))
        block.data += struct.pack(block.order + "H", len(kept))
        for _, entry in sorted(kept):
            block.data += entry
        block.data += struct.pack(block.order + "I", following)
        return block.bytes()
    return exif


def _drop_thumbnail(block: _Block, first: int) -> None:
    pointer = block.after(first)
    second = block.number(pointer)
    if not second:
        return
    block.put(pointer, 0)
    with contextlib.suppress(struct.error):
        start, length = block.value(second, _THUMBNAIL), block.value(second, _THUMBNAIL_LENGTH)
        if start and length and start + length <= len(block.data):
            block.data[start : start + length] = bytes(length)
