"""Inspect a photograph: how far off its exposure is, and what a correction would do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from midtone.batch.correct_one import plan_file
from midtone.correction import Correction
from midtone.corrector import Corrector
from midtone.photo import ImageFile

_CODE = 1 / 255
_LEAST = 0.005  # EV, which is shown as 0.00


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What is known of a photograph's exposure.

    exposure_error: estimated, in EV: negative when underexposed
    confidence:     the part of the network's correction that remains, in [0, 1]
    clipped_black:  share of the pixels of which all channels are at most 1 of 255
    clipped_white:  share of the pixels of which all channels are at least 254 of 255
    action:         what a correction does: "brighten", "darken" or "none"
    model, model_sha256: the model that estimated it
    The shares are of the photograph at the size of the network's input.
    """

    exposure_error: float
    confidence: float
    clipped_black: float
    clipped_white: float
    action: str
    model: str
    model_sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


def inspect_file(corrector: Corrector, file: ImageFile) -> Inspection:
    """Inspect an opened file. Raises PhotoError."""
    return describe(plan_file(corrector, file), corrector)


def describe(correction: Correction, corrector: Corrector) -> Inspection:
    """The inspection of the photograph that ``corrector`` planned ``correction`` for."""
    before, error = correction.before, correction.exposure_error
    action = "none" if abs(error) < _LEAST else "brighten" if error < 0 else "darken"
    info = corrector.model.info
    return Inspection(
        exposure_error=error,
        confidence=correction.confidence,
        clipped_black=float(np.mean(before.max(2) < 1.5 * _CODE)),
        clipped_white=float(np.mean(before.min(2) > 1 - 1.5 * _CODE)),
        action=action,
        model=info.name,
        model_sha256=info.sha256,
    )
