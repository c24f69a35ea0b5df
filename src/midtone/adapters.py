"""Arrays, Pillow images and tensors <-> ``Photo``, so that what comes out is what went in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from PIL import Image

from midtone import photo
from midtone.errors import PhotoError, UsageError
from midtone.photo import Photo

if TYPE_CHECKING:
    import torch

ImageLike: TypeAlias = "np.ndarray | Image.Image | Photo | torch.Tensor"
AnyImage = TypeVar("AnyImage", bound=ImageLike)
_CHANNELS = (1, 3, 4)
# Floats beyond these are of another range: 0 to 255, or -1 to 1.
_LEAST, _MOST = -0.5, 1.5


def to_photo(image: Any) -> Photo:
    """The photograph of one image. Raises what ``to_photos`` does, and UsageError for several."""
    photos = to_photos(image)
    if len(photos) != 1:
        raise UsageError(f"a correction is planned for one image, not for {len(photos)}")
    return photos[0]


def to_photos(image: Any) -> list[Photo]:
    """The photographs of an image: one, or N for an array N x H x W x 3 or tensor N x 3 x H x W.

    Raises PhotoError for arrays that are no image, with the remedy; UsageError for other types.
    """
    if isinstance(image, Photo):
        return [image]
    if isinstance(image, Image.Image):
        return [photo.from_pillow(image)]
    if isinstance(image, np.ndarray):
        return [photo.from_array(one) for one in _checked(image)]
    if hasattr(image, "detach"):
        tensor = image.detach().cpu()
        if tensor.ndim not in (3, 4) or tensor.shape[-3] != 3 or not tensor.is_floating_point():
            raise UsageError(
                "a tensor is 3 x H x W or N x 3 x H x W float in [0, 1], "
                f"not {tuple(tensor.shape)} {tensor.dtype}"
            )
        batch = tensor.float().numpy().reshape(-1, *tensor.shape[-3:])
        return [photo.from_array(one) for one in _checked(batch.transpose(0, 2, 3, 1))]
    if isinstance(image, str | os.PathLike | bytes):
        raise UsageError(
            "a corrector takes images, not files: read() the photograph first, "
            "or use midtone.correct(source, target)"
        )
    raise UsageError(f"cannot correct a {type(image).__name__}")


def like(image: AnyImage, photos: list[Photo]) -> AnyImage:
    """Photographs as the type, shape, dtype and device of ``image``, which they were made from."""
    result: Any = photos[0]
    if isinstance(image, Image.Image):
        result = photo.to_pillow(photos[0])
    elif isinstance(image, np.ndarray):
        result = np.stack([one.pixels for one in photos])
        if image.dtype.kind == "f":
            result = np.clip(result, 0, 1).astype(image.dtype, copy=False)
        if photos[0].alpha is not None:
            alpha = image[..., 3:].reshape(*result.shape[:-1], 1)
            result = np.concatenate((result, alpha), -1)
        result = result.reshape(image.shape)
    elif not isinstance(image, Photo):
        import torch

        batch = np.stack([one.pixels.transpose(2, 0, 1) for one in photos])
        result = torch.from_numpy(np.clip(batch, 0, 1)).reshape(image.shape)
        result = result.to(image.device, image.dtype)
    return result


def _checked(array: np.ndarray) -> np.ndarray:
    """An array of images as a batch, floats as float32. Raises PhotoError with the remedy."""
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    shape = array.shape
    if array.ndim in (3, 4) and shape[-1] not in _CHANNELS and shape[-3] in _CHANNELS:
        axes = "(1, 2, 0)" if array.ndim == 3 else "(0, 2, 3, 1)"
        raise PhotoError(f"channels come last in an array: use transpose{axes} on {shape}")
    if array.ndim not in (2, 3, 4) or (array.ndim > 2 and shape[-1] not in _CHANNELS):
        raise PhotoError(f"an array is H x W, H x W x 3 or N x H x W x 3, not {shape}")
    if not array.size:
        raise PhotoError(f"an array of {shape} holds no pixels")
    if array.dtype.kind == "f":
        low, high = float(array.min()), float(array.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise PhotoError("the array holds NaN or infinite values; use numpy.nan_to_num")
        if high > _MOST or low < _LEAST:
            raise PhotoError(
                f"a float image lies in [0, 1], not in [{low:g}, {high:g}]: scale it, "
                "or convert values up to 255 to uint8"
            )
        array = array.astype(np.float32, copy=False)
    elif array.dtype not in (np.uint8, np.uint16):
        raise PhotoError(
            f"an image is uint8, uint16 or float, not {array.dtype}: use astype(numpy.uint8) for "
            "values up to 255, astype(numpy.uint16) for values up to 65535"
        )
    return array if array.ndim == 4 else array[None]
