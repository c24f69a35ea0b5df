from __future__ import annotations

import io
from pathlib import Path

import pytest
import tifffile

from dng import write_dng
from midtone import photo
from midtone.errors import PhotoError, TooLargeError
from midtone.photo import exif, raw

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


def _values(block: bytes) -> tuple[exif.Value, ...]:
    directories = exif.Directories(block.removeprefix(b"Exif\0\0"))
    return directories.values(directories.first)
