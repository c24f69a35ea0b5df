"""Windows of photographs: the paper's patches, and windows that show most of a photograph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance

from midtone import colour

_TRIES = 200


@dataclass(frozen=True)
class WindowModel:
    """How windows that show most of a photograph are cut.

    coverage:     smallest and largest side of a window, as a part of the photograph's side
    square_share: square windows that fill the patch; the others keep the photograph's aspect ratio
                  and are padded by reflection, as the network's input is when it corrects a photo
    turned_share: windows upside down, so that fewer photographs are learned by heart
    saturation:   smallest and largest factor of a window's saturation, before it is spoiled
    balance:      standard deviation of a channel's gain, relative, before it is spoiled
    collage_share: two photographs side by side or one above the other
    gamma:        standard deviation of the logarithm of a window's gamma, before it is spoiled:
                  good photographs of one scene differ as much, and no brightness can be learned by
                  heart
    swapped_share: windows whose channels are in another order, before they are spoiled: errors of
                  exposure do not know colours, and again fewer photographs are learned by heart
    """

    coverage: tuple[float, float] = (0.8, 1.0)
    square_share: float = 0.3
    turned_share: float = 0.2
    saturation: tuple[float, float] = (0.6, 1.3)
    balance: float = 0.0
    collage_share: float = 0.0
    gamma: float = 0.0
    swapped_share: float = 0.0


@dataclass(frozen=True)
class Window:
    """A part of a photograph, mirrored or turned upside down."""

    top: int
    left: int
    height: int
    width: int
    mirrored: bool = False
    turned: bool = False

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The window of an H x W x C image."""
        part = image[self.top : self.top + self.height, self.left : self.left + self.width]
        part = part[:, ::-1] if self.mirrored else part
        return part[::-1] if self.turned else part


def draw_window(shape: tuple[int, int], model: WindowModel, rng: np.random.Generator) -> Window:
    """A random window of an image of ``shape`` = (H, W), mirrored half of the time."""
    height, width = shape
    coverage = rng.uniform(*model.coverage)
    if rng.random() < model.square_share:
        rows = columns = max(1, round(coverage * min(height, width)))
    else:
        rows, columns = max(1, round(coverage * height)), max(1, round(coverage * width))
    return Window(
        *place(shape, rows, columns, rng),
        rows,
        columns,
        mirrored=rng.random() < 0.5,
        turned=rng.random() < model.turned_share,
    )


def place(
    shape: tuple[int, int], rows: int, columns: int, rng: np.random.Generator
) -> tuple[int, int]:
    """Top and left of a rows x columns window anywhere in an image of ``shape`` = (H, W)."""
    top = rng.integers(0, shape[0] - rows, endpoint=True)
    return int(top), int(rng.integers(0, shape[1] - columns, endpoint=True))


def draw_patch(reference: np.ndarray, size: int, rng: np.random.Generator) -> Window | None:
    """A random size x size window that the paper's rules accept, mirrored half of the time.

    reference: the well exposed image, H x W x 3 uint8. None after 200 rejected windows, or if the
    image is smaller than the patch.
    """
    height, width = reference.shape[:2]
    if min(height, width) < size:
        return None
    for _ in range(_TRIES):
        top, left = place((height, width), size, size, rng)
        if acceptable(reference[top : top + size, left : left + size]):
            return Window(top, left, size, size, mirrored=rng.random() < 0.5)
    return None


def acceptable(patch: np.ndarray) -> bool:
    """Whether a patch is neither dark, nor bright, nor flat (section 4.1 of the release's rules).

    patch: H x W x 3 uint8. Its mean must lie within 0.02 / 3 and 0.98, and the mean magnitude of
    the Sobel gradient of its luma (unnormalised kernels, edges replicated) be at least 0.06.
    """
    mean = patch.mean() / 255
    return bool(0.02 / 3 <= mean <= 0.98 and mean_gradient(patch) >= 0.06)


def mean_gradient(patch: np.ndarray) -> float:
    """Mean Sobel gradient magnitude of the luma of an H x W x 3 uint8 patch, luma in [0, 1]."""
    luma = np.pad(colour.luma(patch / 255), 1, mode="edge")
    smooth = luma[:, :-2] + 2 * luma[:, 1:-1] + luma[:, 2:]
    vertical = smooth[2:] - smooth[:-2]
    smooth = luma[:-2] + 2 * luma[1:-1] + luma[2:]
    horizontal = smooth[:, 2:] - smooth[:, :-2]
    return float(np.hypot(horizontal, vertical).mean())


def saturate(image: np.ndarray, factor: float) -> np.ndarray:
    """Multiply the saturation of an H x W x 3 uint8 image."""
    colour = ImageEnhance.Color(Image.fromarray(np.ascontiguousarray(image)))
    return np.asarray(colour.enhance(factor))


def balance(image: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Multiply the channels of an H x W x 3 uint8 image; the brightest gain becomes 1."""
    table = np.rint(np.arange(256)[:, None] * (gains / gains.max())).astype(np.uint8)
    return np.stack([table[:, channel][image[..., channel]] for channel in range(3)], -1)


def brighten(image: np.ndarray, gamma: float) -> np.ndarray:
    """Raise an H x W x 3 uint8 image, as part of its range, to the power ``gamma``."""
    return np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)[image]


def collage(one: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``one`` with a part, up to the half, of ``other`` in its place, cut straight across."""
    height, width = one.shape[:2]
    other = np.asarray(Image.fromarray(np.ascontiguousarray(other)).resize((width, height)))
    share = rng.uniform(0.2, 0.5)
    rows, columns = (
        (round(share * height), width) if rng.random() < 0.5 else (height, round(share * width))
    )
    mixed = one.copy()
    mixed[:rows, :columns] = other[:rows, :columns]
    return mixed


def fit(image: np.ndarray, size: int) -> np.ndarray:
    """Resize so that the longest side is ``size``."""
    height, width = image.shape[:2]
    scale = size / max(height, width)
    shape = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(
        Image.fromarray(np.ascontiguousarray(image)).resize(shape, Image.Resampling.BICUBIC)
    )


def pad_square(image: np.ndarray) -> np.ndarray:
    """Reflect at the bottom or at the right until both sides are equal."""
    height, width = image.shape[:2]
    size = max(height, width)
    return np.pad(image, ((0, size - height), (0, size - width), (0, 0)), mode="symmetric")
