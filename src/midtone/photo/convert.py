"""Photographs from arrays and Pillow images, and back."""

from __future__ import annotations

import numpy as np
from PIL import Image

from midtone.errors import PhotoError
from midtone.photo import pillow_codec
from midtone.photo.bit_depth import to_8_bit
from midtone.photo.photo import Photo


def from_array(array: np.ndarray) -> Photo:
    """Photo of an H x W, H x W x 1, x 3 or x 4 array; uint8, uint16 or float in [0, 1]."""
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise PhotoError(f"an image is H x W, H x W x 3 or H x W x 4, not {array.shape}")
    if array.dtype not in (np.uint8, np.uint16, np.float32, np.float64):
        raise PhotoError(f"an image is uint8, uint16 or float, not {array.dtype}")
    array = array[..., None] if array.ndim == 2 else array
    alpha = None
    if array.shape[2] == 4:
        array, alpha = array[..., :3], array[..., 3]
        alpha = to_8_bit(alpha) if alpha.dtype.kind == "f" else alpha
    return Photo(array, alpha)


def from_pillow(image: Image.Image) -> Photo:
    """Photo of a Pillow image, its metadata included."""
    from midtone.photo.reader import translate_errors, with_usable_profile

    if not all(image.size):
        raise PhotoError(f"an image of {image.width} x {image.height} holds no pixels")
    copy = image.copy()
    copy.format = image.format
    return translate_errors(
        "image", lambda: with_usable_profile(pillow_codec.decode_in_memory(copy))
    )


def to_pillow(photo: Photo) -> Image.Image:
    """Pillow image; 16-bit colour becomes 8-bit, which is all that Pillow has."""
    pixels, alpha = photo.pixels, photo.alpha
    grey = pixels.shape[2] == 1
    if pixels.dtype != np.uint16 or not grey or alpha is not None:
        pixels = to_8_bit(pixels)
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if grey else pixels))
    if alpha is not None:
        image.putalpha(Image.fromarray(np.ascontiguousarray(to_8_bit(alpha))))
    return image
