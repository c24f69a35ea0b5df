"""Measures of tone: change of exposure, whites, dark parts, skin.

Images are H x W x 3 uint8 sRGB. Exposure is the mean of ``colour.log_luminance``, so differences
are in EV.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from midtone import colour
from midtone.data.synthesize import expose

WHITE = 250  # code value from which a channel counts as white
LEAST = 200  # pixels that a region needs to be measured
_LINEAR = colour.srgb_to_linear(np.arange(256) / 255)
_RING = 8  # px: width of the surroundings of a white region
# Groups of skin by individual typology angle, in degrees: from the first limit downwards.
SKIN_GROUPS = {"light": 41.0, "intermediate": 28.0, "tan": 10.0, "brown": -30.0, "dark": -90.0}


def log_luminance(codes: np.ndarray) -> np.ndarray:
    """``colour.log_luminance`` of ... x 3 uint8, by a table: ... float64."""
    luminance = _LINEAR[codes] @ np.array(colour.REC709)
    return np.asarray(np.log2(np.maximum(luminance, _LINEAR[1])))


def exposure_change(
    before: np.ndarray, after: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Mean change of the log luminance in EV, positive where ``after`` is brighter.

    weights: H x W, not negative, of each pixel; all alike by default
    """
    if weights is None:
        return float((log_luminance(after) - log_luminance(before)).mean())
    there = weights > 0
    change = log_luminance(after[there]) - log_luminance(before[there])
    return float(np.average(change, weights=weights[there]))


def mean_change(before: np.ndarray, after: np.ndarray) -> float:
    """Mean absolute change in code values."""
    return float(np.abs(after.astype(np.int16) - before).mean())


@dataclass(frozen=True, kw_only=True)
class White:
    """What became of the pixels that are white in the input.

    share:  of the picture that is white
    median: of the result's luma in the white region, in code values
    low:    its 5 % quantile
    top:    99.9 % quantile of the luma of the whole result
    rim:    CIELAB lightness by which the region's outermost pixels are darker than the light part
            (90 % quantile) of their surroundings; not below 0; None without surroundings
    cast:   mean CIELAB chroma in the region, 0 is neutral
    """

    share: float
    median: float
    low: float
    top: float
    rim: float | None
    cast: float


def measure_white(before: np.ndarray, after: np.ndarray, least: int = WHITE) -> White | None:
    """Compare a result with its input where all channels of the input are at least ``least``.

    None if that is fewer than 200 pixels.
    """
    import cv2

    white = (before >= least).all(2)
    if white.sum() < LEAST:
        return None
    luma = 255 * colour.luma(after / 255)
    lightness, chroma = lightness_chroma(after)
    region = cv2.morphologyEx(np.asarray(white, np.uint8), cv2.MORPH_OPEN, _disc(2))  # no specks
    border = region.astype(bool) & ~cv2.erode(region, _disc(1)).astype(bool)
    ring = (cv2.dilate(region, _disc(_RING)) - cv2.dilate(region, _disc(1))).astype(bool)
    rim = None
    if border.any() and ring.sum() >= LEAST:
        rim = max(0.0, float(np.quantile(lightness[ring], 0.9) - lightness[border].mean()))
    return White(
        share=float(white.mean()),
        median=float(np.median(luma[white])),
        low=float(np.quantile(luma[white], 0.05)),
        top=float(np.quantile(luma, 0.999)),
        rim=rim,
        cast=float(chroma[white].mean()),
    )


def lightness_chroma(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """CIELAB L* and C*ab, H x W float32 each."""
    lab = _lab(image)
    return lab[..., 0], np.hypot(lab[..., 1], lab[..., 2])


def dark_part(image: np.ndarray, radius: float = 1 / 16, epsilon: float = 0.05) -> np.ndarray:
    """The dark part of a picture as a mask along its edges: H x W float32 in [0, 1].

    Pixels below Otsu's threshold of the luma, smoothed by a guided filter (He, Sun, Tang, PAMI
    2013, eq. 5-8) whose guide is the luma. radius: of the filter, relative to the longer side;
    epsilon: luma contrast that counts as an edge.
    """
    import cv2

    luma = colour.luma(image.astype(np.float32) / 255)
    codes = np.rint(255 * luma).astype(np.uint8)
    threshold, _ = cv2.threshold(codes, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    mask = (codes <= threshold).astype(np.float32)
    side = 2 * max(1, round(radius * max(luma.shape))) + 1

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.blur(values, (side, side)))

    variance = mean(luma * luma) - mean(luma) ** 2
    slope = (mean(luma * mask) - mean(luma) * mean(mask)) / (variance + epsilon**2)
    offset = mean(mask) - slope * mean(luma)
    return np.clip(mean(slope) * luma + mean(offset), 0, 1)


def darken(image: np.ndarray, mask: np.ndarray, ev: float) -> np.ndarray:
    """A picture whose masked part was exposed ``ev`` otherwise. mask: H x W in [0, 1]."""
    share = mask[..., None]
    mixed = (1 - share) * image + share * expose(image, ev)
    return np.rint(mixed).astype(np.uint8)


def whiten_background(image: np.ndarray, share: float = 0.2) -> np.ndarray:
    """A picture on a light background with that made white, as products and documents are shown.

    Each channel is scaled so that all but ``share`` of the part above Otsu's threshold clips.
    """
    import cv2

    codes = np.rint(255 * colour.luma(image / 255)).astype(np.uint8)
    threshold, _ = cv2.threshold(codes, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    light = codes > threshold
    if not light.any():
        return image
    return np.rint(
        np.minimum(image * (255 / np.quantile(image[light], share, axis=0)), 255)
    ).astype(np.uint8)


@dataclass(frozen=True)
class Lift:
    """Change of exposure in EV of the dark and of the bright part of a picture."""

    dark: float
    bright: float


def measure_lift(before: np.ndarray, after: np.ndarray, mask: np.ndarray) -> Lift:
    """Change in the masked part and in the rest. mask: H x W in [0, 1]."""
    return Lift(exposure_change(before, after, mask), exposure_change(before, after, 1 - mask))


def skin_mask(image: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """Skin pixels of a face: H x W bool.

    box: x, y, width, height of the face in pixels. An ellipse round the nose, without its darkest
    and brightest fifth (eyes, nostrils, glare) and without what has not the hue of skin.
    """
    x, y, width, height = box
    mask = np.zeros(image.shape[:2], bool)
    within = slice(max(y, 0), y + height), slice(max(x, 0), x + width)
    rows, columns = np.ogrid[: image.shape[0], : image.shape[1]]
    across = (columns[:, within[1]] - (x + width / 2)) / (0.3 * width)
    down = (rows[within[0]] - (y + 0.57 * height)) / (0.3 * height)
    lab = _lab(image[within])
    skin = (across**2 + down**2 <= 1) & (lab[..., 1] > 0) & (lab[..., 2] > -5)
    if skin.any():
        low, high = np.quantile(lab[..., 0][skin], (0.2, 0.8))
        mask[within] = skin & (lab[..., 0] >= low) & (lab[..., 0] <= high)
    return mask


def typology_angle(image: np.ndarray, mask: np.ndarray) -> float:
    """Individual typology angle of skin in degrees: atan2(L* - 50, b*) of the median colour.

    Chardon, Cretois, Hourseau, International Journal of Cosmetic Science 13, 1991. mask: H x W bool
    """
    lightness, _, yellow = np.median(_lab(image[mask][None])[0], axis=0)
    return float(np.degrees(np.arctan2(lightness - 50, max(yellow, 1e-6))))


def skin_group(angle: float) -> str:
    """Name of the group of a typology angle, a key of ``SKIN_GROUPS``."""
    return next(name for name, least in SKIN_GROUPS.items() if angle >= least)


def _lab(image: np.ndarray) -> np.ndarray:
    import cv2

    return np.asarray(cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB))


def _disc(radius: int) -> np.ndarray:
    import cv2

    return np.asarray(
        cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    )
