from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from midtone import adapters, photo
from midtone.errors import PhotoError, UsageError


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 5), np.uint8),
        np.zeros((4, 5, 1), np.float32),
        np.zeros((4, 5, 4), np.uint16),
        np.zeros((4, 5, 3), np.float16),
        np.zeros((4, 5, 3), np.float64),
        np.zeros((2, 4, 5, 3), np.uint8),
        np.zeros((2, 4, 5, 4), np.float32),
        Image.new("RGB", (5, 4)),
        Image.new("LA", (5, 4)),
        photo.Photo(np.zeros((4, 5, 3), np.uint8)),
    ],
    ids=lambda image: type(image).__name__,
)
def test_the_result_is_like_the_input(image):
    result = adapters.like(image, adapters.to_photos(image))
    assert type(result) is type(image)
    if isinstance(image, np.ndarray):
        assert (result.shape, result.dtype) == (image.shape, image.dtype)
    elif isinstance(image, Image.Image):
        assert (result.size, result.mode) == (image.size, image.mode)


def test_a_tensor_is_a_batch_of_photographs():
    torch = pytest.importorskip("torch")
    batch = torch.rand(2, 3, 4, 5)
    photos = adapters.to_photos(batch)
    assert [one.size for one in photos] == [(5, 4), (5, 4)]
    torch.testing.assert_close(adapters.like(batch, photos), batch)
    with pytest.raises(UsageError, match="3 x H x W"):
        adapters.to_photos(torch.zeros(4, 5, 3, dtype=torch.uint8))


def test_half_precision_tensors_come_back_as_such():
    torch = pytest.importorskip("torch")
    for dtype in (torch.float16, torch.bfloat16):
        batch = torch.rand(1, 3, 4, 5).to(dtype)
        torch.testing.assert_close(adapters.like(batch, adapters.to_photos(batch)), batch)


def test_a_batch_is_a_batch_of_photographs():
    batch = np.random.default_rng(0).integers(0, 255, (3, 4, 5, 4), np.uint8)
    photos = adapters.to_photos(batch)
    assert [one.size for one in photos] == [(5, 4)] * 3
    np.testing.assert_array_equal(adapters.like(batch, photos), batch)


@pytest.mark.parametrize("image", ["photo.jpg", Path("photo.jpg"), b"data"])
def test_files_are_refused_with_the_remedy(image):
    with pytest.raises(UsageError, match=r"read\(\) the photograph first"):
        adapters.to_photos(image)


def test_other_types_are_refused_by_name():
    with pytest.raises(UsageError, match="cannot correct a dict"):
        adapters.to_photos({})


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (
            np.full((4, 5, 3), 255.0),
            r"in \[0, 1\], not in \[255, 255\]: scale it, or convert .* uint8",
        ),
        (np.full((4, 5, 3), -1.0), r"in \[0, 1\], not in \[-1, -1\]"),
        (np.full((4, 5, 3), np.nan), "NaN"),
        (np.full((4, 5, 3), np.inf, np.float32), "infinite"),
        (np.zeros((4, 5, 3), np.int64), r"not int64: use astype\(numpy.uint8\)"),
        (np.zeros((4, 5, 3), bool), "not bool"),
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
        (np.zeros((0, 4, 5, 3), np.uint8), "no pixels"),
        (np.zeros((3, 4, 5), np.uint8), r"channels come last .* transpose\(1, 2, 0\)"),
        (np.zeros((2, 3, 4, 5), np.uint8), r"transpose\(0, 2, 3, 1\)"),
        (np.zeros((9, 5, 7), np.uint8), "an array is H x W"),
        (np.zeros(5, np.uint8), "an array is H x W"),
    ],
    ids=lambda value: "" if isinstance(value, str) else f"{value.dtype}{value.shape}",
)
def test_arrays_that_are_no_image_are_refused_with_the_remedy(array, message):
    with pytest.raises(PhotoError, match=message):
        adapters.to_photos(array)


def test_tensors_of_another_range_are_refused():
    torch = pytest.importorskip("torch")
    with pytest.raises(PhotoError, match="scale it"):
        adapters.to_photos(torch.full((3, 4, 5), 255.0))


def test_values_a_little_beyond_one_are_clipped():
    (one,) = adapters.to_photos(np.full((4, 5, 3), 1.2, np.float32))
    assert adapters.like(one.pixels, [one]).max() == 1


def test_an_empty_pillow_image_is_refused():
    with pytest.raises(PhotoError, match="an image of 0 x 5 holds no pixels"):
        adapters.to_photos(Image.new("RGB", (0, 5)))


@pytest.mark.parametrize("dtype", [">u2", "<u2", ">f4", "<f8"])
def test_the_order_of_bytes_does_not_matter(dtype):
    values = np.linspace(0, 1, 48).reshape(4, 4, 3)
    array = (values * (65535 if dtype[1] == "u" else 1)).astype(dtype)
    pixels = adapters.to_photos(array)[0].pixels
    assert pixels.dtype.isnative
    np.testing.assert_array_equal(pixels, array.astype(pixels.dtype))
