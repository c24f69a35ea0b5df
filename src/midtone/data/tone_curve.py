"""The tone curve from linear light to codes, one for all renderings of a RAW file.

Renderings of the paper's data set (Afifi et al. 2021, section 4) differ by an exposure in linear
light before one tone curve. tone_curve.json holds that curve. It was estimated from the differences
between the renderings (benchmarks/RESULTS.md, Rendering RAW files).
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

import numpy as np

# Linear light of a metered middle grey as a part of the sensor's saturation (ISO 12232, 18 %
# reflectance / sqrt 2), and the code that it is given at 0 EV: that of 18 % in sRGB.
MIDDLE = 0.18 / 2**0.5
_KNEE = 0.5
_CODES = np.arange(256.0)


def relation(ev: float, exposures: np.ndarray | None = None) -> np.ndarray:
    """Code of the rendering at ``ev`` for each code of the rendering at 0 EV: 256 float64.

    exposures: of codes 1 to 255, in EV (of this project's curve by default)
    """
    exposures = _exposures() if exposures is None else exposures
    return np.concatenate([[0.0], _code(2.0 ** (exposures + ev), exposures)])


def render_table(ev: float, white: float, bits: int = 8) -> np.ndarray:
    """Codes of a rendering at ``ev`` for every 16-bit value of linear light.

    white: the sensor's saturation as a part of full scale (65535), at most 1
    bits:  8 or 16, of the codes; returns (65536,) uint8 or uint16
    """
    light = np.arange(65536) / (65535 * white)
    codes = _code(2.0**ev * expand_highlights(light) / MIDDLE, _exposures())
    if bits == 8:
        return np.rint(codes).astype(np.uint8)
    return np.rint(codes * 257).astype(np.uint16)


def expand_highlights(light: np.ndarray) -> np.ndarray:
    """Expand the sensor's last stop to the range of the tone curve's shoulder.

    At 0 EV the curve maps light far above the sensor's saturation to white. Values above half of
    saturation are raised smoothly up to that light, so that saturation becomes white. After the
    curve's shoulder the result is a roll-off. light: 1 is saturation.
    """
    ceiling = MIDDLE * 2.0 ** _exposures()[-1]
    above = np.maximum(light - _KNEE, 0) / (1 - _KNEE)
    return light + (ceiling - 1) * above**3


def _code(light: np.ndarray, exposures: np.ndarray) -> np.ndarray:
    """light: relative to middle grey."""
    return np.interp(light, np.concatenate([[0.0], 2.0**exposures]), _CODES)


@cache
def _exposures() -> np.ndarray:
    text = resources.files("midtone.data").joinpath("tone_curve.json").read_text("utf-8")
    return np.array(json.loads(text)["ev"])
