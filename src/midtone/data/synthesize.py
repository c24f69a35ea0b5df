"""Badly exposed versions of well exposed photographs.

The main error model is measured: how the paper's data set (Afifi et al. 2021, section 4) was
rendered at -1.5, -1, +1 and +1.5 EV relative to 0 EV. Errors beyond that range compose the measured
curves; a second family, the camera response of Ying et al. (ICCVW 2017, "beta-gamma"), clips hard
as cameras do.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import numpy as np
from PIL import Image

_CODES = np.arange(256, dtype=np.float64)
_LONGEST_STEP = 1.5


@dataclass(frozen=True)
class ErrorModel:
    """How wrong exposures are drawn. All ``*_share`` values are probabilities.

    bands:            (share, lowest EV, highest EV) of each band of errors; shares sum to 1
    camera_share:     another camera instead of the measured curves: half of them beta-gamma, half
                      plain gains in linear light, clipped hard
    light_share:      underexposed scenes whose lights were too bright for the good exposure as well
                      (lamps, windows, skies): these stay bright, up to white, when all else is dark
    black_share:      measured curves with their raised blacks pulled down, by a random part
    balance:          standard deviation of a channel's gain (white balance), relative
    contrast:         standard deviation of the exponent of an extra tone curve
    local_share:      another exposure in a part of the picture (a lamp, a window, back light), off
                      by a normal error of standard deviation local_ev, fading in smoothly
    noise_share:      sensor noise; shot and read are the largest variances at full scale and black
    jpeg_share:       JPEG compression, quality drawn from jpeg_quality
    """

    bands: tuple[tuple[float, float, float], ...] = (
        (0.11, -0.15, 0.15),
        (0.11, -0.8, -0.15),
        (0.28, -1.7, -0.8),
        (0.11, 0.15, 0.8),
        (0.28, 0.8, 1.7),
        (0.07, -4.0, -1.7),
        (0.04, 1.7, 2.5),
    )
    camera_share: float = 0.04
    black_share: float = 0.03
    balance: float = 0.005
    contrast: float = 0.01
    noise_share: float = 0.15
    shot: float = 2e-3
    read: float = 2e-5
    jpeg_share: float = 0.2
    jpeg_quality: tuple[int, int] = (60, 98)
    local_share: float = 0.0
    local_ev: float = 0.5
    light_share: float = 0.0


def measured_curve(ev: float) -> np.ndarray:
    """Tone curve of the paper's renderings: float64 array of 256 code values in 0..255.

    Linear in EV between the measured curves; beyond +-1.5 EV equal steps are composed.
    """
    steps = max(1, int(np.ceil(abs(ev) / _LONGEST_STEP - 1e-9)))
    evs, curves = _measured()
    one = curves[0]
    if ev / steps > evs[0]:
        above = int(np.searchsorted(evs, ev / steps))
        weight = (ev / steps - evs[above - 1]) / (evs[above] - evs[above - 1])
        one = (1 - weight) * curves[above - 1] + weight * curves[above]
    curve = one
    for _ in range(steps - 1):
        curve = np.interp(curve, _CODES, one)
    return curve


def expose(image: np.ndarray, ev: float) -> np.ndarray:
    """A photograph as the measured curve of ``ev`` leaves it: H x W x 3 uint8 sRGB -> the same."""
    return np.rint(measured_curve(ev)).astype(np.uint8)[image]


def camera_curve(ev: float, a: float = -0.3293, b: float = 1.1258) -> np.ndarray:
    """Beta-gamma brightness transform of Ying et al. 2017, eq. 6: 256 code values, unclipped.

    g(P, k) = exp(b (1 - k^a)) P^(k^a), k = 2^EV, P in [0, 1].
    """
    exponent = (2.0**ev) ** a
    return np.asarray(255 * np.exp(b * (1 - exponent)) * (_CODES / 255) ** exponent)


def linear_curve(ev: float) -> np.ndarray:
    """A plain gain of 2^EV in linear light, clipped: 256 code values."""
    return np.asarray(255 * _to_srgb(np.minimum(_to_linear(_CODES / 255) * 2.0**ev, 1)))


def draw_ev(model: ErrorModel, rng: np.random.Generator) -> float:
    """Draw an exposure error in EV."""
    shares = np.array([share for share, _, _ in model.bands])
    _, low, high = model.bands[rng.choice(len(shares), p=shares / shares.sum())]
    return float(rng.uniform(low, high))


def synthesize(
    image: np.ndarray, ev: float, model: ErrorModel, rng: np.random.Generator
) -> np.ndarray:
    """Expose a photograph wrongly by ``ev``: H x W x 3 uint8 sRGB -> the same."""
    if rng.random() < model.local_share:
        share = _fade(image.shape[:2], rng)[..., None]
        whole = replace(model, local_share=0.0)
        there = synthesize(image, ev + rng.normal(0, model.local_ev), whole, rng)
        here = synthesize(image, ev, whole, rng)
        return np.rint((1 - share) * here + share * there).astype(np.uint8)
    if rng.random() < model.camera_share:
        if rng.random() < 0.5:
            curve = camera_curve(ev, -0.3293 * rng.normal(1, 0.08), 1.1258 * rng.normal(1, 0.08))
        else:
            curve = linear_curve(ev)
    else:
        curve = measured_curve(ev)
        if rng.random() < model.black_share:
            black = rng.random() * curve[0]
            curve = 255 - (255 - curve) * 255 / (255 - black)
    if ev < 0 and rng.random() < model.light_share:
        # The brightest codes of the good photograph stand for any brightness beyond white.
        raised = rng.random() ** 0.5 * (255 - curve[-1])
        curve = curve + raised * (_CODES / 255) ** rng.uniform(2, 14)
    tone = np.exp(rng.normal(0, model.contrast))
    gains = np.exp(rng.normal(0, model.balance, 3))
    luts = 255 * (np.clip(curve, 0, None) / 255)[:, None] ** tone * gains
    if rng.random() < model.noise_share:
        linear = _to_linear(np.clip(luts / 255, 0, 1)).astype(np.float32)
        exposed = np.stack([linear[:, c][image[..., c]] for c in range(3)], -1)
        shot, read = model.shot * rng.random() ** 2, model.read * rng.random() ** 2
        sigma = np.sqrt(exposed * np.float32(shot) + np.float32(read))
        noisy = exposed + sigma * rng.standard_normal(exposed.shape, np.float32)
        exposed = np.rint(255 * _to_srgb(np.clip(noisy, 0, 1))).astype(np.uint8)
    else:
        table = np.rint(np.clip(luts, 0, 255)).astype(np.uint8)
        exposed = np.stack([table[:, c][image[..., c]] for c in range(3)], -1)
    if rng.random() < model.jpeg_share:
        exposed = _through_jpeg(exposed, int(rng.integers(*model.jpeg_quality, endpoint=True)))
    return exposed


def _fade(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A smooth spot anywhere in the picture, or beside it: H x W float32 in [0, 1]."""
    rows, columns = (np.linspace(-0.5, 0.5, side, dtype=np.float32) for side in shape)
    centre, radius = rng.uniform(-0.7, 0.7, 2), rng.uniform(0.2, 0.6)
    distance = np.hypot(rows[:, None] - centre[0], columns - centre[1]) / radius
    return np.asarray(np.exp(-(distance**2) / 2), np.float32)


@cache
def _measured() -> tuple[np.ndarray, np.ndarray]:
    text = resources.files("midtone.data").joinpath("ev_curves.json").read_text("utf-8")
    curves = {float(ev): np.array(curve) for ev, curve in json.loads(text)["lut"].items()}
    curves[0.0] = _CODES
    evs = sorted(curves)
    return np.array(evs), np.array([curves[ev] for ev in evs])


def _to_linear(srgb: np.ndarray) -> np.ndarray:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _to_srgb(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _through_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))
