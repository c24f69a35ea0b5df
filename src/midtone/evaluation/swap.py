"""The paper's motivation (its figure 4): which pyramid levels hold exposure, which detail."""

from __future__ import annotations

import numpy as np

from midtone import pyramid


def swap_levels(image: np.ndarray, reference: np.ndarray, levels: int = 4) -> list[np.ndarray]:
    """Replace levels of an image's Laplacian pyramid by its reference's, the coarsest first.

    image, reference: H x W x 3 float in [0, 1]. Returns ``levels`` + 1 pictures, unclipped: the
    image, with the reference's level n, with levels n - 1 and n, ..., with all: the reference.
    """
    if image.shape != reference.shape:
        raise ValueError(f"images of different shapes: {image.shape} and {reference.shape}")
    ours, theirs = pyramid.split(image, levels), pyramid.split(reference, levels)
    return [
        pyramid.merge(ours[: levels - swapped] + theirs[levels - swapped :])
        for swapped in range(levels + 1)
    ]


def picture(pictures: list[np.ndarray], gap: int = 8) -> np.ndarray:
    """Side by side on white: H x W x 3 each, clipped, to H x (n W + (n - 1) gap) x 3 uint8."""
    height = pictures[0].shape[0]
    parts: list[np.ndarray] = []
    for one in pictures:
        parts += [np.full((height, gap, 3), 255, np.uint8)] if parts else []
        parts.append(np.rint(255 * np.clip(one, 0, 1)).astype(np.uint8))
    return np.hstack(parts)
