"""TensorFlow checkpoints (the "V2" format) read without TensorFlow.

``NAME.index`` is a table of sorted keys in LevelDB's format: blocks of prefix-compressed entries,
an index block of where the blocks are, and a footer. The value of a key is a protocol buffer with
the variable's type, shape, and its place in ``NAME.data-00000-of-00001``, which holds the raw
little-endian values.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from midtone.errors import ModelError

_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48  # bytes
_FLOAT32 = 1  # TensorFlow's number of the type
_DATA = ".data-00000-of-00001"
_MOST_DIMENSIONS = 8
_MOST_BYTES = 1 << 24  # of an index; published ones have a few thousand


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A variable's type and shape, and its bytes in the data file."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int


def files_of(path: Path) -> tuple[Path, Path] | None:
    """The index and the data file of a checkpoint named by either of them, or by their stem."""
    name = str(path).removesuffix(".index").removesuffix(_DATA)
    index, data = Path(name + ".index"), Path(name + _DATA)
    if path in (index, data) or (not path.exists() and index.exists()):
        return index, data
    return None


def read(index: Path, data: Path) -> dict[str, np.ndarray]:
    """All float32 variables by name, but those of optimizers. Raises ModelError."""
    variables = read_index(index)
    end = max((v.offset + v.size for v in variables.values()), default=0)
    values = {}
    try:
        length = os.path.getsize(data)
        if length != end:
            raise ModelError(
                f"{data}: has {length} bytes instead of the {end} in {index.name}; copy it again"
            )
        with data.open("rb") as stream:
            for name, variable in variables.items():
                if variable.dtype != _FLOAT32 or _of_optimizer(name):
                    continue
                stream.seek(variable.offset)
                raw = stream.read(variable.size)
                if variable.size != 4 * math.prod(variable.shape):
                    raise ModelError(f"{index}: the size of {name} does not fit its shape")
                if masked_checksum(raw) != variable.checksum:
                    raise ModelError(f"{data}: the values of {name} are damaged; copy it once more")
                values[name] = np.frombuffer(raw, "<f4").reshape(variable.shape)
    except OSError as error:
        raise ModelError(
            f"{data}: cannot be read ({error.strerror}); it needs its .index and data file"
        ) from error
    return values


def read_index(path: Path) -> dict[str, Variable]:
    """Entries of an index file by the variables' names. Raises ModelError."""
    try:
        with path.open("rb") as stream:
            table = stream.read(_MOST_BYTES)
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({error.strerror}); it needs its .index and data file"
        ) from error
    try:
        footer = table[-_FOOTER:]
        if len(footer) < _FOOTER or int.from_bytes(footer[-8:], "little") != _MAGIC:
            raise ValueError
        _, _, position = _handle(footer, 0)
        start, size, _ = _handle(footer, position)
        found = {}
        for _, handle in _entries(_block(table, start, size)):
            block = _block(table, *_handle(handle, 0)[:2])
            for key, value in _entries(block):
                if key:
                    found[key.decode()] = _variable(value)
    except (ValueError, IndexError, KeyError) as error:
        raise ModelError(f"{path}: is damaged or no index of a TensorFlow checkpoint") from error
    if any(variable.shard for variable in found.values()):
        raise ModelError(f"{path}: a checkpoint in several data files cannot be read")
    return found


def masked_checksum(data: bytes) -> int:
    """CRC-32C, rotated and offset as LevelDB stores it."""
    table, crc = _crc_table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


@cache
def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


def _of_optimizer(name: str) -> bool:
    return "Adam" in name or name.startswith(("optimizer/", "train/", "beta1_", "beta2_"))


def _block(table: bytes, start: int, size: int) -> bytes:
    block, kind = table[start : start + size], table[start + size]
    stored = int.from_bytes(table[start + size + 1 : start + size + 5], "little")
    if (
        len(block) != size
        or kind != 0
        or masked_checksum(table[start : start + size + 1]) != stored
    ):
        raise ValueError
    return block


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block; each key begins with a part of the one before."""
    restarts = int.from_bytes(block[-4:], "little")
    end, position, key = len(block) - 4 - 4 * restarts, 0, b""
    if end < 0:
        raise ValueError
    while position < end:
        shared, position = _varint(block, position)
        fresh, position = _varint(block, position)
        length, position = _varint(block, position)
        if shared > len(key) or position + fresh + length > end:
            raise ValueError
        key = key[:shared] + block[position : position + fresh]
        position += fresh
        yield key, block[position : position + length]
        position += length


def _handle(data: bytes, position: int) -> tuple[int, int, int]:
    """Start and size of a block, and the position behind them."""
    start, position = _varint(data, position)
    size, position = _varint(data, position)
    return start, size, position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError


def _fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Fields of a protocol buffer: (number, integer value, bytes value)."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, value = 0, b""
        if tag & 7 == 0:
            number, position = _varint(message, position)
        elif tag & 7 == 2:
            size, position = _varint(message, position)
            value, position = message[position : position + size], position + size
        elif tag & 7 == 5:
            number = int.from_bytes(message[position : position + 4], "little")
            position += 4
        else:
            raise ValueError
        yield tag >> 3, number, value
    if position != len(message):
        raise ValueError


def _variable(message: bytes) -> Variable:
    """A BundleEntryProto."""
    numbers = dict.fromkeys(range(1, 7), 0)
    shape: list[int] = []
    for field, number, value in _fields(message):
        if field == 2:
            for part, _, dimension in _fields(value):
                if part == 2:
                    shape.append(sum(n for f, n, _ in _fields(dimension) if f == 1))
        elif field == 7:
            raise ValueError  # a variable in slices
        else:
            numbers[field] = number
    if len(shape) > _MOST_DIMENSIONS:
        raise ValueError
    return Variable(
        dtype=numbers[1],
        shape=tuple(shape),
        shard=numbers[3],
        offset=numbers[4],
        size=numbers[5],
        checksum=numbers[6],
    )
