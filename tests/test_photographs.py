from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from metadata import DISPLAY_P3
from midtone import colour
from midtone.data.pairs import read_pairs
from midtone.data.photographs import (
    decode,
    decode_pair,
    find_photos,
    hold_out,
    is_well_exposed,
    size_of,
)
from midtone.errors import PhotoError


@given(st.integers(0, 40), st.integers(2, 12))
def test_held_out_photographs_are_not_trained_on(count, every):
    names = [f"{number:02}" for number in range(count)]
    training, validation = hold_out(names, every)
    assert sorted(training + validation) == names
    assert len(validation) == (count // every or min(count, 1))


def test_only_image_files_are_found(tmp_path, astronaut):
    Image.fromarray(astronaut[:9, :9]).save(tmp_path / "b.png")
    (tmp_path / "sub").mkdir()
    Image.fromarray(astronaut[:9, :9]).save(tmp_path / "sub" / "a.jpg")
    (tmp_path / "note.txt").write_text("no photograph")
    assert [path.name for path in find_photos(tmp_path)] == ["b.png", "a.jpg"]


def test_only_well_exposed_photographs_are_targets(astronaut):
    assert is_well_exposed(astronaut)
    for image in (astronaut // 3, 255 - (255 - astronaut) // 3, 80 + astronaut // 4):
        assert not is_well_exposed(image)


@pytest.mark.parametrize(("side", "shape"), [(100, (50, 100, 3)), (None, (100, 200, 3))])
def test_photographs_are_decoded_upright_and_reduced(tmp_path, astronaut, side, shape):
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(astronaut[:200, :100]).save(path, exif=exif)
    assert size_of(path) == (100, 200)
    assert decode(path, side).shape == shape


def test_grey_and_16_bit_photographs_become_8_bit_rgb(tmp_path, astronaut):
    grey = astronaut[:40, :60, 1]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    for name in ("grey.png", "deep.png"):
        np.testing.assert_array_equal(
            decode(tmp_path / name), np.repeat(grey[..., None], 3, 2), err_msg=name
        )


@pytest.mark.parametrize("side", [30, None])
def test_colour_profiles_are_applied(tmp_path, astronaut, side):
    icc = DISPLAY_P3
    image = Image.fromarray(astronaut[:40, :60])
    image.save(tmp_path / "tagged.png", icc_profile=icc)
    image.save(tmp_path / "plain.png")
    tagged, plain = (decode(tmp_path / f"{name}.png", side) for name in ("tagged", "plain"))
    expected = colour.to_srgb(plain.astype(np.float32) / 255, icc)
    assert np.abs(tagged.astype(float) - 255 * expected).max() <= 1
    assert np.abs(tagged.astype(int) - plain).max() > 2


def test_damaged_files_are_named(tmp_path):
    path = tmp_path / "text.jpg"
    path.write_text("no photograph")
    for read in (size_of, decode):
        with pytest.raises(PhotoError, match=r"text\.jpg: "):
            read(path)


def test_a_pair_of_two_sizes_is_named(tmp_path, astronaut):
    for name, image in (("input", astronaut[:20, :30]), ("reference", astronaut[:10, :10])):
        (tmp_path / name).mkdir()
        Image.fromarray(image).save(tmp_path / name / "1.png")
    (pair,) = read_pairs(tmp_path).pairs
    with pytest.raises(PhotoError, match=r"1\.png: is 30 x 20, its reference 1\.png 10 x 10"):
        decode_pair(pair)
