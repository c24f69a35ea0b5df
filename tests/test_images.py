from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from metadata import DISPLAY_P3
from midtone import colour, photo
from midtone.errors import PhotoError
from midtone.evaluation.images import read_srgb, srgb_codes


def test_8_bit_srgb_is_not_touched(tmp_path, astronaut):
    Image.fromarray(astronaut).save(tmp_path / "a.png")
    assert np.array_equal(read_srgb(tmp_path / "a.png", 512), astronaut)
    assert np.array_equal(read_srgb(tmp_path / "a.png"), astronaut)


def test_larger_photographs_are_reduced_and_smaller_ones_are_not(astronaut):
    picture = photo.from_array(astronaut[:200])
    assert srgb_codes(picture, 256).shape == (100, 256, 3)
    assert srgb_codes(picture, 600).shape == (200, 512, 3)


def test_16_bits_and_grey():
    values = np.array([[[0, 128, 65535]]], np.uint16)
    assert srgb_codes(photo.from_array(values)).tolist() == [[[0, 0, 255]]]
    grey = np.array([[7, 9]], np.uint8)
    assert srgb_codes(photo.from_array(grey)).tolist() == [[[7, 7, 7], [9, 9, 9]]]


def test_a_colour_profile_is_applied(tmp_path):
    image = Image.new("RGB", (4, 4), (90, 100, 130))
    image.save(tmp_path / "a.png", icc_profile=DISPLAY_P3)
    found = read_srgb(tmp_path / "a.png")
    expected = 255 * colour.to_srgb(np.asarray(image, np.float32) / 255, DISPLAY_P3)
    assert np.abs(found - expected).max() <= 1
    assert np.abs(found - np.asarray(image, float)).max() > 2


def test_files_that_are_no_photograph_are_refused(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no photograph")
    with pytest.raises(PhotoError, match=r"a\.jpg"):
        read_srgb(tmp_path / "a.jpg")
