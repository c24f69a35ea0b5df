"""EXIF blocks (EXIF 2.32, section 4.6): TIFF headers with directories (``ifd``).

The six bytes ``Exif\\0\\0`` may stand before a block. Blocks are edited in place,
because maker notes hold offsets of their own. What is damaged stays as it is; each edit is made or
not made on its own.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Sequence

from midtone.photo import ifd
from midtone.photo.ifd import Directories, Value

HEAD = b"Exif\0\0"
MAKER_NOTE = 0x927C
ORIENTATION, SOFTWARE = 0x0112, 0x0131
_SIZES = {0x0100: 0, 0x0101: 1, 0xA002: 0, 0xA003: 1}  # tag -> 0 for width, 1 for height
# Offsets and lengths of thumbnails, as JPEG and uncompressed.
_THUMBNAILS = ((0x0201, 0x0202), (0x0111, 0x0117))


def pack(values: Sequence[Value], order: str = "<") -> bytes:
    """An EXIF block of values; their bytes must be in this order."""
    start = b"II*\0" if order == "<" else b"MM\0*"
    return HEAD + start + struct.pack(f"{order}I", 8) + ifd.pack_directory(values, order, 8)


def orientation(exif: bytes) -> int | None:
    """The orientation, 1 to 8; None if there is none that ``normalize_orientation`` could reset."""
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
    for directory in (block.first, block.find(block.first, ifd.EXIF)):
        for entry in block.entries(directory) if directory else ():
            if entry.tag == ORIENTATION and block.number(entry) is not None:
                block.put(entry, 1)
            elif entry.tag in _SIZES and entry.kind in ifd.CLASSIC and entry.count == 1:
                side = size[_SIZES[entry.tag]]
                if entry.kind != ifd.SHORT or side < 1 << 16:
                    block.put(entry, side)
    _drop_thumbnail(block, data)
    return head + bytes(data)


def has_maker_note(exif: bytes | None) -> bool:
    """Whether a block has a maker note, which may hold offsets from the block's start."""
    with contextlib.suppress(ValueError):
        block = Directories((exif or b"").removeprefix(HEAD))
        below = block.find(block.first, ifd.EXIF)
        return below is not None and block.bytes_of(below, MAKER_NOTE) is not None
    return False


def set_software(exif: bytes | None, software: str) -> bytes:
    """The block with the Software tag set; a new block if there is none.

    The first directory is written anew at the end, one entry longer; all else stays in its place.
    A block without a whole first directory is returned as it is.
    """
    text = software.encode("ascii", "replace") + b"\0"
    tag = Value(SOFTWARE, ifd.ASCII, len(text), text)
    if exif is None:
        return pack([tag])
    head = HEAD if exif.startswith(HEAD) else b""
    data = bytearray(exif[len(head) :])
    try:
        block = Directories(data)
    except ValueError:
        return exif
    end = block.next_pointer(block.first)
    if block.big or not block.first or end > len(data):
        return exif
    following = block.next_directory(block.first)
    raw = (bytes(data[at : at + 12]) for at in range(block.first + 2, end, 12))
    code = f"{block.order}H"
    kept = [entry for entry in raw if struct.unpack_from(code, entry)[0] != SOFTWARE]
    data += bytes(len(data) % 2)
    entries, rest = ifd.pack_entries([tag], block.order, len(data))
    data += rest
    struct.pack_into(f"{block.order}I", data, 4, len(data))
    kept = sorted(kept + entries, key=lambda entry: struct.unpack_from(code, entry)[0])
    data += struct.pack(code, len(kept)) + b"".join(kept)
    data += struct.pack(f"{block.order}I", following)
    return head + bytes(data)


def _drop_thumbnail(block: Directories, data: bytearray) -> None:
    second = block.next_directory(block.first)
    if not second:
        return
    pointer = block.next_pointer(block.first)
    data[pointer : pointer + 4] = bytes(4)
    for offset, length in _THUMBNAILS:
        start, count = block.find(second, offset), block.find(second, length)
        if start and count and start + count <= len(data):
            data[start : start + count] = bytes(count)
