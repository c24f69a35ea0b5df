from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from midtone.photo import exif, ifd


def block(order: str = "<") -> bytes:
    tags = Image.Exif()
    tags.endian = order
    tags[0x0112], tags[0x010F] = 6, "Maker"
    tags.get_ifd(0x8769).update({0x9003: "2024:01:02 03:04:05", 0x927C: bytes(range(200))})
    return tags.tobytes()


def read(raw: bytes) -> Image.Exif:
    tags = Image.Exif()
    tags.load(raw)
    return tags


def test_set_software_moves_nothing():
    raw = block()
    changed = exif.set_software(raw, "midtone 1.0")
    assert changed[14 : len(raw)] == raw[14:]
    tags = read(changed)
    assert tags[0x0131] == "midtone 1.0"
    assert tags[0x010F] == "Maker"
    assert tags.get_ifd(0x8769)[0x927C] == bytes(range(200))
    again = read(exif.set_software(changed, "another"))
    assert again[0x0131] == "another"


def test_set_software_makes_a_block_of_nothing():
    assert read(exif.set_software(None, "midtone 1.0"))[0x0131] == "midtone 1.0"


def test_normalize_orientation_writes_the_size():
    tags = Image.Exif()
    tags[0x0112] = 8
    tags.get_ifd(0x8769).update({0xA002: 4000, 0xA003: 3000})
    upright = read(exif.normalize_orientation(tags.tobytes(), (3000, 4000)))
    assert upright[0x0112] == 1
    assert upright.get_ifd(0x8769)[0xA002] == 3000
    assert upright.get_ifd(0x8769)[0xA003] == 4000


@given(st.binary(max_size=120))
def test_any_bytes_are_survived(raw):
    for start in (b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"Exif\0\0II*\0\xff\xff\xff\xff", b""):
        assert len(exif.normalize_orientation(start + raw, (3, 4))) == len(start + raw)
        assert len(exif.set_software(start + raw, "midtone")) >= len(start + raw)
        assert exif.orientation(start + raw) in (None, *range(1, 9))


def with_entry(order: str, kind: int, count: int, value: bytes, rest: bytes = b"") -> bytes:
    """A block whose only tag is the orientation; ``value`` has four bytes."""
    start = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(f"{order}HHI", exif.ORIENTATION, kind, count) + value
    return start + struct.pack(f"{order}IH", 8, 1) + entry + bytes(4) + rest


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("kind", "code"),
    [(1, "B3x"), (3, "H2x"), (4, "I"), (6, "b3x"), (7, "B3x"), (8, "h2x"), (9, "i"), (11, "f")],
)
def test_orientation_of_any_integer_type(order, kind, code):
    raw = with_entry(order, kind, 1, struct.pack(order + code, 6))
    assert exif.orientation(raw) == 6
    upright = exif.normalize_orientation(raw, (4, 3))
    assert exif.orientation(upright) == 1
    assert len(upright) == len(raw)


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_that_stands_elsewhere(order):
    place = struct.pack(f"{order}I", 26)
    for kind, count, rest in (
        (3, 4, struct.pack(f"{order}4H", 6, 0, 0, 0)),
        (5, 1, struct.pack(f"{order}2I", 6, 1)),
        (2, 5, b"6    "),
        (12, 1, struct.pack(f"{order}d", 6)),
    ):
        raw = with_entry(order, kind, count, place, rest)
        assert exif.orientation(raw) == 6
        assert exif.orientation(exif.normalize_orientation(raw, (4, 3))) == 1


def test_orientation_that_cannot_be_reset_is_none():
    beyond = struct.pack("<I", 60_000)
    assert exif.orientation(with_entry("<", 3, 4, beyond)) is None
    assert exif.orientation(with_entry("<", 99, 1, struct.pack("<I", 6))) is None
    assert exif.orientation(with_entry("<", 3, 0, struct.pack("<I", 6))) is None
    assert exif.orientation(with_entry("<", 3, 1, struct.pack("<I", 9))) is None
    assert exif.orientation(with_entry("<", 11, 1, struct.pack("<f", 6.5))) is None
    assert exif.orientation(with_entry("<", 11, 1, struct.pack("<f", float("nan")))) is None
    assert exif.orientation(with_entry("<", 11, 1, struct.pack("<f", float("inf")))) is None


@pytest.mark.parametrize("damage", ["no next pointer", "a directory beyond the block", "count"])
def test_one_damaged_directory_does_not_hinder_the_others(damage):
    raw = with_entry("<", 3, 1, struct.pack("<I", 6))
    if damage == "no next pointer":
        raw = raw[:-4]
    elif damage == "count":
        raw = raw[:8] + struct.pack("<H", 500) + raw[10:]
    else:
        pointer = struct.pack("<HHII", 0x8769, 4, 1, 60_000)
        raw = raw[:8] + struct.pack("<H", 2) + raw[10:22] + pointer + bytes(4)
    assert exif.orientation(raw) == 6
    assert exif.orientation(exif.normalize_orientation(raw, (4, 3))) == 1


def test_the_bytes_of_a_thumbnail_become_zeros():
    first = struct.pack("<H", 0) + struct.pack("<I", 14)
    entries = struct.pack("<HHII", 0x0201, 4, 1, 50) + struct.pack("<HHII", 0x0202, 4, 1, 6)
    raw = b"II*\0" + struct.pack("<I", 8) + first + struct.pack("<H", 2) + entries + bytes(10)
    raw = raw.ljust(50, b"\0") + b"stale!"
    upright = exif.normalize_orientation(raw, (4, 3))
    assert upright[50:] == bytes(6)
    assert struct.unpack_from("<I", upright, 10) == (0,)


def test_values_are_packed_as_they_were():
    raw = block(">")
    directories = ifd.Directories(raw.removeprefix(exif.HEAD))
    packed = exif.pack(directories.values(directories.first), ">")
    again = read(packed)
    assert again[0x010F] == "Maker"
    assert again.get_ifd(0x8769)[0x927C] == bytes(range(200))
