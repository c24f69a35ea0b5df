from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from metadata import XMP_TURNED, xmp_packet
from midtone import photo
from midtone.errors import PhotoError
from midtone.photo import exif, ifd
from midtone.photo.png import encode


def png(*chunks: tuple[bytes, bytes], mode: str = "RGB") -> bytes:
    """A 32 x 20 picture with further chunks."""
    stream = io.BytesIO()
    gradient = np.linspace(20, 120, 32 * 20 * 3).reshape(20, 32, 3).astype(np.uint8)
    Image.fromarray(gradient).convert(mode).save(stream, "PNG")
    data = stream.getvalue()
    added = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return data[:33] + added + data[33:]


def through(data: bytes, format: str = "PNG") -> tuple[bytes, tuple[str, ...]]:
    stream = io.BytesIO()
    read = photo.read(data)
    notes = photo.write(read, stream, format=format)
    return stream.getvalue(), read.notes + notes


def orientation_block(value: int) -> bytes:
    short = ifd.Value(exif.ORIENTATION, ifd.SHORT, 1, struct.pack("<H", value))
    return exif.pack([short])


def raw_profile(name: bytes, body: bytes) -> tuple[bytes, bytes]:
    digits = b"\n%b\n%8d\n%b\n" % (name, len(body), body.hex().encode())
    return b"zTXt", b"Raw profile type " + name + b"\0\0" + zlib.compress(digits)


@pytest.mark.parametrize(
    "chunk",
    [
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 1_500_000)),
        (b"tEXt", b"Software\0GIMP"),
        (b"tIME", bytes((7, 232, 5, 6, 7, 8, 9))),
        (b"iTXt", b"Title\0\0\0\0\0D\xc3\xa4mmerung"),
    ],
)
def test_text_and_time_are_kept(chunk):
    kept, notes = through(png(chunk))
    assert chunk[1] in kept
    assert notes == ()
    _, notes = through(png(chunk), "WEBP")
    assert notes == ("WebP cannot hold: text of a PNG",)


def test_long_xmp_is_read():
    body = b"<x:xmpmeta>" + b"a" * 1_500_000 + b"</x:xmpmeta>"
    data = png((b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(body)))
    assert photo.read(data).metadata.xmp == body


def test_a_decompression_bomb_is_left_out_with_a_note():
    bomb = zlib.compress(bytes(80 << 20))
    read = photo.read(png((b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb)))
    assert read.metadata.xmp is None
    assert "XML:com.adobe.xmp" in read.notes[0]


@pytest.mark.parametrize("place", ["chunk", "raw profile", "xmp"])
def test_orientation_wherever_it_stands(place):
    block = orientation_block(6)
    chunk = {
        "chunk": (b"eXIf", block.removeprefix(exif.HEAD)),
        "raw profile": raw_profile(b"exif", block),
        "xmp": (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP_TURNED),
    }[place]
    result, _ = through(png(chunk))
    with Image.open(io.BytesIO(result)) as written:
        assert written.size == (20, 32)
        assert ImageOps.exif_transpose(written).size == (20, 32)


def test_iptc_is_kept():
    records = b"\x1c\x02\x19\0\x04dusk"
    data = png(raw_profile(b"iptc", records))
    assert photo.read(through(data)[0]).metadata.iptc == records


def test_gamma_and_primaries_become_a_profile():
    p3 = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
    chromaticities = struct.pack(">8I", *(round(100_000 * value) for value in p3))
    gamma = struct.pack(">I", 45455)
    plain, wide = png((b"gAMA", gamma)), png((b"gAMA", gamma), (b"cHRM", chromaticities))
    assert photo.read(plain).icc is None
    assert photo.read(png((b"gAMA", struct.pack(">I", 100_000)))).icc is not None
    assert photo.read(png((b"gAMA", struct.pack(">I", 55_556)), mode="L")).icc is not None
    assert photo.read(wide).icc is not None
    assert (
        photo.read(png((b"sRGB", b"\0"), (b"gAMA", gamma), (b"cHRM", chromaticities))).icc is None
    )


def test_code_points_are_honoured_or_kept():
    assert photo.read(png((b"cICP", bytes((12, 13, 0, 1))))).icc is not None
    hdr = photo.read(png((b"cICP", bytes((9, 16, 0, 1)))))
    assert hdr.cicp == (9, 16)
    kept, _ = through(png((b"cICP", bytes((9, 16, 0, 1)))))
    assert b"cICP\x09\x10\0\1" in kept
    with pytest.raises(PhotoError, match="HDR"):
        through(kept, "JPEG")


def test_animations_are_refused():
    with pytest.raises(PhotoError, match="animated"):
        photo.read(png((b"acTL", struct.pack(">II", 3, 0))))


def test_a_damaged_checksum_of_pixels_is_noticed():
    data = bytearray(png())
    data[data.index(b"IDAT") + 8] ^= 255
    with pytest.raises(PhotoError, match="damaged"):
        photo.read(bytes(data))


def test_raw_profiles_with_a_damaged_end_are_read():
    for block in (orientation_block(6), orientation_block(6).removeprefix(exif.HEAD)):
        kind, body = raw_profile(b"exif", block)
        text = zlib.decompress(body.partition(b"\0")[2][1:]) + b"fe\0x"
        chunk = (kind, b"Raw profile type exif\0\0" + zlib.compress(text))
        read = photo.read(png(chunk))
        assert read.size == (20, 32)
        assert len(read.metadata.exif or b"") == len(orientation_block(6)) - len(exif.HEAD)


def test_the_shape_of_pixels_is_kept():
    shape = struct.pack(">IIB", 2, 1, 0)
    assert b"pHYs" + shape in through(png((b"pHYs", shape)))[0]


def test_code_points_of_grey_count():
    assert photo.read(png((b"cICP", bytes((1, 8, 0, 1))), mode="L")).icc is not None
    assert photo.read(png((b"cICP", bytes((1, 13, 0, 1))), mode="L")).icc is None


def test_a_damaged_profile_is_noted():
    assert photo.read(png((b"iCCP", b"x\0\0garbage"))).notes == (
        "left out: a damaged colour profile",
    )


@pytest.mark.parametrize("size", [(300, 1), (1, 300), (5000, 2), (1, 1)])
def test_narrow_images_have_room_for_their_rows(size):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    encoded = encode(photo.Photo(pixels), 95)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(encoded))), pixels)


@pytest.mark.parametrize(
    ("chunk", "notes"),
    [
        ((b"bKGD", bytes(6)), ("left out: bKGD",)),
        ((b"sBIT", bytes((5, 6, 5))), ("left out: sBIT",)),
        ((b"sBIT", bytes((8, 8, 8))), ()),
        ((b"cHRM", bytes(32)), ("left out: cHRM",)),
    ],
)
def test_small_losses_are_noted(chunk, notes):
    assert through(png(chunk))[1] == notes


def test_narrow_range_is_spread():
    full = photo.read(png()).pixels
    narrow = np.rint(16 + full * (219 / 255)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(narrow).save(stream, "PNG")
    body = b"cICP" + bytes((1, 13, 0, 0))
    chunk = struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body))
    read = photo.read(stream.getvalue()[:33] + chunk + stream.getvalue()[33:])
    assert np.abs(read.pixels.astype(int) - full).max() <= 1
    assert read.icc is None


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_properties_that_point_nowhere_go(format):
    packet = xmp_packet(
        'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" '
        'xmlns:dc="dc" dc:title="Dusk"'
    )
    picture = photo.Photo(np.zeros((8, 8, 3), np.uint8), metadata=photo.Metadata(xmp=packet))
    stream = io.BytesIO()
    photo.write(picture, stream, format=format)
    read = photo.read(stream.getvalue())
    assert read.notes == ("left out: XMP properties of a gain map",)
    assert read.metadata.xmp is not None
    assert b"hdrgm:Version" not in read.metadata.xmp
    assert b"Dusk" in read.metadata.xmp


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_the_transparent_grey_of_few_bits(bits):
    white = 2**bits - 1
    row = b"\0" + bytes([0b10110100, 0xF0])  # the filter, then 16 bits of samples
    width = 16 // bits
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, 1, bits, 0, 0, 0, 0)),
        (b"tRNS", struct.pack(">H", white)),
        (b"IDAT", zlib.compress(row)),
        (b"IEND", b""),
    )
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    read = photo.read(data)
    values = int.from_bytes(row[1:], "big")
    samples = [values >> (16 - bits * (n + 1)) & white for n in range(width)]
    assert read.pixels[0, :, 0].tolist() == [sample * 255 // white for sample in samples]
    assert read.alpha is not None
    assert read.alpha[0].tolist() == [0 if sample == white else 255 for sample in samples]
