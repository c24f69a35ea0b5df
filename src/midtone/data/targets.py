"""Targets that can be predicted from their inputs.

Finished photographs of one scene differ by taste: in brightness, in black and in white point. An
input does not determine which was chosen, and a network trained on many tastes predicts their
mean, which is flat. Here a target is brought part of the way to what photographs have on average.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from midtone import colour

MEAN_LUMA = 0.45  # of well exposed photographs
_TAIL = 0.005  # quantile of black and white point
_LEAST_RANGE = 0.2
_LARGEST_GAMMA = 2.0
_FLAT = 0.02  # no gamma where the mean is so near to 0 or 1
_WHITE = (0.94, 0.99)


@dataclass(frozen=True)
class TargetModel:
    """How far targets are normalised. The defaults change nothing.

    levels_part:     part of the way by which the 0.5 % and 99.5 % quantiles of luma are brought to
                     0 and 1; 0 leaves them
    brightness_part: part of the way by which a gamma brings the mean to 0.45, for small and for
                     large errors: the larger an error, the less the input determines the target's
                     brightness
    brightness_ev:   errors up to the first, in EV, are small, those from the second on large; the
                     part is linear between
    white_floor:     least value in [0, 1] of the target where its input is white; 0 for none
    """

    levels_part: float = 0.0
    brightness_part: tuple[float, float] = (0.0, 0.0)
    brightness_ev: tuple[float, float] = (1.0, 3.0)
    white_floor: float = 0.0


def normalize_target(image: np.ndarray, model: TargetModel, ev: float) -> np.ndarray:
    """Bring a target nearer to the mean of photographs: H x W x 3 uint8 -> the same.

    ev: the exposure error of the input that will be made of it. One increasing curve for all
    channels; its slope is at most 5, its gamma within 1/2 and 2.
    """
    (near, far), (least, most) = model.brightness_part, model.brightness_ev
    part = near + (far - near) * min(1.0, max(0.0, (abs(ev) - least) / (most - least)))
    if not model.levels_part and not part:
        return image
    sample = image[::2, ::2]
    low, high = np.quantile(colour.luma(sample / 255), (_TAIL, 1 - _TAIL))
    low, high = model.levels_part * low, 1 - model.levels_part * (1 - high)
    curve = np.clip((np.arange(256) / 255 - low) / max(high - low, _LEAST_RANGE), 0, 1)
    mean = float(curve[sample[..., 1]].mean())
    if part and _FLAT < mean < 1 - _FLAT:
        wanted = (1 - part) * mean + part * MEAN_LUMA
        gamma = np.log(wanted) / np.log(mean)
        curve = curve ** min(_LARGEST_GAMMA, max(1 / _LARGEST_GAMMA, gamma))
    return np.rint(255 * curve).astype(np.uint8)[image]


def keep_whites(target: np.ndarray, source: np.ndarray, floor: float) -> np.ndarray:
    """Raise a target to at least ``floor`` where its input is white: H x W x 3 uint8 each.

    The share of the raised target is a smoothstep of the input's smallest channel between 0.94 and
    0.99. ``floor`` 0 changes nothing.
    """
    if not floor:
        return target
    low, high = _WHITE
    share = np.clip((source.min(2, keepdims=True) / 255 - low) / (high - low), 0, 1)
    share = share * share * (3 - 2 * share)
    raised = np.maximum(target, 255 * floor)
    return np.rint(target + share * (raised - target)).astype(np.uint8)
