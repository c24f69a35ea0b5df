"""The correction of one photograph, at low resolution and ready to be applied at full size."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field

import numpy as np

from midtone import bilateral_grid, notebook
from midtone.errors import UsageError
from midtone.photo import Photo, Strips


@dataclass(frozen=True)
class LowResolution:
    """A photograph corrected at low resolution, before a grid is fitted.

    corrected: h x w x 3 float32 sRGB, after all steps, unclipped, at the prediction's size
    exposure_error, confidence: as in ``Correction``
    """

    corrected: np.ndarray
    exposure_error: float
    confidence: float


@dataclass(frozen=True)
class Correction:
    """The correction of one photograph, before it is applied at full size.

    before, after: the low-resolution image, uncorrected and corrected: h x w x 3 float32 sRGB in
                   [0, 1]
    grid:          bilateral grid in the photograph's own colour space
    exposure_error: estimated by the model, in EV: negative when underexposed
    confidence:     the part of the network's correction that remains, in [0, 1]
                    (``postprocess.ShrinkByConfidence``); 1 for a model without that step
    """

    before: np.ndarray = field(repr=False)
    after: np.ndarray = field(repr=False)
    grid: np.ndarray = field(repr=False)
    exposure_error: float
    _: KW_ONLY
    confidence: float = 1.0

    def _repr_html_(self) -> str:
        """The low-resolution image before and after, in a notebook."""
        caption = f"Exposure error {self.exposure_error:+.2f} EV"
        return notebook.side_by_side(self.before, self.after, caption)

    def slice(
        self, photo: Photo, strength: float, threads: int | None, *, in_place: bool = False
    ) -> Photo:
        """Apply the grid at full size: to the photograph it was fitted for, or another.

        strength: as in ``CorrectionOptions``
        in_place: overwrite the pixels. ``Strips`` are corrected when they are used.
        Raises UsageError if the grid is of a grey image and the photograph is not, or vice versa.
        """
        if self.grid.shape[3] != photo.pixels.shape[2]:
            raise UsageError(
                "a correction of a grey image fits grey images, one of a colour image colour images"
            )
        grid = bilateral_grid.blend_with_identity(self.grid, strength)
        pixels = photo.pixels
        if isinstance(pixels, Strips):
            height = pixels.shape[0]

            def change(top: int, strip: np.ndarray) -> np.ndarray:
                rows = (top, height)
                return bilateral_grid.slice_grid(grid, strip, out=strip, rows=rows, threads=1)

            return photo.with_pixels(pixels.change(change, threads))
        out = pixels if in_place and pixels.flags.writeable and pixels.flags.c_contiguous else None
        return photo.with_pixels(bilateral_grid.slice_grid(grid, pixels, out=out, threads=threads))
