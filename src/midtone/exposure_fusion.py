"""Exposure fusion: Mertens, Kautz, Van Reeth, Pacific Graphics 2007."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from midtone import colour, pyramid
from midtone.pyramid import BINOMIAL

_WELL_EXPOSED, _SPREAD = 0.5, 0.2
_FLOOR = 1e-12  # of a weight, where all three measures are zero


def fusion_weights(images: Sequence[np.ndarray]) -> np.ndarray:
    """Weights by eq. 1-3 with exponents 1: H x W x K, summing to one.

    Contrast (absolute Laplacian of luma), saturation (standard deviation over R, G, B) and well
    exposedness (Gaussian around 0.5, sigma 0.2) of K float images H x W x 3.
    """
    weights = []
    for image in images:
        grey = np.pad(colour.luma(image), 1, mode="edge")
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


def fuse(images: Sequence[np.ndarray]) -> np.ndarray:
    """Blend K exposures of one scene, H x W x 3 float in [0, 1] (eq. 6-7).

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
