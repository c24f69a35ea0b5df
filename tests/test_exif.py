from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from midtone.photo import exif


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
