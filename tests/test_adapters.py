from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from midtone import adapters, photo
from midtone.errors import UsageError


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 5), np.uint8),
        np.zeros((4, 5, 1), np.float32),
        np.zeros((4, 5, 4), np.uint16),
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


def test_other_types_are_refused_by_name():
    with pytest.raises(UsageError, match="cannot correct a str"):
        adapters.to_photos("photo.jpg")
