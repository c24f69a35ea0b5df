from __future__ import annotations

import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from midtone import jpeg_decoder, photo
from midtone.batch.correct_one import correct_file
from midtone.errors import PhotoError
from midtone.jpeg_decoder import rows_of_strip
from midtone.photo import Photo, Strips, jpeg, jpeg_segments
from midtone.photo.jpeg import JpegFile
from midtone.photo.strips import split

SHAPE = (1450, 1501)  # more pixels than `jpeg_decoder.LARGE`, and no multiples of a block


@pytest.fixture(scope="module")
def pixels():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    waves = [128 + 100 * np.sin(x / a) * np.cos(y / b) for a, b in ((40, 70), (9, 13), (200, 30))]
    noise = np.random.default_rng(0).normal(0, 5, (*SHAPE, 3))
    return np.clip(np.stack(waves, -1) + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def decoder():
    try:
        jpeg_decoder.load_library()
    except ImportError:
        pytest.skip("installed without the headers of libjpeg-turbo, or Pillow has another one")


def encoded(pixels, **settings):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", **settings)
    return stream.getvalue()


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_strips_are_encoded_as_the_whole(pixels, subsampling):
    image = Photo(pixels, format="JPEG", subsampling=subsampling)
    data = jpeg.encode(image, 90)
    chroma = ("444", "422", "420")[subsampling]
    whole = imagecodecs.jpeg8_encode(pixels, level=90, subsampling=chroma)
    np.testing.assert_array_equal(imagecodecs.jpeg8_decode(data), imagecodecs.jpeg8_decode(whole))
    assert Image.open(io.BytesIO(data)).size == SHAPE[::-1]
    assert len(data) < 1.01 * len(whole)
    assert jpeg_segments.parse(data).end == len(data)


def test_strips_of_grey_are_encoded_as_the_whole(pixels):
    data = jpeg.encode(Photo(pixels[..., :1]), 90)
    whole = imagecodecs.jpeg8_encode(pixels[..., 0].copy(), level=90)
    np.testing.assert_array_equal(imagecodecs.jpeg8_decode(data), imagecodecs.jpeg8_decode(whole))


@pytest.mark.parametrize(
    "settings",
    [{"subsampling": 0}, {"subsampling": 2}, {"progressive": True}, {"restart_marker_rows": 3}],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_strips_are_decoded_as_the_whole(decoder, pixels, settings, channels):
    data = encoded(pixels if channels == 3 else pixels[..., 0], **settings)
    striped, _ = JpegFile(data).strips("a.jpg")
    assert isinstance(striped.pixels, Strips)
    whole = photo.read(data)
    np.testing.assert_array_equal(np.asarray(striped.pixels), whole.pixels)
    np.testing.assert_array_equal(np.asarray(striped.pixels), whole.pixels)  # kept
    assert (striped.metadata, striped.icc, striped.quality) == (
        whole.metadata, whole.icc, whole.quality
    )  # fmt: skip


def test_the_result_does_not_depend_on_strips(decoder, corrector, pixels):
    file = photo.open_file(encoded(pixels // 3))
    whole, _ = correct_file(corrector, file)
    striped, _ = correct_file(corrector, file, strips=True)
    assert isinstance(striped.pixels, Strips)
    assert jpeg.encode(striped, 95) == jpeg.encode(whole, 95)


def test_small_turned_and_cut_off_photographs_are_not_decoded_in_strips(decoder, pixels):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(pixels)
    assert JpegFile(data).strips("a") is not None
    assert JpegFile(encoded(pixels[:300])).strips("a") is None
    assert JpegFile(encoded(pixels, exif=exif)).strips("a") is None
    assert JpegFile(data[:-100]).strips("a") is None


def test_a_damaged_file_is_named(decoder, pixels):
    data = bytearray(encoded(pixels))
    tables = data.index(b"\xff\xc4")
    data[tables + 4 : tables + 21] = b"\xff" * 17  # no Huffman table
    file = photo.open_file(bytes(data), name="bad.jpg")
    with (
        pytest.raises(PhotoError, match=r"bad\.jpg: damaged or incomplete image \("),
        file.decoding(strips=True) as decoded,
    ):
        photo.write(decoded(), io.BytesIO())


def test_strips_come_in_order_and_once(pixels):
    read = []

    def rows(top, count):
        read.append(top)
        return pixels[top : top + count]

    strips = Strips(pixels.shape, rows, threads=3)
    changed = strips.change(lambda top, strip: strip // 2 + top % 7)
    rows_each = rows_of_strip(SHAPE[1])
    assert changed.map(len) == [
        min(rows_each, SHAPE[0] - top) for top in range(0, SHAPE[0], rows_each)
    ]
    assert read == list(range(0, SHAPE[0], rows_each))


def test_strips_of_an_array_are_the_array(pixels):
    np.testing.assert_array_equal(np.asarray(split(pixels)), pixels)
