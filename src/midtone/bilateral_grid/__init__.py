"""Bilateral guided upsampling (Chen et al. 2016; Afifi et al. 2021, section 3.4).

``fit`` finds a small grid of affine colour transforms that maps one small image to another;
``slice_grid`` slices the grid with a full-size image as its own guide. The grid holds what changed,
the full-size image holds the detail, so the result is as sharp as the input.

Coordinates (0-based row r, column c of an h x w image; nodes at the integers 0 .. g - 1):

    gy = (r + .5)(gh - 1)/h,  gx = (c + .5)(gw - 1)/w,  gz = guide (gd - 1)
    guide = .25 R + .5 G + .25 B, or the grey value itself
"""

from midtone.bilateral_grid.fit import GUIDE, PAPER, Fitter, GridConfig, begin_fit, differences, fit
from midtone.bilateral_grid.slice import blend_with_identity, identity, slice_grid

__all__ = [
    "GUIDE", "PAPER", "Fitter", "GridConfig", "begin_fit", "blend_with_identity", "differences",
    "fit", "identity", "slice_grid",
]  # fmt: skip
