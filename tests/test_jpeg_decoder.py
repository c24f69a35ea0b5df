"""What is decoded early, in strips or reduced has the pixels of Pillow."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from midtone import jpeg_decoder, photo
from midtone.batch.correct_one import correct_file
from midtone.jpeg_decoder import Decoder, StripDecoder
from midtone.photo import jpeg

SIZE = (2011, 1003)  # more pixels than `LARGE`, and no multiples of a block


@pytest.fixture(scope="module", autouse=True)
def library():
    try:
        return jpeg_decoder.load_library()
    except ImportError:
        pytest.skip("installed without the headers of libjpeg-turbo, or Pillow has another one")


@pytest.fixture(scope="module")
def image():
    x = np.linspace(0, 20, SIZE[0])
    waves = np.stack(
        [120 + 100 * np.sin(x * k + np.arange(SIZE[1])[:, None] / 40) for k in (1, 2, 5)]
    )
    return Image.fromarray(waves.transpose(1, 2, 0).astype(np.uint8))


def encoded(image, **settings):
    stream = io.BytesIO()
    image.save(stream, "JPEG", **settings)
    return stream.getvalue()


def array(rows, shape):
    return np.frombuffer(rows, np.uint8).reshape(shape)


def damaged(data):
    """With a scan that needs a Huffman table which is not there."""
    scan = data.index(b"\xff\xda") + 6
    return data[:scan] + b"\x33" + data[scan + 1 :]


@pytest.mark.parametrize("reduction", [1, 2, 4, 8])
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("settings", [{"subsampling": 0}, {"subsampling": 2, "progressive": True}])
def test_pixels_are_those_of_pillow(image, reduction, mode, settings):
    data = encoded(image.convert(mode), **settings)
    decoder = Decoder(data, reduction)
    pixels = array(decoder.read(decoder.shape[0]), decoder.shape)
    with Image.open(io.BytesIO(data)) as opened:
        opened.draft(mode, (SIZE[0] // reduction, SIZE[1] // reduction))
        expected = np.asarray(opened)
    np.testing.assert_array_equal(pixels.reshape(expected.shape), expected)


def test_a_preview_does_not_depend_on_the_compiled_decoder(image, monkeypatch):
    file = photo.open_file(encoded(image))
    compiled = file.preview(400)

    def missing(*_):
        raise ImportError

    monkeypatch.setattr(jpeg_decoder, "load_library", missing)
    np.testing.assert_array_equal(compiled.pixels, file.preview(400).pixels)
    assert compiled.size == (503, 251)


@pytest.mark.parametrize(
    ("least", "side", "reduction"), [(512, 1023, None), (512, 1024, 2), (512, 4095, 4), (1, 99, 8)]
)
def test_the_reduction_keeps_the_least_side(least, side, reduction):
    assert jpeg_decoder.reduction_to(least, side) == reduction


def test_no_more_rows_than_there_are(image):
    decoder = Decoder(encoded(image))
    decoder.read(SIZE[1] - 1)
    with pytest.raises(ValueError, match="no such rows"):
        decoder.read(2)
    assert len(decoder.read(1)) == 3 * SIZE[0]


def test_damaged_data_stays_damaged(image):
    with pytest.raises(ValueError, match="Not a JPEG file"):
        Decoder(b"no JPEG")
    decoder = StripDecoder(damaged(encoded(image)))
    decoder.read_ahead()
    for _ in range(2):
        with pytest.raises(ValueError, match="Huffman"):
            decoder.read()


def test_strips_that_were_decoded_ahead_come_first_and_once(image, monkeypatch):
    monkeypatch.setattr(jpeg_decoder, "_AHEAD", 5_000_000)  # one strip of two
    decoder = StripDecoder(encoded(image))
    with decoder.reading_ahead():
        pass
    decoder.read_ahead()
    strips = [decoder.read(), decoder.read()]
    assert [len(strip) // (3 * SIZE[0]) for strip in strips] == [decoder.rows, 1003 - decoder.rows]
    expected = photo.read(encoded(image)).pixels
    np.testing.assert_array_equal(array(b"".join(strips), decoder.shape), expected)


def test_a_file_that_was_begun_gives_the_same_photograph(image, corrector, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(image))

    def corrected():
        file = photo.open_file(path)
        assert (file.begun is not None) == begun
        result, _ = correct_file(corrector, file, strips=True)
        return jpeg.encode(result, 95)

    begun = False
    expected = corrected()
    size = corrector.config.preview_size
    jpeg_decoder.begin(path, size, 500)
    begun = True
    assert corrected() == expected
    begun = False
    assert corrected() == expected  # it is handed over once
    jpeg_decoder.begin(path, size // 2, 500)  # a preview of another size is no use
    begun = True
    assert corrected() == expected


def test_what_is_decoded_whole_lets_go_of_the_strips(image, corrector, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(image))
    jpeg_decoder.begin(path, 512, 500)
    file = photo.open_file(path)
    file.begun._ended.wait()
    result, _ = correct_file(corrector, file)
    assert result.size == SIZE
    assert not file.begun.strips._ahead


def test_only_large_whole_jpeg_files_are_begun(image, tmp_path):
    path = tmp_path / "a.jpg"

    def begins(data, limit=500.0):
        path.write_bytes(data)
        jpeg_decoder.begin(path, 512, limit)
        return jpeg_decoder.take(path) is not None

    data = encoded(image)
    assert begins(data)
    assert not begins(data, limit=2)
    assert not begins(encoded(image.resize((1900, 1000))))
    assert not begins(encoded(image.convert("CMYK")))
    assert not begins(data[:100])
    assert not begins(b"")
    assert not begins(b"\x89PNG" + data)
    jpeg_decoder.begin(tmp_path, 512, 500)
    jpeg_decoder.begin(tmp_path / "none.jpg", 512, 500)
    assert jpeg_decoder.take(tmp_path) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_are_left_alone(tmp_path):
    pipe = tmp_path / "a.jpg"
    os.mkfifo(pipe)
    jpeg_decoder.begin(pipe, 512, 500)  # would wait for ever
    assert jpeg_decoder.take(pipe) is None


def test_a_damaged_preview_is_left_to_who_needs_it(image, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(damaged(encoded(image)))
    jpeg_decoder.begin(path, 512, 500)
    assert jpeg_decoder.take(path).preview() is None


def test_it_imports_neither_numpy_nor_pillow():
    code = (
        "import sys; from midtone import jpeg_decoder; jpeg_decoder.load_library();"
        "sys.exit(not {'numpy', 'PIL'}.isdisjoint(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
