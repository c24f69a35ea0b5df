"""Steps between the network and the grid: small named classes, applied in order.

A step maps (prediction, reference) to a new prediction; both are h x w x 3 float32 sRGB, the
prediction unclipped, the reference (the uncorrected image at the prediction's size) in [0, 1]. They
work on the low-resolution prediction, so they cost nothing at full size. The paper has none
(``PAPER``). Each has a parameter value that switches it off.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from midtone import colour, contrast_stretch, exposure_fusion
from midtone.errors import UsageError
from midtone.options import CorrectionOptions
from midtone.settings import check

_BISECTIONS = 16
_CLIPPED = 0.97  # sRGB; a reduced picture has few pixels at 1
_FLOOR = 1e-12  # of divisors


@dataclass(frozen=True)
class Step(ABC):
    """A step; its fields are its parameters."""

    @abstractmethod
    def __call__(self, prediction: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """The prediction after the step: h x w x 3 float32 sRGB each."""

    def with_confidence(
        self, prediction: np.ndarray, reference: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """The prediction after the step, and the part of the correction that remains, in [0, 1]."""
        return self(prediction, reference), 1.0


@dataclass(frozen=True)
class ShrinkToMeanLuma(Step):
    """Shrink the brightness of large corrections to the mean of all photographs.

        m' = (1 - d) m + d target,  d = clip((|e| - low) / (high - low), 0, 1)

    m is the mean luma of the prediction, e the estimated exposure error in EV. A gamma for all
    channels, within 1/2 and 2, brings m to m'. The larger the error, the less certain its estimate,
    so the mean of all photographs becomes the better estimate. How bright the clipped parts of the
    reference were is unknown, so they count less in m.

    target:         mean luma of well exposed photographs
    low, high:      EV between which the step fades in; high = inf switches it off
    clipped_weight: weight in m of pixels that are clipped in all channels of the reference
    """

    target: float = 0.45
    low: float = 0.0
    high: float = 2.0
    clipped_weight: float = 1.0

    def __call__(self, prediction: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Apply the step."""
        image = np.clip(prediction, 0, 1)
        error = abs(exposure_error(reference, image))
        share = min(1.0, max(0.0, (error - self.low) / (self.high - self.low)))
        luma = colour.luma(image)
        weights = np.where(reference.min(2) >= _CLIPPED, np.float32(self.clipped_weight), 1)
        if not share or not luma.any() or not weights.any():
            return prediction
        weights = weights / weights.sum()
        mean = (1 - share) * (weights * luma).sum() + share * self.target
        low, high = 0.5, 2.0
        for _ in range(_BISECTIONS):
            gamma = (low * high) ** 0.5
            if (weights * luma**gamma).sum() > mean:
                low = gamma
            else:
                high = gamma
        return np.asarray(image ** np.float32(gamma))


@dataclass(frozen=True, kw_only=True)
class NeutralizeClippedHighlights(Step):
    """Keep what is white in the input neutral and bright.

        y' = (1 - s) y + s max(luma(y), f),  s = clip((min_c x_c - low) / (high - low), 0, 1)
        f = floor + (far_floor - floor) clip((e - near) / (far - near), 0, 1)

    x is the reference, e the estimated overexposure in EV. What is white in all channels has lost
    its colour, so it gets none. White stays white, unless the whole image is overexposed by so
    much that its white parts were probably not white.

    low, high: between which the step fades in; low = inf switches it off
    floor:     least luma of white parts where the exposure is off by up to ``near`` EV
    far_floor: the same from ``far`` EV on
    """

    low: float = 0.9
    high: float = 0.99
    floor: float = 0.8
    far_floor: float = 0.8
    near: float = 1.5
    far: float = 3.0

    def __call__(self, prediction: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Apply the step."""
        if not np.isfinite(self.low):
            return prediction
        error = exposure_error(reference, np.clip(prediction, 0, 1))
        far = min(1.0, max(0.0, (error - self.near) / (self.far - self.near)))
        floor = self.floor + far * (self.far_floor - self.floor)
        darkest = reference.min(2, keepdims=True)
        share = np.clip((darkest - self.low) / (self.high - self.low), 0, 1)
        neutral = np.maximum(colour.luma(prediction)[..., None], floor)
        return np.asarray((1 - share) * prediction + share * neutral, prediction.dtype)


@dataclass(frozen=True)
class ShrinkByConfidence(Step):
    """Shrink the correction by the confidence in it.

        y' = x + p (y - x),  p = c^slope / (c^slope + half^slope)

    x is the reference, c the mean absolute change of log2 luminance in EV. Good photographs differ
    from each other by half an EV and more, so a small correction is often none that was needed.
    ``training.calibration`` fits the two parameters on held-out photographs: p is the part of a
    correction of size c that came nearest to the target there.

    half:  change in EV of which one half remains; 0 switches the step off
    slope: how fast the confidence rises with the size of the correction
    """

    half: float = 0.5
    slope: float = 2.0

    def __call__(self, prediction: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Apply the step."""
        return self.with_confidence(prediction, reference)[0]

    def with_confidence(
        self, prediction: np.ndarray, reference: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """Apply the step; also returns p."""
        if not self.half:
            return prediction, 1.0
        before, after = map(colour.log_luminance, (reference, np.clip(prediction, 0, 1)))
        confidence = confidence_of(float(np.abs(after - before).mean()), self.half, self.slope)
        change = np.float32(confidence) * (prediction - reference)
        return np.asarray(reference + change, prediction.dtype), confidence


@dataclass(frozen=True)
class KeepGrey(Step):
    """Predict no colour where the whole input has none: y' = luma(y) if R = G = B in x.

    enabled: False switches the step off
    """

    enabled: bool = True

    def __call__(self, prediction: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Apply the step."""
        # Equal channels differ by rounding after the pyramid's arithmetic.
        if not self.enabled or np.abs(reference - np.roll(reference, 1, 2)).max(initial=0) > 1e-6:
            return prediction
        return np.repeat(colour.luma(prediction)[..., None], 3, 2)


@dataclass(frozen=True)
class ExposureFusion(Step):
    """Blend the input and the prediction by exposure fusion (Mertens et al. 2007, eq. 6-7).

    An option of the authors' demo, off for the paper's results.
    """

    def __call__(self, prediction: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Apply the step."""
        return exposure_fusion.fuse([reference, np.clip(prediction, 0, 1)])


@dataclass(frozen=True)
class ContrastStretch(Step):
    """Stretch all channels alike, as far as the first of them to clip allows.

    An option of the authors' demo, off for the paper's results. (The authors' release takes the
    limits of red for all channels, which clips blue skies.)

    tail: share of the pixels that may be clipped at each end, in each channel
    """

    tail: float = 0.01

    def __call__(self, prediction: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Apply the step."""
        low, high = contrast_stretch.limits(prediction, self.tail)
        return contrast_stretch.stretch(prediction, low.min(), high.max())


@dataclass(frozen=True)
class ExposureTrim(Step):
    """Make the prediction brighter or darker by ``ev``, with black and white fixed.

        Y' = 1 - (1 - Y)^(2^ev)

    Y is the linear Rec. 709 luminance. The slope is 2^ev at black, so shadows change by ``ev``, and
    a shoulder leads to white. R, G and B are multiplied by Y'/Y; where one of them would exceed 1,
    the colour is moved towards grey of luminance Y' until none does, so hue and luminance hold.
    Steps add up: trims by a and by b are a trim by a + b.

    ev: 0 switches the step off
    """

    ev: float = 0.0

    def __call__(self, prediction: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Apply the step."""
        if not self.ev:
            return prediction
        linear = colour.srgb_to_linear(np.clip(prediction, 0, 1).astype(np.float64))
        before = colour.luma(linear, colour.REC709)[..., None].clip(0, 1)
        after = 1 - (1 - before) ** 2**self.ev
        scaled = linear * np.where(before > 0, after / np.maximum(before, _FLOOR), 0)
        excess = np.maximum(scaled.max(2, keepdims=True) - after, _FLOOR)
        trimmed = after + np.minimum(1, (1 - after) / excess) * (scaled - after)
        return colour.linear_to_srgb(trimmed.clip(0, 1)).astype(np.float32)


@dataclass(frozen=True)
class ProtectHighlights(Step):
    """Brighten what is bright in the input less, so that its highlights keep their detail.

        y' = y l'/l,  l' = l - amount a^2 max(l - a, 0)

    a and l are the luma of the reference and of the prediction y. What is not brightened stays. The
    order of tones is kept for corrections up to l = a^0.2.

    amount: 0 to 1; 0 switches the step off
    """

    amount: float = 1.0

    def __call__(self, prediction: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Apply the step."""
        if not self.amount:
            return prediction
        before, after = colour.luma(reference), colour.luma(prediction)
        less = self.amount * before**2 * np.maximum(after - before, 0)
        factor = 1 - less / np.maximum(after, _FLOOR)
        return np.asarray(prediction * factor[..., None], prediction.dtype)


PAPER: tuple[Step, ...] = ()
DEFAULT: tuple[Step, ...] = (
    ShrinkToMeanLuma(low=0.5, high=2.5, clipped_weight=0.5),
    NeutralizeClippedHighlights(low=0.96, floor=0.98, far_floor=0.95),
    ShrinkByConfidence(half=0.46, slope=2.2),
    KeepGrey(),
)
STEPS: dict[str, type[Step]] = {
    "shrink_to_mean_luma": ShrinkToMeanLuma,
    "neutralize_clipped_highlights": NeutralizeClippedHighlights,
    "shrink_by_confidence": ShrinkByConfidence,
    "keep_grey": KeepGrey,
    "exposure_fusion": ExposureFusion,
    "contrast_stretch": ContrastStretch,
    "exposure_trim": ExposureTrim,
    "protect_highlights": ProtectHighlights,
}


def chosen(options: CorrectionOptions) -> list[Step]:
    """The steps that the user adds to the model's own."""
    steps: list[tuple[bool, Step]] = [
        (options.fusion, ExposureFusion()),
        (options.contrast, ContrastStretch()),
        (options.ev != 0, ExposureTrim(options.ev)),
        (options.protect_highlights, ProtectHighlights()),
    ]
    return [step for wanted, step in steps if wanted]


def apply_steps(
    steps: Sequence[Step], prediction: np.ndarray, reference: np.ndarray
) -> tuple[np.ndarray, float]:
    """Apply steps in order: (prediction after them, product of their confidences, in [0, 1])."""
    confidence = 1.0
    for step in steps:
        prediction, remaining = step.with_confidence(prediction, reference)
        confidence *= remaining
    return prediction, confidence


def to_dict(step: Step) -> dict[str, Any]:
    """{"step": its name in ``STEPS``, parameter: value, ...}."""
    name = next(name for name, kind in STEPS.items() if type(step) is kind)
    return {"step": name} | asdict(step)


def from_dict(settings: Mapping[str, Any]) -> Step:
    """Inverse of ``to_dict``; parameters that are not given have their defaults.

    Raises UsageError for an unknown step or parameter, or a value of another kind.
    """
    if not isinstance(settings, Mapping) or settings.get("step") not in STEPS:
        raise UsageError(f"unknown step in {settings!r:.60}; known are {', '.join(STEPS)}")
    name = settings["step"]
    parameters = {key: value for key, value in settings.items() if key != "step"}
    check(parameters, STEPS[name], name)
    return STEPS[name](**parameters)


def confidence_of(size: float, half: float, slope: float) -> float:
    """p = size^slope / (size^slope + half^slope), in [0, 1]; 1 if ``half`` is 0."""
    if not half:
        return 1.0
    return float(1 / (1 + (half / max(size, _FLOOR)) ** slope))


def exposure_error(before: np.ndarray, after: np.ndarray) -> float:
    """Exposure error in EV that a correction removes: negative when underexposed.

    before, after: h x w x 3 sRGB in [0, 1]. Minus the change of the mean of log2 of the linear
    luminance.
    """
    return float(colour.log_luminance(before).mean() - colour.log_luminance(after).mean())
