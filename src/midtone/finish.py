"""Optional last touches on the network's small picture, before the grid carries it to full size.

All are off by default, as they were for the paper's results. Working on the small picture makes
them free at any size; the photograph's own detail comes back with the bilateral grid.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from midtone import pyramid
from midtone.pyramid import BINOMIAL

_BINS = 65536
_LUMA = np.array(
    [0.298936021293775, 0.587043074451121, 0.114020904255103]
)  # Rec. 601, as in the reference outputs
_WELL_EXPOSED, _SPREAD, _FLOOR = 0.5, 0.2, 1e-12


def luma(image: np.ndarray) -> np.ndarray:
    """Rec. 601 luma of an H x W x 3 float image: H x W."""
    return np.asarray(image @ _LUMA.astype(image.dtype))


def stretch_limits(image: np.ndarray, tail: float = 0.01) -> np.ndarray:
    """Low and high limit of each channel: 2 x 3, for an H x W x 3 float image.

    From 65,536 bins of the values clipped to [0, 1]: the first whose cumulated share exceeds
    ``tail``, and the first whose share reaches 1 - ``tail``; (0, 1) where these are equal.
    """
    limits = np.empty((2, 3))
    for channel in range(3):
        codes = np.floor(np.clip(image[..., channel], 0, 1) * (_BINS - 1) + 0.5).astype(np.intp)
        share = np.cumsum(np.bincount(codes.ravel(), minlength=_BINS)) / codes.size
        low, high = np.argmax(share > tail), np.argmax(share >= 1 - tail)
        limits[:, channel] = (0, 1) if low == high else (low / (_BINS - 1), high / (_BINS - 1))
    return limits


def stretch(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """Map [low, high] to [0, 1], the same for all channels; outside values become 0 and 1."""
    return np.clip((image - low) / (high - low), 0, 1)


def contrast_stretch(image: np.ndarray) -> np.ndarray:
    """Stretch all channels alike, as far as the first of them to clip allows.

    (The authors' release takes the limits of red for all channels, which clips blue skies.)
    """
    limits = stretch_limits(image)
    return stretch(image, limits[0].min(), limits[1].max())


def fusion_weights(images: Sequence[np.ndarray]) -> np.ndarray:
    """Weights of Mertens et al. 2007, eq. 1-3, exponents 1: H x W x K, summing to one.

    Contrast (absolute Laplacian of luma), saturation (standard deviation over R, G, B) and well
    exposedness (Gaussian around 0.5, sigma 0.2) of K float images H x W x 3.
    """
    weights = []
    for image in images:
        grey = np.pad(luma(image), 1, mode="edge")
        contrast = np.abs(
            grey[:-2, 1:-1]
            + grey[2:, 1:-1]
            + grey[1:-1, :-2]
            + grey[1:-1, 2:]
            - 4 * grey[1:-1, 1:-1]
        )
        exposed = np.exp(-((image - _WELL_EXPOSED) ** 2) / (2 * _SPREAD**2)).prod(-1)
        weights.append(contrast * image.std(-1) * exposed + _FLOOR)
    stacked = np.stack(weights, -1)
    return np.asarray(stacked / stacked.sum(-1, keepdims=True))


def exposure_fusion(images: Sequence[np.ndarray]) -> np.ndarray:
    """Blend K exposures of one scene, H x W x 3 float in [0, 1] (Mertens et al. 2007, eq. 6-7).

    The weights' Gaussian pyramids blend the images' Laplacian pyramids.
    """
    levels = max(1, int(np.log2(min(images[0].shape[:2]))))
    weights = fusion_weights(images)
    blended = [np.zeros(())] * levels
    for number, image in enumerate(images):
        shares = pyramid.gaussian(weights[..., number : number + 1], levels, BINOMIAL)
        details = pyramid.split(image, levels, BINOMIAL)
        blended = [b + s * d for b, s, d in zip(blended, shares, details, strict=True)]
    return pyramid.merge(blended, BINOMIAL)


def scale_levels(levels: Sequence[np.ndarray], scales: Sequence[float]) -> list[np.ndarray]:
    """Multiply pyramid level l by S_l (the authors' demo: 1.5, 1.5, 1.5, 1.05 for large images)."""
    return [level * np.float32(scale) for level, scale in zip(levels, scales, strict=True)]
