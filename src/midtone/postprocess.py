"""Last touches on the network's small picture, before the grid carries it to full size.

Fusion, contrast and scaled levels are off by default, as for the paper's results; the brightness
and the whites are ours (benchmarks/EXPERIMENTS.md). Working on the small picture makes all of them
free at any size; the photograph's own detail comes back with the bilateral grid.
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
_DOUBTED, _USUAL, _BISECTIONS = 2.0, 0.45, 16
_WHITE, _LEAST_WHITE = (0.9, 0.99), 0.8
_SPARED = 0.3, 0.6  # EV
_DARKEST = 1 / 255 / 12.92  # linear light of code value 1, where the logarithm is cut off
_WELL_EXPOSED, _SPREAD, _FLOOR = 0.5, 0.2, 1e-12


def luma(image: np.ndarray) -> np.ndarray:
    """Rec. 601 luma of an H x W x 3 float image: H x W."""
    return np.asarray(image @ _LUMA.astype(image.dtype))


def usual_brightness(image: np.ndarray, error: float) -> np.ndarray:
    """Bring a far corrected picture nearer to the brightness that photographs have on the whole.

    image: H x W x 3 float, corrected; error: how far off the exposure was found to be, in EV.
    The further off a photograph is, the less it tells of its right exposure, and the better the
    mean of all good photographs is as a guess: without any error the correction is trusted, from
    2 EV on the mean counts alone. A gamma within 1/2 and 2, for all channels, clipped to [0, 1];
    of training photographs the mean luma is 0.45.
    """
    doubt = min(1.0, abs(error) / _DOUBTED)
    light = np.clip(image, 0, 1)
    tones = luma(light)
    wanted = (1 - doubt) * tones.mean() + doubt * _USUAL
    low, high = 0.5, 2.0
    if not doubt or not tones.any():
        return image
    for _ in range(_BISECTIONS):
        gamma = (low * high) ** 0.5
        if (tones**gamma).mean() > wanted:
            low = gamma
        else:
            high = gamma
    return np.asarray(light ** np.float32(gamma))


def neutral_whites(image: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Keep what was blown out neutral and bright.

    image: H x W x 3 float, corrected; before: the same uncorrected, in [0, 1]. What is white in all
    channels before has lost its colour for good: whatever colour it gets is invented, and if it
    gets darker than 0.8 it looks like fog. The effect fades in from 0.9 to 0.99.
    """
    low, high = _WHITE
    share = np.clip((before.min(2, keepdims=True) - low) / (high - low), 0, 1)
    neutral = np.maximum(luma(image)[..., None], _LEAST_WHITE)
    return np.asarray((1 - share) * image + share * neutral, image.dtype)


def spare(image: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Leave alone what is nearly right: a correction of less than 0.6 EV fades out.

    image: H x W x 3 float, corrected; before: the same uncorrected, in [0, 1]. Measured by the mean
    change of luminance in EV, up or down; below 0.3 EV nothing changes. Good photographs
    differ by more than that, and whoever took them may have meant it.
    """
    change = np.abs(_log_luminance(np.clip(image, 0, 1)) - _log_luminance(before)).mean()
    low, high = _SPARED
    share = min(1.0, max(0.0, (change - low) / (high - low)))
    return np.asarray(before + np.float32(share) * (image - before), image.dtype)


def exposure_error(before: np.ndarray, after: np.ndarray) -> float:
    """Exposure error in EV of a picture that is corrected so: H x W x 3 float in [0, 1] each.

    The difference of the means of the logarithms of their luminances.
    """
    return float(_log_luminance(before).mean() - _log_luminance(after).mean())


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


def _log_luminance(picture: np.ndarray) -> np.ndarray:
    linear = np.where(picture <= 0.04045, picture / 12.92, ((picture + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    return np.asarray(np.log2(np.maximum(luminance, _DARKEST)))
