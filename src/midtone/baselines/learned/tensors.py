"""Photographs <-> tensors, and tiles that keep the memory of any size bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Tile:
    """A rectangle of an image. Rows and columns are (first, one past the last).

    outer: the rectangle with its halo, cut off at the image's borders
    inner: the rectangle itself; the inner rectangles of all tiles cover the image once
    """

    outer: tuple[tuple[int, int], tuple[int, int]]
    inner: tuple[tuple[int, int], tuple[int, int]]

    def cut(self, image: Tensor) -> Tensor:
        """The outer rectangle of N x C x H x W."""
        (top, bottom), (left, right) = self.outer
        return image[..., top:bottom, left:right]

    def core(self, result: Tensor) -> Tensor:
        """The inner rectangle of what was made of ``cut``, at the same size."""
        (top, _), (left, _) = self.outer
        (first, last), (begin, end) = self.inner
        return result[..., first - top : last - top, begin - left : end - left]

    def paste(self, result: Tensor, whole: Tensor) -> None:
        """Write ``core`` of a result to its place in N x C x H x W."""
        (first, last), (begin, end) = self.inner
        whole[..., first:last, begin:end] = self.core(result).to(whole.device)


def tiles(height: int, width: int, halo: int, side: int = 512, multiple: int = 1) -> Iterator[Tile]:
    """Cover height x width with tiles of ``side`` px and a halo around each.

    multiple: every outer rectangle starts at a multiple of it, and its sides leave the same
    remainder as the image's, so that layers with strides sample the same pixels as in the whole
    image. ``side`` and ``halo`` must be multiples of it.
    """

    def spans(size: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        for start in range(0, size, side):
            stop = min(start + side, size)
            end = stop + halo + (size - stop - halo) % multiple
            yield (max(0, start - halo), min(size, end)), (start, stop)

    columns = list(spans(width))
    for outer_rows, inner_rows in spans(height):
        for outer_columns, inner_columns in columns:
            yield Tile((outer_rows, outer_columns), (inner_rows, inner_columns))


def apply_tiled(
    function: Callable[[Tensor], Tensor], image: Tensor, halo: int, side: int = 512
) -> Tensor:
    """Apply a function N x C x h x w -> N x D x h x w to an image tile by tile.

    Equals the function of the whole image if no output pixel depends on input further than ``halo``
    pixels away.
    """
    whole: Tensor | None = None
    height, width = image.shape[-2:]
    for tile in tiles(height, width, halo, side):
        result = function(tile.cut(image))
        if whole is None:
            whole = image.new_empty(*result.shape[:2], *image.shape[-2:])
        tile.paste(result, whole)
    assert whole is not None
    return whole


def device_of(network: nn.Module) -> torch.device:
    """The device of a network's parameters."""
    return next(network.parameters()).device


def to_tensor(image: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """H x W x 3 uint8 -> 1 x 3 x H x W float32 in [0, 1]."""
    values = torch.tensor(image, device=device)  # a copy: decoded photographs may be read-only
    return values.permute(2, 0, 1)[None].float() / 255


def to_image(tensor: Tensor) -> np.ndarray:
    """1 x 3 x H x W -> H x W x 3 uint8: clipped to [0, 1], rounded half up."""
    codes = (255 * tensor.clamp(0, 1) + 0.5).floor().to(torch.uint8)
    return np.ascontiguousarray(codes[0].permute(1, 2, 0).cpu().numpy())
