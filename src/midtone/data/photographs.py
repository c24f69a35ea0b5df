"""Folders of photographs: found, decoded, chosen, split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from midtone import colour, photo
from midtone.data.pairs import Pair
from midtone.errors import PhotoError
from midtone.preprocess import resize


def find_photos(folder: Path) -> list[Path]:
    """Image files below a folder, sorted by name."""
    return sorted(p for p in folder.rglob("*") if photo.writable_as(p))


def hold_out(paths: Sequence[Path], every: int) -> tuple[list[Path], list[Path]]:
    """Split into (training, validation): every ``every``-th file of the sorted list validates.

    The last one does where there are fewer, so that there is always one.
    """
    held_out = paths[every - 1 :: every] or paths[-1:]
    chosen = set(held_out)
    return [path for path in paths if path not in chosen], list(held_out)


def is_well_exposed(image: np.ndarray) -> bool:
    """Whether a photograph can be a target: H x W x 3 uint8 sRGB.

    It is neither dark nor bright on the whole (mean luma within 0.26 and 0.68) and uses most of the
    range (1 % quantile at most 0.27, 99 % quantile at least 0.66).
    """
    luma = colour.luma(image / 255)
    low, high = np.percentile(luma, (1, 99))
    return bool(0.26 <= luma.mean() <= 0.68 and low <= 0.27 and high >= 0.66)


def decode(path: Path, longest_side: int | None = None) -> np.ndarray:
    """Decode a photograph as ``midtone fix`` does: H x W x 3 uint8 sRGB, upright.

    longest_side: larger photographs are reduced to it, in px. Raises PhotoError.
    """
    file = photo.open_file(path)
    image = file.reduced(longest_side) if longest_side else file.decode()
    if longest_side and max(image.size) > longest_side:
        pixels = resize(image.pixels, longest_side)
    elif image.icc is None and image.pixels.dtype == np.uint8:
        return np.ascontiguousarray(np.broadcast_to(image.pixels, (*image.pixels.shape[:2], 3)))
    else:
        pixels = np.ascontiguousarray(image.rgb[..., : image.pixels.shape[2]])
    return photo.to_8_bit(colour.to_srgb(pixels, image.icc))


def decode_pair(pair: Pair, longest_side: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Decode (input, reference) of a pair. Raises PhotoError if the two differ in size."""
    source, target = decode(pair.input, longest_side), decode(pair.reference, longest_side)
    if source.shape != target.shape:
        raise PhotoError(
            f"{pair.input}: is {source.shape[1]} x {source.shape[0]}, its reference "
            f"{pair.reference.name} {target.shape[1]} x {target.shape[0]}; a pair needs one size"
        )
    return source, target


def size_of(path: Path) -> tuple[int, int]:
    """(H, W) of an upright photograph. Raises PhotoError.

    Only JPEGs are measured without decoding all of them.
    """
    file = photo.open_file(path)
    width, height = file.upright_size(file.reduced(256))
    return height, width
