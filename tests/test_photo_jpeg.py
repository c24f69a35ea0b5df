from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from metadata import xmp_packet
from midtone import photo
from midtone.errors import PhotoError
from midtone.photo import Metadata, jpeg_segments

XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
MAKER = b"II*\0" + struct.pack("<IHHHII4x", 8, 1, 0x010F, 2, 6, 26) + b"Maker\0"


def jpeg(*segments: tuple[int, bytes], **options: object) -> bytes:
    """A 32 x 20 picture with further segments."""
    stream = io.BytesIO()
    gradient = np.linspace(20, 120, 32 * 20 * 3).reshape(20, 32, 3).astype(np.uint8)
    Image.fromarray(gradient).save(stream, "JPEG", quality=92, **options)
    data = stream.getvalue()
    added = b"".join(
        b"\xff" + bytes((marker,)) + struct.pack(">H", len(body) + 2) + body
        for marker, body in segments
    )
    return data[:2] + added + data[2:]


def through(data: bytes, format: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    photo.write(photo.read(data), stream, format=format)
    return stream.getvalue()


def test_comments_and_photoshop_resources_are_kept():
    resource = b"8BIM" + struct.pack(">HHI", 0x03F2, 0, 4) + b"abcd"
    stale = b"8BIM" + struct.pack(">HHI", 0x040C, 0, 4) + b"tiny"
    iptc = b"8BIM" + struct.pack(">HHI", 0x0404, 0, 9) + b"\x1c\x02\x19\0\x04dusk\0"
    data = jpeg((0xED, b"Photoshop 3.0\0" + resource + stale + iptc), (0xFE, b"by hand"))
    result = through(data)
    assert b"by hand" in result
    assert resource in result
    assert stale not in result
    assert photo.read(result).metadata.iptc == b"\x1c\x02\x19\0\x04dusk"


def test_long_exif_and_xmp_are_written_in_several_segments():
    long_exif = b"Exif\0\0" + MAKER + bytes(70_000) + b"the end"
    long_xmp = xmp_packet(b'xmlns:a="a:" a:b="' + b"long " * 20_000 + b'"')
    picture = photo.Photo(np.zeros((8, 8, 3), np.uint8), metadata=Metadata(long_exif, long_xmp))
    stream = io.BytesIO()
    assert photo.write(picture, stream, format="jpg") == ()
    kept = photo.read(stream.getvalue()).metadata
    assert kept.exif == long_exif
    assert kept.xmp is not None
    assert b"long " * 20_000 in kept.xmp
    with Image.open(io.BytesIO(stream.getvalue())) as image:
        assert image.getexif()[0x010F] == "Maker"


def test_the_software_tag_never_costs_the_exif():
    full = b"Exif\0\0" + MAKER + bytes(65_527 - len(MAKER))
    picture = photo.Photo(np.zeros((8, 8, 3), np.uint8), metadata=Metadata(full))
    stream = io.BytesIO()
    photo.write(picture, stream, format="jpg", software="midtone")
    assert photo.read(stream.getvalue()).metadata.exif == full


@pytest.mark.parametrize(
    ("inner", "stale"),
    [
        (
            b'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"',
            b"hdrgm:Version",
        ),
        (
            b'xmlns:G="http://ns.google.com/photos/1.0/camera/" G:MotionPhoto="1"',
            b"G:MotionPhoto",
        ),
        (
            b"xmlns:G='http://ns.google.com/photos/1.0/camera/' G:MicroVideoOffset='5012'",
            b"G:MicroVideoOffset",
        ),
    ],
)
def test_parts_that_are_left_out_leave_no_tags_and_a_note(inner, stale):
    data = jpeg((0xE1, XMP_HEAD + xmp_packet(inner))) + b"\0\0\0\x18ftypmp42" + bytes(range(1, 250))
    read = photo.read(data)
    assert stale not in (read.metadata.xmp or b"")
    assert len(read.notes) == 1
    assert b"ftypmp42" not in through(data)


def test_more_pictures_in_a_file_are_noted(tmp_path):
    path = tmp_path / "phone.mpo"
    first, second = Image.new("RGB", (64, 40), "grey"), Image.new("RGB", (16, 10))
    first.save(path, "MPO", save_all=True, append_images=[second])
    assert photo.read(path).size == (64, 40)
    assert "1 more picture" in photo.read(path).notes[0]


def test_segments_that_are_not_kept_are_named():
    assert photo.read(jpeg((0xEB, b"JP c2pa"))).notes == ("left out: APP11 JP c2pa",)
    assert photo.read(jpeg()).notes == ()


def test_a_file_without_its_end_is_salvaged_on_demand():
    data = jpeg(progressive=False)
    for cut in (data[:-2], data[: len(data) - 60]):
        with pytest.raises(PhotoError, match="cut off; use --salvage"):
            photo.read(cut)
        salvaged = photo.read(cut, salvage=True)
        assert salvaged.size == (32, 20)
        assert "cut off" in salvaged.notes[0]
    whole = photo.read(data).pixels
    np.testing.assert_array_equal(photo.read(data[:-2], salvage=True).pixels, whole)


def test_bytes_of_the_end_inside_metadata_do_not_end_the_picture():
    data = jpeg((0xFE, b"\xff\xd9 inside a comment"))
    with pytest.raises(PhotoError, match="cut off"):
        photo.read(data[:-40])


def test_kinds_of_jpeg_that_are_not_supported_are_named():
    data = bytearray(jpeg())
    frame = data.index(b"\xff\xc0")
    data[frame + 4] = 12
    with pytest.raises(PhotoError, match="12-bit JPEG is not supported"):
        photo.read(bytes(data))
    data[frame + 4], data[frame + 1] = 8, 0xC3
    with pytest.raises(PhotoError, match="lossless JPEG is not supported"):
        photo.read(bytes(data))


@pytest.mark.parametrize("quality", [40, 75, 93, 100])
def test_quality_is_estimated_from_the_tables(quality):
    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, "JPEG", quality=quality)
    assert jpeg_segments.quality(jpeg_segments.parse(stream.getvalue())) == quality


def test_resolution_in_both_units():
    for unit, value, wanted in ((1, 300, 300), (2, 100, 254)):
        data = bytearray(jpeg())
        start = data.index(b"JFIF\0") + 7
        data[start] = unit
        struct.pack_into(">HH", data, start + 1, value, value)
        assert photo.read(bytes(data)).metadata.dpi == pytest.approx((wanted, wanted))


def test_a_large_file_that_is_cut_off_has_no_preview():
    stream = io.BytesIO()
    Image.effect_noise((900, 600), 40).convert("RGB").save(stream, "JPEG", quality=85)
    cut = photo.open_file(stream.getvalue()[:-5000], salvage=True)
    assert cut.preview(100) is None
    assert cut.decode().size == (900, 600)


def test_a_second_block_is_noted():
    first, second = b"Exif\0\0" + MAKER, b"Exif\0\0" + MAKER.replace(b"Maker", b"Other")
    more = (0xE1, XMP_HEAD + xmp_packet(b""))
    read = photo.read(jpeg((0xE1, first), (0xE1, second), more, more))
    assert read.metadata.exif == first
    assert read.notes == ("left out: more EXIF, more XMP",)


def test_an_extension_without_its_packet_is_noted():
    extension = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + bytes(8) + b"<rdf:RDF/>"
    assert photo.read(jpeg((0xE1, extension))).notes == ("left out: damaged extended XMP",)


def test_a_packet_without_its_extension_points_to_none():
    pointer = b'<x xmlns:n="http://ns.adobe.com/xmp/note/" n:HasExtendedXMP="%b"/>' % (b"0" * 32)
    read = photo.read(jpeg((0xE1, XMP_HEAD + xmp_packet(pointer))))
    assert b"HasExtendedXMP" not in (read.metadata.xmp or b"")
    assert read.notes == ("left out: damaged extended XMP",)


def test_a_video_behind_another_picture_is_noted():
    data = jpeg() + jpeg() + b"\0\0\0\x18ftypmp42" + bytes(range(1, 200))
    (note,) = photo.read(data).notes
    assert note == "left out: 1 more picture in the file, a video in the file"
