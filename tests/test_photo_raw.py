from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import pytest
import tifffile

from dng import write_dng
from midtone import photo
from midtone.errors import PhotoError, TooLargeError
from midtone.photo import ifd, raw

pytestmark = pytest.mark.skipif(not raw.is_installed(), reason="needs rawpy")


@pytest.fixture
def dng(tmp_path, astronaut) -> Path:
    path = tmp_path / "scene.dng"
    write_dng(path, astronaut[:64, :96])
    return path


def test_raw_is_recognised_by_its_content(dng):
    renamed = dng.with_suffix(".tif")
    renamed.write_bytes(dng.read_bytes())
    for source in (dng, io.BytesIO(dng.read_bytes()), renamed):
        file = photo.open_file(source)
        assert file.format.name == "RAW"
        assert file.size == (96, 64)
    assert file.decode().pixels.shape == (64, 96, 3)


def test_raw_of_phase_one_is_recognised_by_its_content():
    assert raw.is_raw(b"II*\0\x10\0\0\0IIII" + bytes(20))
    assert not raw.is_raw(b"II*\0\x08\0\0\0" + bytes(20))


def test_the_limit_holds_before_developing(dng):
    with pytest.raises(TooLargeError, match="more than the limit"):
        photo.read(dng, max_megapixels=0.001)


def test_a_photograph_with_the_suffix_of_raw_is_what_it_is(tmp_path, astronaut):
    path = tmp_path / "renamed.nef"
    photo.write(photo.from_array(astronaut[:20, :20]), path, format="png")
    assert photo.open_file(path).format.name == "PNG"


def test_a_tiff_with_the_suffix_of_raw_is_developed(tmp_path, astronaut):
    path = tmp_path / "renamed.nef"
    tifffile.imwrite(path, astronaut[:20, :20], photometric="rgb")
    with pytest.raises(PhotoError, match="LibRaw cannot read it"):
        photo.read(path)


def test_exif_of_the_file_itself_counts_without_a_preview(dng):
    read = photo.read(dng)
    assert read.metadata.exif is not None
    assert b"test camera" in read.metadata.exif
    tags = {value.tag for value in _values(read.metadata.exif)}
    assert not tags & {0x0100, 0x0106, 0x0111, 0xC612, 0xC621}


def test_nothing_is_printed_for_a_file_that_is_cut_off(dng, capfd):
    with pytest.raises(PhotoError, match="LibRaw cannot read it"):
        photo.read(dng.read_bytes()[:-2000])
    assert capfd.readouterr() == ("", "")


def test_pixels_that_libraw_misses_are_missed(dng, monkeypatch):
    opened = raw._opened

    @contextlib.contextmanager
    def cut_off(data, messages=None):
        with opened(data, messages) as file:
            os.write(2, b"unknown file: Unexpected end of file\n")
            yield file

    monkeypatch.setattr(raw, "_opened", cut_off)
    with pytest.raises(PhotoError, match="cut off; use --salvage"):
        photo.read(dng)
    assert photo.read(dng, salvage=True).notes == ("LibRaw: unexpected end of file",)


def test_what_others_print_meanwhile_is_printed(capfd):
    messages: list[str] = []
    with raw._printed(messages):
        os.write(2, b"unknown file: Data corrupted at 5\nby another thread\n")
    assert messages == ["data corrupted at 5"]
    assert capfd.readouterr().err == "by another thread\n"


def test_xmp_and_maker_notes_are_noted(dng, tmp_path):
    with tifffile.TiffFile(dng) as file:
        page = file.pages[0]
        mosaic = page.asarray()
        tags = [
            (tag.code, tag.dtype, tag.count, tag.value, True)
            for tag in page.tags
            if tag.code > 50000 or tag.code in (33421, 33422)
        ]
    path = tmp_path / "noted.dng"
    tags += [(700, 1, 5, b"<xmp>", True), (0xC634, 7, 6, b"Adobe\0", True)]
    tifffile.imwrite(path, mosaic, photometric=32803, extratags=tags, metadata=None)
    assert photo.read(path).notes == (
        "left out: maker notes",
        "left out: XMP, which holds settings for the RAW file",
    )


def _values(block: bytes) -> tuple[ifd.Value, ...]:
    directories = ifd.Directories(block.removeprefix(b"Exif\0\0"))
    return directories.values(directories.first)
