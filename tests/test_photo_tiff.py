from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from metadata import XMP_TURNED
from midtone import photo
from midtone.errors import PhotoError
from midtone.photo import capture, exif, ifd


@pytest.fixture
def scene() -> np.ndarray:
    """20 x 32 x 3 uint16."""
    return np.linspace(2000, 60000, 20 * 32 * 3).reshape(20, 32, 3).astype(np.uint16)


def tiff(array: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, **{"metadata": None, "software": False} | options)
    return stream.getvalue()


def through(data: bytes, format: str = "TIFF") -> bytes:
    stream = io.BytesIO()
    photo.write(photo.read(data), stream, format=format)
    return stream.getvalue()


@pytest.mark.parametrize("bits", [2, 4, 10, 12, 14])
def test_samples_are_scaled_by_their_bits(scene, bits):
    grey = scene[..., 0] >> (16 - bits)
    grey = grey if bits > 8 else grey.astype(np.uint8)
    read = photo.read(tiff(grey, photometric="minisblack", bitspersample=bits))
    full = np.iinfo(read.pixels.dtype).max
    wanted = np.rint(grey / (2**bits - 1) * full)
    np.testing.assert_array_equal(read.pixels[..., 0], wanted)
    assert read.notes == (f"{bits} bits became {16 if bits > 8 else 8}",)


def test_white_may_be_zero(scene):
    grey = scene[..., 0]
    read = photo.read(tiff(grey, photometric="miniswhite"))
    np.testing.assert_array_equal(read.pixels[..., 0], 65535 - grey)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), "32-bit floating-point TIFF is not supported yet"),
        (np.zeros((4, 4), np.float16), "16-bit floating-point"),
        (np.zeros((4, 4), np.int16), "16-bit signed integer TIFF"),
        (np.zeros((4, 4), np.uint32), "32-bit integer TIFF"),
    ],
)
def test_samples_that_are_not_supported_are_named(array, message):
    with pytest.raises(PhotoError, match=message):
        photo.read(tiff(array))


@pytest.mark.parametrize("photometric", ["cielab", "ycbcr"])
def test_colours_that_are_not_supported_are_named(photometric):
    with pytest.raises(PhotoError, match=f"{photometric.upper()} TIFF is not supported"):
        photo.read(tiff(np.zeros((16, 16, 3), np.uint8), photometric=photometric))


def test_infrared_is_no_alpha(scene):
    scan = np.concatenate([scene, scene[..., :1]], 2)
    read = photo.read(tiff(scan, photometric="rgb", extrasamples=["unspecified"]))
    np.testing.assert_array_equal(read.pixels, scene)
    assert read.alpha is None
    assert read.notes == ("1 channel besides colour left out",)


def test_alpha_beside_infrared_is_found(scene):
    both = np.concatenate([scene, scene[..., :1], scene[..., 1:2]], 2)
    kinds = ["unspecified", "unassalpha"]
    read = photo.read(tiff(both, photometric="rgb", extrasamples=kinds))
    np.testing.assert_array_equal(read.alpha, scene[..., 1])


def test_associated_alpha_is_divided_out(scene):
    alpha = np.full((*scene.shape[:2], 1), 32768, np.uint16)
    stored = np.concatenate([np.rint(scene * (32768 / 65535)).astype(np.uint16), alpha], 2)
    read = photo.read(tiff(stored, photometric="rgb", extrasamples=["assocalpha"]))
    assert np.abs(read.pixels.astype(int) - scene).max() <= 1
    with tifffile.TiffFile(
        io.BytesIO(through(tiff(stored, photometric="rgb", extrasamples=["assocalpha"])))
    ) as file:
        assert [int(kind) for kind in file.pages[0].extrasamples] == [2]


@pytest.mark.parametrize("options", [{}, {"tile": (16, 16)}, {"compression": "lzw"},
                                     {"planarconfig": "separate"}, {"bigtiff": True},
                                     {"byteorder": ">"}])  # fmt: skip
def test_layouts(scene, options):
    array = np.moveaxis(scene, 2, 0) if "planarconfig" in options else scene
    read = photo.read(tiff(array, photometric="rgb", **options))
    np.testing.assert_array_equal(read.pixels, scene)


@pytest.mark.parametrize("order", ["<", ">"])
def test_text_that_is_not_ascii_and_unknown_tags_keep_their_bytes(scene, order):
    text = "© 2024 Jürgen Müller".encode() + b"\0"
    tags = [(0x8298, "s", 0, text, True), (42112, "s", 0, b"<GDALMetadata/>\0", True)]
    data = tiff(scene, photometric="rgb", extratags=tags, byteorder=order)
    result = through(data)
    assert text in result
    assert b"<GDALMetadata/>" in result
    assert text in through(data, "JPEG")


def test_directories_survive_in_either_byte_order(scene):
    for order in "<>":
        entries = struct.pack(f"{order}HHHII", 1, 0x9003, 2, 20, 44) + bytes(4)
        block = b"Exif\0\0" + (b"II*\0" if order == "<" else b"MM\0*")
        block += struct.pack(f"{order}IHHHII4x", 8, 1, 0x8769, 4, 1, 26) + entries
        block += b"2024:05:06 07:08:09\0"
        picture = photo.Photo(scene, metadata=photo.Metadata(block))
        stream = io.BytesIO()
        photo.write(picture, stream, format="tiff")
        assert b"2024:05:06 07:08:09" in (photo.read(stream.getvalue()).metadata.exif or b"")
        with tifffile.TiffFile(io.BytesIO(stream.getvalue())) as file:
            directory = file.pages[0].tags["ExifTag"].value
            assert directory["DateTimeOriginal"] == "2024:05:06 07:08:09"


def test_more_pages_are_noted_and_previews_are_none(scene, tmp_path):
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(scene[::4, ::4], photometric="rgb", subfiletype=1)
        file.write(scene, photometric="rgb")
        file.write(scene, photometric="rgb")
    read = photo.read(path)
    np.testing.assert_array_equal(read.pixels, scene)
    assert read.notes == ("left out: 1 more page",)


def test_a_file_that_is_cut_off_is_refused(scene):
    data = tiff(scene, photometric="rgb")
    with pytest.raises(PhotoError, match="cut off"):
        photo.read(data[:-100])


def test_decoders_print_nothing(scene, capfd, tmp_path):
    data = tiff(scene, photometric="rgb", compression="lzw")
    for cut in range(60, len(data), 97):
        damaged = Path(tmp_path / "a.tif")
        damaged.write_bytes(data[:cut] + bytes(50) + data[cut + 50 :])
        try:
            photo.read(damaged)
        except PhotoError:
            continue
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("kind", "value"), [(1, 6), (4, 6), (5, (6, 1)), (12, 6.0)])
def test_orientation_of_any_type(scene, kind, value):
    read = photo.read(tiff(scene, photometric="rgb", extratags=[(274, kind, 1, value, True)]))
    np.testing.assert_array_equal(read.pixels, np.rot90(scene, -1))


def test_orientation_in_xmp_counts_without_the_tag(scene):
    xmp_tag = (700, 1, len(XMP_TURNED), XMP_TURNED, True)
    read = photo.read(tiff(scene, photometric="rgb", extratags=[xmp_tag]))
    np.testing.assert_array_equal(read.pixels, np.rot90(scene, -1))
    tagged = photo.read(tiff(scene, photometric="rgb", extratags=[xmp_tag, (274, 3, 1, 1, True)]))
    np.testing.assert_array_equal(tagged.pixels, scene)


def test_pictures_below_a_page_are_noted_and_previews_are_none(scene):
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as file:
        file.write(scene, photometric="rgb", subifds=2)
        file.write(scene[::2, ::2], photometric="rgb", subfiletype=1)
        file.write(scene, photometric="rgb")
    read = photo.read(stream.getvalue())
    np.testing.assert_array_equal(read.pixels, scene)
    assert read.notes == ("left out: 1 more page",)


def test_a_palette_of_8_bit_numbers(scene):
    table = np.linspace(0, 255, 3 * 256).reshape(3, 256).astype(np.uint16)
    indices = scene[..., 0].astype(np.uint8)
    read = photo.read(tiff(indices, photometric="palette", colormap=table))
    np.testing.assert_array_equal(read.pixels, table.T[indices].astype(np.uint8))


def test_resolution_and_maker_notes_from_exif(scene):
    note = ifd.Value(exif.MAKER_NOTE, ifd.UNDEFINED, 8, b"Maker\0\0\1")
    values = [
        ifd.Value(282, 5, 1, struct.pack("<2I", 300, 1)),
        ifd.Value(283, 5, 1, struct.pack("<2I", 300, 1)),
        ifd.Value(296, 3, 1, struct.pack("<H", 2)),
        ifd.Value(ifd.EXIF, ifd.LONG, 1, b"", (note,)),
    ]
    picture = photo.Photo(scene, metadata=photo.Metadata(exif.pack(values)))
    stream = io.BytesIO()
    moved = ("its maker notes were moved; readers may not find all that is in them",)
    assert photo.write(picture, stream, format="TIFF") == moved
    read = photo.read(stream.getvalue())
    assert read.notes == moved
    assert read.metadata.dpi == (300, 300)
    assert b"Maker" in (read.metadata.exif or b"")
    assert photo.write(read, io.BytesIO(), format="TIFF") == ()


def test_exif_of_a_big_tiff_is_kept(scene):
    data = tiff(scene, photometric="rgb", bigtiff=True, extratags=[(60000, 16, 1, 0)])
    entry = struct.pack("<HHQQ", 60000, 16, 1, 0)
    assert data.count(entry) == 1
    data = data.replace(entry, struct.pack("<HHQQ", ifd.EXIF, 18, 1, len(data)))
    taken = b"2026:11:26 18:30:00\0"
    data += struct.pack("<QHHQQ", 1, 0x9003, ifd.ASCII, len(taken), len(data) + 36) + bytes(8)
    kept = photo.read(data + taken).metadata.exif
    assert kept is not None
    assert capture.time(kept) == "2026:11:26 18:30:00"


def test_resolution_stays_as_it_is_written(scene):
    result = through(tiff(scene, photometric="rgb", resolution=(118, 118), resolutionunit=3))
    with tifffile.TiffFile(io.BytesIO(result)) as file:
        assert file.pages[0].tags["ResolutionUnit"].value == 3
        assert file.pages[0].tags["XResolution"].value == (118, 1)
    without_unit = through(tiff(scene, photometric="rgb", resolution=(4, 3), resolutionunit=1))
    with tifffile.TiffFile(io.BytesIO(without_unit)) as file:
        assert file.pages[0].tags["ResolutionUnit"].value == 1
