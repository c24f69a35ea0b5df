"""Colour: luma, sRGB and linear light, ICC profiles. The one home of these formulas."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

# Rec. 601 luma to the digits of the authors' release.
REC601 = (0.298936021293775, 0.587043074451121, 0.114020904255103)
REC709 = (0.2126, 0.7152, 0.0722)
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
# Linear light of 8-bit code value 1, where the logarithm of the luminance is cut off.
_DARKEST = 1 / 255 / 12.92


def luma(image: np.ndarray, weights: Sequence[float] = REC601) -> np.ndarray:
    """Weighted sum of R, G, B: H x W x 3 float -> H x W, in the image's dtype."""
    return np.asarray(image @ np.asarray(weights, image.dtype))


def srgb_to_linear(srgb: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1 decoding: sRGB in [0, 1] -> linear light in [0, 1]."""
    above = ((np.maximum(srgb, 0.04045) + 0.055) / 1.055) ** 2.4
    return np.where(srgb <= 0.04045, srgb / 12.92, above)


def linear_to_srgb(linear: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1 encoding: linear light in [0, 1] -> sRGB in [0, 1]."""
    above = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, above)


def expose(image: np.ndarray, ev: float) -> np.ndarray:
    """The image exposed by ``ev`` more: sRGB in [0, 1], any shape; linear light is clipped at 1."""
    if ev == 0:
        return image
    linear = srgb_to_linear(image) * np.float32(2**ev)
    return np.asarray(linear_to_srgb(linear.clip(0, 1)), np.float32)


def log_luminance(image: np.ndarray) -> np.ndarray:
    """log2 of the linear Rec. 709 luminance: H x W x 3 sRGB in [0, 1] -> H x W, in EV.

    The luminance is at least that of 8-bit code value 1.
    """
    luminance = srgb_to_linear(image) @ np.array(REC709)
    return np.asarray(np.log2(np.maximum(luminance, _DARKEST)))


def to_srgb(image: np.ndarray, icc: bytes | None) -> np.ndarray:
    """Convert from the colour space of ``icc`` (sRGB or its grey if None) to sRGB.

    H x W x 3 or H x W x 1 float32 in [0, 1] -> H x W x 3 float32.
    """
    if icc is None:
        return np.repeat(image, 3, 2) if image.shape[2] == 1 else image
    return _transform(image, icc, _srgb_profile(), out="rgb")


def from_srgb(image: np.ndarray, icc: bytes | None, channels: int = 3) -> np.ndarray:
    """Convert from sRGB to the colour space of ``icc`` (sRGB or its grey if None).

    H x W x 3 float32 in [0, 1] -> H x W x ``channels`` (3 or 1) float32. A profile without the way
    back from sRGB counts as sRGB.
    """
    if icc is None or not _is_output_profile(icc):
        return luma(image)[..., None] if channels == 1 else image
    out = _transform(image, _srgb_profile(), icc, out="gray" if channels == 1 else "rgb")
    return out.reshape(*image.shape[:2], channels)


def usable_profile(icc: bytes | None, space: str) -> bytes | None:
    """The profile if it opens and describes pixels of ``space`` ("RGB", "GRAY", "CMYK").

    Invalid profiles are ignored. A profile may lack the way back from sRGB, as scanners' do.
    """
    if icc is None:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if profile.profile.xcolor_space.strip() != space:
            return None
        if space != "CMYK":
            mode = "L" if space == "GRAY" else "RGB"
            srgb = ImageCms.createProfile("sRGB")
            ImageCms.buildTransform(profile, srgb, mode, "RGB", _INTENT)
    except (OSError, ImageCms.PyCMSError):
        return None
    return icc


def cmyk_to_rgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """Convert a CMYK image to sRGB, by its profile if it has a usable one."""
    if usable_profile(icc, "CMYK") is None:
        return image.convert("RGB")
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc or b""))
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")
    assert converted is not None
    return converted


@lru_cache(maxsize=16)
def _is_output_profile(icc: bytes) -> bool:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    mode = "L" if profile.profile.xcolor_space.strip() == "GRAY" else "RGB"
    try:
        ImageCms.buildTransform(ImageCms.createProfile("sRGB"), profile, "RGB", mode, _INTENT)
    except ImageCms.PyCMSError:
        return False
    return True


@lru_cache(maxsize=1)
def _srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _transform(image: np.ndarray, source: bytes, target: bytes, *, out: str) -> np.ndarray:
    """Relative colorimetric conversion in float32 by LittleCMS; no detour through 8 bits."""
    import imagecodecs  # here, because training needs this module and not the codecs

    grey = image.shape[2] == 1
    return np.asarray(
        imagecodecs.cms_transform(
            np.ascontiguousarray(image[..., 0] if grey else image, np.float32),
            source,
            target,
            colorspace="gray" if grey else "rgb",
            outcolorspace=out,
            intent=int(_INTENT),
        )
    )
