"""Contrast limited adaptive histogram equalisation (Zuiderveld, Graphics Gems IV, 1994)."""

from __future__ import annotations

import numpy as np


def clahe(image: np.ndarray, clip_limit: float = 2.0, tiles: int = 8) -> np.ndarray:
    """CLAHE of CIELAB lightness by OpenCV. H x W x 3 uint8 -> the same."""
    import cv2

    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(clip_limit, (tiles, tiles)).apply(lab[..., 0])
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))
