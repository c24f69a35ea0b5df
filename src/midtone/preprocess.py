"""From a photograph to the input of the network, the same for correcting, training and measuring.

photograph -> resized -> sRGB -> padded -> Laplacian pyramid
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from midtone import colour, pyramid
from midtone.photo import Photo
from midtone.pipeline import PipelineConfig


@dataclass(frozen=True)
class NetworkInput:
    """What a network is given for one photograph, and what its prediction is compared with.

    levels:    Laplacian levels ``config.finest`` to n of the padded image, N x 3 x H/2^(l-1) x
               W/2^(l-1) float32; N is 2 with the 180 degree rotation (``rotate_tta``), else 1
    reference: h x w x 3 float32 sRGB: the image at the size of the unpadded prediction, which is
               G_1, or up(G_l) for a network of coarse levels l to n
    source:    h x w x C float32: the same in the photograph's own colour space
    """

    levels: list[np.ndarray]
    reference: np.ndarray
    source: np.ndarray


def preprocess(
    photo: Photo, config: PipelineConfig, scales: Sequence[float] | None = None
) -> NetworkInput:
    """The input of the network for a photograph. scales: see ``network_input``."""
    small = resize(photo.pixels, config.size)
    image = colour.to_srgb(small, photo.icc)
    reference = at_prediction_size(image, config)
    if photo.icc is None:
        source = reference[..., : small.shape[2]]
    else:
        source = at_prediction_size(small, config)
    return NetworkInput(network_input(image, config, scales), reference, source)


def to_source_space(prediction: np.ndarray, inputs: NetworkInput, icc: bytes | None) -> np.ndarray:
    """A prediction in the colour space of ``inputs.source``, the photograph's own: h x w x C.

    icc: the photograph's profile. With one, only the change is converted, so colours outside sRGB
    are moved, not lost.
    """
    channels = inputs.source.shape[2]
    if icc is None:
        return colour.from_srgb(prediction, None, channels)
    after = colour.from_srgb(np.clip(prediction, 0, 1), icc, channels)
    return inputs.source + after - colour.from_srgb(inputs.reference, icc, channels)


def network_input(
    image: np.ndarray, config: PipelineConfig, scales: Sequence[float] | None = None
) -> list[np.ndarray]:
    """Laplacian levels ``config.finest`` to n of an image: each N x 3 x H/2^(l-1) x W/2^(l-1).

    image:  h x w x 3 float32 sRGB in [0, 1] at the network's size; it is padded at the bottom and
            the right to multiples of ``config.multiple``
    scales: a factor for each level, finest first (the authors' demo: 1.5, 1.5, 1.5, 1.05)
    N is 2, the image and its 180 degree rotation, if ``config.rotate_tta``, else 1.
    """
    views = (image, image[::-1, ::-1]) if config.rotate_tta else (image,)
    pyramids = [_split(view, config) for view in views]
    levels = [np.stack(level).transpose(0, 3, 1, 2) for level in zip(*pyramids, strict=True)]
    if scales is not None:
        factors = np.array(scales, np.float32)[config.finest - 1 :]
        levels = [factor * level for factor, level in zip(factors, levels, strict=True)]
    return levels


def pad(image: np.ndarray, config: PipelineConfig) -> np.ndarray:
    """Pad at the bottom and the right to multiples of ``config.multiple``: h x w x C."""
    rows, columns = (-side % config.multiple for side in image.shape[:2])
    return np.pad(image, ((0, rows), (0, columns), (0, 0)), mode=config.padding)  # type: ignore[call-overload]


def at_prediction_size(image: np.ndarray, config: PipelineConfig) -> np.ndarray:
    """The image that a prediction is compared with: h x w x C -> h' x w' x C.

    The image itself; for a network of coarse levels l to n, up(G_l), as its target in training was.
    """
    if config.finest == 1:
        return image
    levels = pyramid.gaussian(image, config.finest, config.taps)
    return pyramid.up(levels[-1], pyramid.size(levels[-2]), config.taps)


def resize(pixels: np.ndarray, size: int) -> np.ndarray:
    """Resize so that the longer side is ``size``: H x W x C -> h x w x C float32 in [0, 1].

    pixels: uint8, uint16 or float in [0, 1]. Bicubic with antialiasing; only 8-bit pixels are
    rounded to 8 bits.
    """
    height, width, channels = pixels.shape
    scale = size / max(height, width)
    shape = max(1, round(width * scale)), max(1, round(height * scale))
    if pixels.dtype == np.uint8:
        image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if channels == 1 else pixels))
        small = np.asarray(_bicubic(image, shape))
        return small.reshape(shape[1], shape[0], channels).astype(np.float32) / np.float32(255)
    full = np.float32(65535 if pixels.dtype == np.uint16 else 1)
    planes = [
        np.asarray(_bicubic(Image.fromarray(pixels[..., c].astype(np.float32)), shape))
        for c in range(channels)
    ]
    return np.clip(np.stack(planes, -1) / full, 0, 1)


def _bicubic(image: Image.Image, shape: tuple[int, int]) -> Image.Image:
    return image.resize(shape, Image.Resampling.BICUBIC, reducing_gap=3.0)


def _split(image: np.ndarray, config: PipelineConfig) -> list[np.ndarray]:
    """Laplacian levels ``config.finest`` to n; the finer ones need not be made."""
    finest = pyramid.gaussian(pad(image, config), config.finest, config.taps)[-1]
    return pyramid.split(finest, config.levels - config.finest + 1, config.taps)
