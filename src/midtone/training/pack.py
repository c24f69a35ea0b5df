"""Photographs in one file, for a machine with a GPU.

``python -m midtone.training.pack PHOTOS -o photographs.pack`` reduces well exposed photographs to
320 px, compresses them as WebP and writes one safetensors file of at most 50 MiB. Reading it needs
Pillow, NumPy and safetensors only.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from midtone import atomic
from midtone.errors import Error, UsageError

SIDE, LIMIT = 320, 50 * 2**20
_QUALITIES = (95, 92, 90, 87, 85, 82, 80, 75, 70, 65, 60, 50, 40)
_SAMPLE = 64
_HEADER = 4096  # bytes of names and sizes, at most, but for the names themselves


def write_pack(
    photographs: Sequence[np.ndarray], good: Sequence[bool], path: Path, limit: int = LIMIT
) -> tuple[int, int]:
    """Write photographs, H x W x 3 uint8 each, to a file of at most ``limit`` bytes.

    good: whether each is well exposed
    Returns the WebP quality, the best of those that fit, and the size of the file in bytes. Raises
    UsageError if none fits.
    """
    sample = photographs[:: max(1, len(photographs) // _SAMPLE)]
    room = limit - _HEADER - 9 * len(photographs)
    for quality in _QUALITIES:
        expected = sum(len(_encode(image, quality)) for image in sample)
        if expected * len(photographs) / max(1, len(sample)) > room:
            continue
        encoded = [_encode(image, quality) for image in photographs]
        if sum(map(len, encoded)) > room:
            continue
        tensors = {
            "bytes": np.frombuffer(b"".join(encoded), np.uint8),
            "ends": np.cumsum([len(one) for one in encoded]),
            "good": np.array(good, np.uint8),
        }
        with atomic.writing(path) as temporary:
            save_file(tensors, temporary, {"midtone_pack": "1"})
        return quality, path.stat().st_size
    raise UsageError(
        f"{len(photographs)} photographs do not fit in {limit / 2**20:.0f} MiB; take fewer"
    )


def read_pack(path: Path) -> tuple[list[np.ndarray], list[bool]]:
    """The photographs of a pack, H x W x 3 uint8 each, and whether each is well exposed.

    Raises UsageError for other files.
    """
    try:
        with safe_open(path, "numpy") as file:
            data, ends = file.get_tensor("bytes").tobytes(), file.get_tensor("ends").tolist()
            good = file.get_tensor("good").astype(bool).tolist()
    except (OSError, SafetensorError) as error:
        raise UsageError(f"{path}: not a pack of photographs ({error})") from error
    starts = [0, *ends[:-1]]
    images = [
        np.asarray(Image.open(io.BytesIO(data[start:end])).convert("RGB"))
        for start, end in zip(starts, ends, strict=True)
    ]
    return images, good


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a pack of a folder; returns the exit code."""
    from midtone.data.photographs import decode, find_photos, is_well_exposed

    parser = argparse.ArgumentParser(prog="python -m midtone.training.pack", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="PHOTOS")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=SIDE, help=f"longest side in px ({SIDE})")
    parser.add_argument("--count", type=int, help="largest number of photographs, evenly chosen")
    parser.add_argument(
        "--all", action="store_true", help="the others, too, for stages with unchanged_others"
    )
    parser.add_argument("--limit", type=float, default=LIMIT / 2**20, help="of the file, MiB (50)")
    options = parser.parse_args(arguments)
    photographs, good, left_out = [], [], 0
    found = find_photos(options.folder)
    every = max(1, -(-len(found) // options.count)) if options.count else 1
    for path in found[::every]:
        try:
            image = decode(path, options.size)
        except Error as error:
            print(f"{error}; left out", file=sys.stderr)
            continue
        if options.all or is_well_exposed(image):
            photographs.append(image)
            good.append(is_well_exposed(image))
        else:
            left_out += 1
    try:
        quality, size = write_pack(photographs, good, options.out, round(options.limit * 2**20))
    except Error as error:
        print(error, file=sys.stderr)
        return 2
    print(
        f"{options.out}: {len(photographs)} photographs, WebP quality {quality}, "
        f"{size / 2**20:.1f} MiB; {left_out} are dark, bright or flat as a whole and left out"
    )
    return 0


def _encode(image: np.ndarray, quality: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "WEBP", quality=quality, method=4)
    return stream.getvalue()


if __name__ == "__main__":
    sys.exit(main())
