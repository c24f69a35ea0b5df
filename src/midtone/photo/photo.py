"""The photograph: pixels and what belongs to them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from midtone import colour, notebook
from midtone.photo.metadata import Metadata


@dataclass(frozen=True, repr=False)
class Photo:
    """Pixels and metadata of one photograph.

    Pixels stay as they were stored, so that a large photograph costs no more memory than it must.

    pixels:   H x W x 3 (RGB) or H x W x 1 (grey), uint8 or uint16 (or float in [0, 1] if it came
              from an array), upright, in the colour space of ``icc`` (sRGB or its grey if None)
    alpha:    H x W, uint8 or uint16, not premultiplied, or None
    icc:      the colour profile or None
    cicp:     (primaries, transfer) of ITU-T H.273 where no profile can describe them (HDR), or None
    metadata: EXIF, XMP, IPTC, resolution and more; the orientation in them is 1
    format:   name in ``codecs.FORMATS`` of what it came in, or None
    subsampling: of the chroma as Pillow numbers it (0: 4:4:4, 1: 4:2:2, 2: 4:2:0), or None
    quality:  of the JPEG it came from, estimated, 1 to 100; 100 if it came from a lossless WebP
    notes:    sentences on what could not be kept
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    icc: bytes | None = field(default=None, kw_only=True)
    cicp: tuple[int, int] | None = field(default=None, kw_only=True)
    metadata: Metadata = field(default=Metadata(), kw_only=True)
    format: str | None = field(default=None, kw_only=True)
    subsampling: int | None = field(default=None, kw_only=True)
    quality: int | None = field(default=None, kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @cached_property
    def rgb(self) -> np.ndarray:
        """H x W x 3 float32 in [0, 1], in the photograph's own colour space."""
        full = np.iinfo(self.pixels.dtype).max if self.pixels.dtype.kind == "u" else 1
        scaled = self.pixels.astype(np.float32) / np.float32(full)
        return np.broadcast_to(scaled, (*scaled.shape[:2], 3))

    @property
    def samples(self) -> np.ndarray:
        """Pixels and alpha in one array, H x W or H x W x 2 to 4, contiguous."""
        if self.alpha is not None:
            return np.concatenate((self.pixels, self.alpha[..., None]), 2)
        grey = self.pixels.shape[2] == 1
        return np.ascontiguousarray(self.pixels[..., 0] if grey else self.pixels)

    def __repr__(self) -> str:
        width, height = self.size
        kind = "grey" if self.pixels.shape[2] == 1 else "RGB"
        parts = [f"{width} x {height} {kind} {self.pixels.dtype}"]
        parts += [self.format] if self.format else []
        parts += [name for name in ("alpha", "icc") if getattr(self, name) is not None]
        return f"Photo({', '.join(parts)})"

    def _repr_png_(self) -> bytes:
        """The photograph in a notebook, reduced."""
        step = max(1, max(self.size) // notebook.LONGEST_SIDE)
        small = self.pixels[::step, ::step]
        full = np.iinfo(small.dtype).max if small.dtype.kind == "u" else 1
        return notebook.png(colour.to_srgb(small.astype(np.float32) / np.float32(full), self.icc))

    def with_pixels(self, pixels: np.ndarray) -> Photo:
        """The same photograph with other pixels."""
        return replace(self, pixels=pixels)
