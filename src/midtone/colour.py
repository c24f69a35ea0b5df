"""Colour spaces: from a photograph's ICC profile to sRGB and back, by LittleCMS in Pillow."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC


def to_srgb(pixels: np.ndarray, icc: bytes | None) -> np.ndarray:
    """Small 8-bit pictures from the colour space of ``icc`` to sRGB. H x W x 3 or x 1 -> x 3."""
    if icc is None:
        return np.repeat(pixels, 3, 2) if pixels.shape[2] == 1 else pixels
    return _run(_transform(icc, True), pixels)


def from_srgb(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    """Small 8-bit pictures from sRGB, H x W x 3, to the colour space of ``icc`` (x 3, or x 1)."""
    return _run(_transform(icc, False), pixels)


def usable(icc: bytes | None, space: str) -> bytes | None:
    """The profile if it opens and describes pixels of ``space`` ("RGB", "GRAY", "CMYK").

    A broken profile helps nobody.
    """
    if icc is None:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile
        if profile.xcolor_space.strip() != space:
            return None
        if space != "CMYK":
            _transform(icc, True), _transform(icc, False)
    except (OSError, ImageCms.PyCMSError):
        return None
    return icc


def cmyk_to_rgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """A CMYK picture as sRGB, by its profile if it has a usable one."""
    if usable(icc, "CMYK") is None:
        return image.convert("RGB")
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc or b""))
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")
    assert converted is not None
    return converted


@lru_cache(maxsize=16)
def _transform(icc: bytes, to_srgb: bool) -> ImageCms.ImageCmsTransform:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    mode = "L" if profile.profile.xcolor_space.strip() == "GRAY" else "RGB"
    srgb = ImageCms.createProfile("sRGB")
    if to_srgb:
        return ImageCms.buildTransform(profile, srgb, mode, "RGB", _INTENT)
    return ImageCms.buildTransform(srgb, profile, "RGB", mode, _INTENT)


def _run(transform: ImageCms.ImageCmsTransform, pixels: np.ndarray) -> np.ndarray:
    picture = Image.fromarray(
        np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    )
    converted = np.asarray(ImageCms.applyTransform(picture, transform))
    return converted[..., None] if converted.ndim == 2 else converted
