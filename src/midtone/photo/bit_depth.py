"""Codes of samples at another bit depth, rounded."""

from __future__ import annotations

import numpy as np


def to_8_bit(values: np.ndarray) -> np.ndarray:
    """Codes of 8 bits: uint8 or uint16, or float in [0, 1]."""
    if values.dtype == np.uint16:
        return ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    if values.dtype.kind == "f":
        return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return values


def to_full_range(samples: np.ndarray, bits: int) -> np.ndarray:
    """Codes of ``bits`` bits, or bool -> uint8 or uint16 codes of the full range."""
    if samples.dtype == np.bool_:
        return samples.astype(np.uint8) * np.uint8(255)
    if bits in (8, 16):
        return samples
    target = np.uint8 if bits < 8 else np.uint16
    full, wanted = (1 << bits) - 1, np.iinfo(target).max
    samples = np.minimum(samples.astype(np.uint32), full)
    return ((samples * wanted + full // 2) // full).astype(target)
