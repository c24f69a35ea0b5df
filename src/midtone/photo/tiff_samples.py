"""The samples of a TIFF page: which are supported, and how they become pixels and alpha.

TIFF 6.0, sections 3 to 7, 16 and 18 (ExtraSamples).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from midtone import colour
from midtone.errors import PhotoError
from midtone.photo.bit_depth import to_8_bit, to_full_range
from midtone.photo.photo import Photo

_ASSOCIATED, _UNASSOCIATED = 1, 2
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_COLOURS = {_RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3}
_UNSIGNED, _SAMPLE_FORMATS = 1, {2: "signed integer", 3: "floating-point", 4: "undefined",
                                 5: "complex", 6: "complex"}  # fmt: skip
_OLD_JPEG, _JPEG = 6, 7


def check_supported(page: Any) -> None:
    """Raise PhotoError, which names what is not supported."""
    photometric, bits = int(page.photometric), page.bitspersample
    if page.imagedepth > 1:
        raise PhotoError("TIFF of volumes is not supported")
    if isinstance(bits, tuple):
        raise PhotoError(f"TIFF with channels of {bits} bits is not supported")
    kind = int(page.sampleformat)
    if kind != _UNSIGNED:
        name = _SAMPLE_FORMATS.get(kind, f"sample format {kind}")
        raise PhotoError(
            f"{bits}-bit {name} TIFF is not supported yet; convert it to 16-bit integers"
        )
    if bits > 16:
        raise PhotoError(f"{bits}-bit integer TIFF is not supported yet; convert it to 16 bits")
    if int(page.compression) == _OLD_JPEG:
        raise PhotoError("old-style JPEG TIFF is not supported; convert it to another compression")
    is_jpeg = int(page.compression) == _JPEG  # which is decoded to RGB
    if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK) and not (
        photometric == _YCBCR and is_jpeg
    ):
        name = getattr(page.photometric, "name", str(photometric))
        raise PhotoError(f"{name} TIFF is not supported; convert it to RGB")


def to_photo(page: Any, samples: np.ndarray, icc: bytes | None) -> Photo:
    """Pixels and alpha of a page's samples, H x W x S, and notes. Raises PhotoError.

    icc: the page's colour profile, which CMYK needs; that of the photograph is None then
    """
    photometric, bits = int(page.photometric), int(page.bitspersample)
    colours = _COLOURS.get(photometric, 1)
    if samples.shape[2] < colours:
        raise PhotoError(f"TIFF with {samples.shape[2]} channels is not supported")
    pixels, extra = samples[..., :colours], samples[..., colours:]
    notes: tuple[str, ...] = ()
    if photometric == _PALETTE:
        pixels = _look_up(pixels[..., 0], page.colormap)
    else:
        pixels = to_full_range(pixels, bits)
        if bits not in (1, 8, 16):
            notes += (f"{bits} bits became {8 * pixels.itemsize}",)
    if photometric == _WHITE_IS_ZERO:
        pixels = np.iinfo(pixels.dtype).max - pixels
    elif photometric == _CMYK:
        image = Image.fromarray(np.ascontiguousarray(to_8_bit(pixels)), "CMYK")
        pixels, icc = np.asarray(colour.cmyk_to_rgb(image, icc)), None
        notes += ("CMYK became sRGB",)
    alpha = None
    kinds = [int(kind) for kind in page.extrasamples][: extra.shape[2]]
    kind = next((kind for kind in (_UNASSOCIATED, _ASSOCIATED) if kind in kinds), None)
    if kind is not None:
        alpha = to_full_range(extra[..., kinds.index(kind)], bits)
        alpha = to_8_bit(alpha) if pixels.dtype == np.uint8 else alpha
        if kind == _ASSOCIATED:
            pixels = _divide_by_alpha(pixels, alpha)
    others = extra.shape[2] - (alpha is not None)
    if others:
        notes += (f"{others} channel{'s' * (others > 1)} besides colour left out",)
    return Photo(pixels, alpha, icc=icc, notes=notes)


def _look_up(indices: np.ndarray, colour_map: np.ndarray) -> np.ndarray:
    """The colours of a palette, whose map 3 x N has 16 bits; 8 bits where these suffice."""
    table = np.asarray(colour_map, np.uint16).T
    if table.max(initial=0) < 256:  # written by old programs
        table = table * np.uint16(257)
    is_narrow = not (table % 257).any() or not (table & 255).any()
    table = (table >> 8).astype(np.uint8) if is_narrow else table
    return table[np.minimum(indices, len(table) - 1)]


def _divide_by_alpha(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The colour of associated alpha (TIFF 6.0, section 18), rounded."""
    full = np.iinfo(pixels.dtype).max
    below = np.maximum(alpha, 1)[..., None].astype(np.uint64)
    divided = (pixels.astype(np.uint64) * full + below // 2) // below
    return np.minimum(divided, full).astype(pixels.dtype)
