"""Augmentation of targets: changes that leave a photograph well exposed.

They are made before the exposure error is synthesised, so that input and target change alike and a
network cannot overfit to the colours and the brightness of single photographs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How targets are varied. The defaults change nothing.

    saturation: smallest and largest factor of the saturation
    balance:    standard deviation of the logarithm of each channel's gain (white balance)
    gamma:      standard deviation of the logarithm of a gamma
    channel_shuffle_prob: probability of channels in another order
    collage_prob: probability of a second photograph in a part of the picture
    """

    saturation: tuple[float, float] = (1.0, 1.0)
    balance: float = 0.0
    gamma: float = 0.0
    channel_shuffle_prob: float = 0.0
    collage_prob: float = 0.0


def augment(image: np.ndarray, model: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Vary one photograph: H x W x 3 uint8 sRGB -> the same, without collages."""
    if model.saturation != (1.0, 1.0):
        image = saturate(image, rng.uniform(*model.saturation))
    if model.balance:
        image = balance_channels(image, np.exp(rng.normal(0, model.balance, 3)))
    if model.gamma:
        image = apply_gamma(image, float(np.exp(rng.normal(0, model.gamma))))
    if model.channel_shuffle_prob and rng.random() < model.channel_shuffle_prob:
        image = image[..., rng.permutation(3)]
    return image


def saturate(image: np.ndarray, factor: float) -> np.ndarray:
    """Multiply the saturation of an H x W x 3 uint8 image."""
    colour = ImageEnhance.Color(Image.fromarray(np.ascontiguousarray(image)))
    return np.asarray(colour.enhance(factor))


def balance_channels(image: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Multiply the channels of an H x W x 3 uint8 image; the largest gain is scaled to 1."""
    table = np.rint(np.arange(256)[:, None] * (gains / gains.max())).astype(np.uint8)
    return np.stack([table[:, channel][image[..., channel]] for channel in range(3)], -1)


def apply_gamma(image: np.ndarray, gamma: float) -> np.ndarray:
    """Raise an H x W x 3 uint8 image, scaled to [0, 1], to the power ``gamma``."""
    return np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)[image]


def collage(one: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``one`` with 20 to 50 % of its rows or columns replaced by ``other``, resized to its size."""
    height, width = one.shape[:2]
    other = np.asarray(Image.fromarray(np.ascontiguousarray(other)).resize((width, height)))
    share = rng.uniform(0.2, 0.5)
    rows, columns = (
        (round(share * height), width) if rng.random() < 0.5 else (height, round(share * width))
    )
    mixed = one.copy()
    mixed[:rows, :columns] = other[:rows, :columns]
    return mixed
