"""Synthesise exposure errors: badly exposed versions of well exposed photographs.

The main family of curves is measured: how the paper's data set (Afifi et al. 2021, section 4) was
rendered at -1.5, -1, +1 and +1.5 EV relative to 0 EV. Errors beyond that range compose the measured
curves. Two other families clip hard, as cameras do: the camera response of Ying et al. (ICCVW 2017,
"beta-gamma"), and plain gains in linear light.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import numpy as np
from PIL import Image

from midtone.colour import linear_to_srgb, srgb_to_linear
from midtone.data.local_light import LocalLight, draw_local_light
from midtone.data.neutral import NeutralModel, render_neutral

_CODES = np.arange(256, dtype=np.float64)
_LONGEST_STEP = 1.5
BETA_GAMMA = (-0.3293, 1.1258)  # a and b of Ying et al. 2017


@dataclass(frozen=True, kw_only=True)
class ErrorModel:
    """How exposure errors are drawn. Probabilities and deviations of 0 switch a part off.

    bands:          (share, lowest EV, highest EV) of each band of errors; shares sum to 1
    unchanged_prob: probability of an input that is its target, both exposed by -0.5 to 1 times
                    unchanged_ev: photographs that differ that much are all well exposed
    neutral:        neutral camera renderings instead of finished photographs
    light:          parts of the picture that are exposed apart from the rest
    camera_prob:    probability of another camera than the measured curves: half of these are
                    beta-gamma, half plain gains in linear light
    black_prob:     probability that the raised blacks of a measured curve are pulled down, by a
                    random part
    bright_lights_prob: probability, in underexposed pictures, that lights stay bright (lamps,
                    windows, skies: they were too bright for the good exposure as well)
    balance:        standard deviation of the logarithm of each channel's gain (white balance)
    contrast:       standard deviation of the logarithm of the exponent of an extra tone curve
    noise_prob:     probability of sensor noise; shot and read are the largest variances at full
                    scale and at black, in linear light
    jpeg_prob:      probability of JPEG compression, of a quality within jpeg_quality
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
    unchanged_prob: float = 0.0
    unchanged_ev: float = 0.0
    neutral: NeutralModel = NeutralModel()
    light: LocalLight = LocalLight()
    camera_prob: float = 0.04
    black_prob: float = 0.03
    bright_lights_prob: float = 0.0
    balance: float = 0.005
    contrast: float = 0.01
    noise_prob: float = 0.15
    shot: float = 2e-3
    read: float = 2e-5
    jpeg_prob: float = 0.2
    jpeg_quality: tuple[int, int] = (60, 98)


NO_ERRORS = ErrorModel(
    bands=((1.0, 0.0, 0.0),),
    camera_prob=0,
    black_prob=0,
    balance=0,
    contrast=0,
    noise_prob=0,
    jpeg_prob=0,
)


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
    """Apply the measured curve of ``ev``: H x W x 3 uint8 sRGB -> the same."""
    return np.rint(measured_curve(ev)).astype(np.uint8)[image]


def camera_curve(ev: float, a: float = BETA_GAMMA[0], b: float = BETA_GAMMA[1]) -> np.ndarray:
    """Beta-gamma brightness transform of Ying et al. 2017, eq. 6: 256 code values, unclipped.

    g(P, k) = exp(b (1 - k^a)) P^(k^a), k = 2^EV, P in [0, 1].
    """
    exponent = (2.0**ev) ** a
    return np.asarray(255 * np.exp(b * (1 - exponent)) * (_CODES / 255) ** exponent)


def linear_curve(ev: float) -> np.ndarray:
    """A plain gain of 2^EV in linear light, clipped: 256 code values."""
    return np.asarray(255 * linear_to_srgb(np.minimum(srgb_to_linear(_CODES / 255) * 2.0**ev, 1)))


@dataclass(frozen=True, kw_only=True)
class Camera:
    """One camera: how it turns an exposure into codes.

    family:     of its curves
    response:   a and b of beta-gamma
    black:      part of a measured curve's raised black that is pulled down
    lights, lights_exponent: part of the way to white that white stays when it is underexposed, and
                how fast darker codes follow less
    exponents:  of the extra tone curve; gains: of the channels
    """

    family: Literal["measured", "beta-gamma", "linear"] = "measured"
    response: tuple[float, float] = BETA_GAMMA
    black: float = 0.0
    lights: float = 0.0
    lights_exponent: float = 1.0
    exponent: float = 1.0
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def table(self, ev: float) -> np.ndarray:
        """Codes of the rendering at ``ev`` for each code at 0 EV: 256 x 3 float in 0..255."""
        if self.family == "beta-gamma":
            curve = camera_curve(ev, *self.response)
        elif self.family == "linear":
            curve = linear_curve(ev)
        else:
            curve = measured_curve(ev)
            curve = 255 - (255 - curve) * 255 / (255 - self.black * curve[0])
        if ev < 0:
            # The brightest codes of the good photograph stand for any brightness beyond white.
            raised = self.lights * (255 - curve[-1])
            curve = curve + raised * (_CODES / 255) ** self.lights_exponent
        curve = 255 * (np.clip(curve, 0, None) / 255) ** self.exponent
        return np.asarray(np.clip(curve[:, None] * self.gains, 0, 255))


def draw_camera(model: ErrorModel, rng: np.random.Generator) -> Camera:
    """Draw a camera."""
    families: tuple[Literal["beta-gamma", "linear"], ...] = ("beta-gamma", "linear")
    other = rng.random() < model.camera_prob
    a, b = BETA_GAMMA * rng.normal(1, 0.08, 2)
    red, green, blue = np.exp(rng.normal(0, model.balance, 3))
    return Camera(
        family=families[rng.integers(2)] if other else "measured",
        response=(a, b),
        black=rng.random() if rng.random() < model.black_prob else 0.0,
        lights=rng.random() ** 0.5 if rng.random() < model.bright_lights_prob else 0.0,
        lights_exponent=rng.uniform(2, 14),
        exponent=float(np.exp(rng.normal(0, model.contrast))),
        gains=(red, green, blue),
    )


def draw_ev(model: ErrorModel, rng: np.random.Generator) -> float:
    """Draw an exposure error in EV."""
    shares = np.array([share for share, _, _ in model.bands])
    _, low, high = model.bands[rng.choice(len(shares), p=shares / shares.sum())]
    return float(rng.uniform(low, high))


def synthesize(
    image: np.ndarray, ev: float, model: ErrorModel, rng: np.random.Generator
) -> np.ndarray:
    """Synthesise an exposure error of ``ev`` EV: H x W x 3 uint8 sRGB -> the same."""
    if rng.random() < model.neutral.prob:
        image = render_neutral(image, model.neutral, rng)
    camera = draw_camera(model, rng)
    noisy, compressed = rng.random() < model.noise_prob, rng.random() < model.jpeg_prob
    light = draw_local_light(image, model.light, rng)
    if light is None and not noisy:
        exposed = _look_up(np.rint(camera.table(ev)).astype(np.uint8), image)
    else:
        codes = _expose_locally(image, ev, camera, light)
        if noisy:
            variances = model.shot * rng.random() ** 2, model.read * rng.random() ** 2
            codes = add_noise(codes, *variances, rng)
        exposed = np.rint(codes).astype(np.uint8)
    return _through_jpeg(exposed, model.jpeg_quality, rng) if compressed else exposed


def vary_exposure(image: np.ndarray, largest: float, rng: np.random.Generator) -> np.ndarray:
    """Expose by -0.5 to 1 times ``largest`` EV: H x W x 3 uint8 sRGB -> the same."""
    if not largest:
        return image
    ev = largest * rng.uniform(-0.5, 1)
    curve = linear_curve(ev) if rng.random() < 0.5 else measured_curve(ev)
    return np.rint(curve).astype(np.uint8)[image]


def add_noise(codes: np.ndarray, shot: float, read: float, rng: np.random.Generator) -> np.ndarray:
    """Add sensor noise of variance shot * light + read, in linear light: codes in 0..255, float."""
    light = srgb_to_linear(codes / np.float32(255))
    sigma = np.sqrt(light * np.float32(shot) + np.float32(read))
    noisy = light + sigma * rng.standard_normal(light.shape, np.float32)
    return np.asarray(255 * linear_to_srgb(np.clip(noisy, 0, 1)), np.float32)


def _expose_locally(
    image: np.ndarray,
    ev: float,
    camera: Camera,
    light: tuple[np.ndarray, float, float] | None,
) -> np.ndarray:
    """Float codes in 0..255 of one camera at two exposures, mixed by a mask."""
    if light is None:
        return _look_up(camera.table(ev).astype(np.float32), image)
    mask, outside, within = light
    one, other = (
        _look_up(camera.table(ev + change).astype(np.float32), image)
        for change in (outside, within)
    )
    return one + mask[..., None] * (other - one)


def _look_up(table: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Apply a 256 x 3 table to an H x W x 3 uint8 image."""
    return np.stack([table[:, channel][image[..., channel]] for channel in range(3)], -1)


@cache
def _measured() -> tuple[np.ndarray, np.ndarray]:
    text = resources.files("midtone.data").joinpath("ev_curves.json").read_text("utf-8")
    curves = {float(ev): np.array(curve) for ev, curve in json.loads(text)["lut"].items()}
    curves[0.0] = _CODES
    evs = sorted(curves)
    return np.array(evs), np.array([curves[ev] for ev in evs])


def _through_jpeg(
    image: np.ndarray, qualities: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    buffer = io.BytesIO()
    quality = int(rng.integers(*qualities, endpoint=True))
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))
