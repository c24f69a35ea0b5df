"""Arrays, Pillow images and tensors <-> ``Photo``, so that what comes out is what went in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from PIL import Image

from midtone import photo
from midtone.errors import UsageError
from midtone.photo import Photo

if TYPE_CHECKING:
    import torch

ImageLike: TypeAlias = "np.ndarray | Image.Image | Photo | torch.Tensor"
AnyImage = TypeVar("AnyImage", bound=ImageLike)


def to_photos(image: Any) -> list[Photo]:
    """The photographs of an image: one, or N for a tensor N x 3 x H x W.

    Raises PhotoError or UsageError for what is no image.
    """
    if isinstance(image, Photo):
        return [image]
    if isinstance(image, Image.Image):
        return [photo.from_pillow(image)]
    if isinstance(image, np.ndarray):
        return [photo.from_array(image)]
    if hasattr(image, "detach"):
        batch = image.detach().cpu().numpy()
        if batch.ndim not in (3, 4) or batch.shape[-3] != 3 or batch.dtype.kind != "f":
            raise UsageError(f"a tensor is 3 x H x W or N x 3 x H x W float, not {batch.shape}")
        batch = batch.reshape(-1, *batch.shape[-3:])
        return [photo.from_array(one.transpose(1, 2, 0)) for one in batch]
    raise UsageError(f"cannot correct a {type(image).__name__}")


def like(image: AnyImage, photos: list[Photo]) -> AnyImage:
    """Photographs as the type, shape, dtype and device of ``image``, which they were made from."""
    result: Any = photos[0]
    if isinstance(image, Image.Image):
        result = photo.to_pillow(photos[0])
    elif isinstance(image, np.ndarray):
        result, alpha = photos[0].pixels, photos[0].alpha
        if image.dtype.kind == "f":
            result = np.clip(result, 0, 1)
        if alpha is not None:
            result = np.concatenate((result, image[..., 3:]), 2)
        result = result.reshape(image.shape)
    elif not isinstance(image, Photo):
        import torch

        batch = np.stack([one.pixels.transpose(2, 0, 1) for one in photos])
        result = torch.from_numpy(np.clip(batch, 0, 1)).reshape(image.shape)
        result = result.to(image.device, image.dtype)
    return result
