from __future__ import annotations

import contextlib
import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageOps

from midtone import photo
from midtone.errors import PhotoError
from midtone.photo import heif, heif_picture

needs_heic = pytest.mark.skipif(not heif.is_installed(), reason="needs pillow-heif")


@pytest.fixture
def scene() -> np.ndarray:
    """40 x 64 x 3 uint8 with a bright corner at the top left."""
    ramp = np.linspace(20, 120, 40 * 64).reshape(40, 64, 1).repeat(3, 2)
    ramp[:10, :16] = 250
    return ramp.astype(np.uint8)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_comes_upright(scene, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation  # Pillow makes irot and imir of it
    stream = io.BytesIO()
    Image.fromarray(scene).save(stream, "AVIF", quality=95, exif=exif)
    wanted = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(stream.getvalue()))))
    read = photo.read(stream.getvalue())
    assert read.pixels.shape == wanted.shape
    assert np.abs(read.pixels.astype(int) - wanted).max() <= 2
    again = io.BytesIO()
    photo.write(read, again)
    with Image.open(io.BytesIO(again.getvalue())) as written:
        assert written.getexif().get(0x0112, 1) == 1
        assert written.size == read.size


@pytest.mark.parametrize("bits", [10, 12])
def test_deep_avif_becomes_16_bits(scene, bits):
    deep = scene.astype(np.uint16) << (bits - 8)
    data = bytes(imagecodecs.avif_encode(deep, level=100, bitspersample=bits))
    read = photo.read(data)
    assert read.pixels.dtype == np.uint16
    assert np.abs(read.pixels / 65535 - deep / (2**bits - 1)).max() < 0.01
    stream = io.BytesIO()
    assert photo.write(read, stream, format="jpeg") == ("its deeper pixels became 8-bit",)


def test_code_points_become_a_profile_or_stay(scene):
    display_p3 = bytes(
        imagecodecs.avif_encode(scene, level=90, primaries=12, transfer=13, matrix=6)
    )
    assert photo.read(display_p3).icc is not None
    srgb = bytes(imagecodecs.avif_encode(scene, level=90, primaries=1, transfer=13, matrix=6))
    assert photo.read(srgb).icc is None
    pq = bytes(imagecodecs.avif_encode(scene, level=90, primaries=9, transfer=16, matrix=9))
    stream = io.BytesIO()
    photo.write(photo.read(pq), stream)
    assert heif_picture.parse(stream.getvalue()).cicp == (9, 16)


@needs_heic
@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
def test_metadata_go_through(scene, format):
    block = b"Exif\0\0MM\0*" + struct.pack(">IHHHII4x", 8, 1, 0x010F, 2, 6, 26) + b"Maker\0"
    xmp = b"<x:xmpmeta>dusk</x:xmpmeta>"
    alpha = np.full(scene.shape[:2], 90, np.uint8)
    picture = photo.Photo(scene, alpha, metadata=photo.Metadata(block, xmp))
    stream = io.BytesIO()
    photo.write(picture, stream, format=format)
    read = photo.read(stream.getvalue())
    assert read.format == format
    assert read.metadata.exif == block
    assert read.metadata.xmp == xmp
    assert read.notes == ()
    assert read.alpha is not None
    assert np.abs(read.alpha.astype(int) - 90).max() <= 3


@needs_heic
def test_deep_heic_becomes_16_bits(scene):
    import pillow_heif

    deep = scene.astype(np.uint16) * 257
    stream = io.BytesIO()
    file = pillow_heif.from_bytes("RGB;16", (64, 40), deep.tobytes())
    file.save(stream, quality=100)
    read = photo.read(stream.getvalue())
    assert read.pixels.dtype == np.uint16
    assert np.abs(read.pixels / 65535 - deep / 65535).mean() < 0.01


@needs_heic
def test_more_pictures_are_noted(scene):
    import pillow_heif

    file = pillow_heif.from_pillow(Image.fromarray(scene))
    file.add_from_pillow(Image.fromarray(scene[::2, ::2]))
    stream = io.BytesIO()
    file.save(stream, quality=90)
    assert photo.read(stream.getvalue()).notes == ("left out: 1 more picture",)


@needs_heic
@pytest.mark.parametrize("primary", [0, 1])
def test_metadata_of_other_pictures_are_not_those_of_the_photograph(scene, primary):
    import pillow_heif

    file = pillow_heif.from_pillow(Image.fromarray(scene))
    file.add_from_pillow(Image.fromarray(scene[::2, ::2]))
    packets = [b"<x:xmpmeta>dusk</x:xmpmeta>", b"<x:xmpmeta>gain map</x:xmpmeta>"]
    for picture, packet in zip(file, packets, strict=True):
        picture.info["xmp"] = packet
    stream = io.BytesIO()
    file.save(stream, quality=90, primary_index=primary)
    assert photo.read(stream.getvalue()).metadata.xmp == packets[primary]


def test_damaged_boxes_are_errors_of_the_file(scene):
    data = bytes(imagecodecs.avif_encode(scene, level=80))
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(data)
        for offset in rng.integers(8, 300, 3):
            damaged[offset] = rng.integers(256)
        with contextlib.suppress(PhotoError):
            photo.read(bytes(damaged), max_megapixels=1)


def test_what_stands_behind_the_picture_is_noted(scene):
    data = bytes(imagecodecs.avif_encode(scene, level=90))
    video = struct.pack(">I4s", 24, b"mpvd") + bytes(16)
    assert photo.read(data).notes == ()
    assert photo.read(data + video).notes == ("left out: motion photo",)
    assert photo.read(data + b"\0\0\x30\x0aSEFT").notes == ("left out: 8 bytes after the picture",)


@pytest.mark.parametrize(("chroma", "subsampling"), [("444", 0), ("422", 1), ("420", 2)])
def test_the_subsampling_is_read(scene, chroma, subsampling):
    data = bytes(imagecodecs.avif_encode(scene, level=90, pixelformat=chroma))
    read = photo.read(data)
    assert read.subsampling == subsampling
    stream = io.BytesIO()
    photo.write(read, stream)
    assert photo.read(stream.getvalue()).subsampling == (0 if subsampling == 0 else 2)


@needs_heic
@pytest.mark.parametrize("chroma", [444, 420])
def test_the_subsampling_of_heic_is_kept(scene, chroma):
    import pillow_heif

    stream, again = io.BytesIO(), io.BytesIO()
    file = pillow_heif.from_bytes("RGB", (64, 40), scene.tobytes())
    file.save(stream, quality=90, chroma=chroma)
    read = photo.read(stream.getvalue())
    assert read.subsampling == (0 if chroma == 444 else 2)
    photo.write(read, again)
    assert photo.read(again.getvalue()).subsampling == read.subsampling


def test_the_picture_is_read_and_not_a_video_beside_it(scene):
    stream = io.BytesIO()
    pictures = [Image.fromarray(frame) for frame in (scene, 255 - scene)]
    pictures[0].save(stream, "AVIF", save_all=True, append_images=pictures[1:], quality=95)
    data = stream.getvalue()
    with pytest.raises(PhotoError, match="animated"):
        photo.read(data)
    damaged_video = bytearray(data)
    damaged_video[8:12] = b"mif1"
    offsets = damaged_video.index(b"stco") + 12
    damaged_video[offsets : offsets + 4] = b"\xff" * 4
    read = photo.read(bytes(damaged_video))
    assert np.abs(read.pixels.astype(int) - scene).mean() < 5
    assert read.notes == ("left out: video",)
