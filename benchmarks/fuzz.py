"""Mutated photographs through `read` and `fix`: no crash, no hang, no traceback, bounded memory.

    python benchmarks/fuzz.py [--reads 20000] [--fixes 500] [--seed 1] [--folder FOLDER]

Valid JPEG, PNG, TIFF, WebP, AVIF and HEIC files of many kinds, with metadata, are damaged: bytes
changed, cut out, doubled, swapped, the end cut off, lengths and dimensions overwritten. Each `read`
must return a photograph or raise midtone.Error within ten CPU seconds; each `fix` must end with
code 0 or 1 and leave a whole file or none. Ends with 1 and keeps the file if one does not. The
photographs below FOLDER are damaged instead, if one is given.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import io
import logging
import resource
import sys
import tempfile
import time
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from midtone import photo
from midtone.batch import inputs
from midtone.batch.correct_one import correct_one
from midtone.corrector import Corrector
from midtone.errors import Error
from midtone.options import FileOptions

LIMIT = 10.0  # seconds of CPU time
HANG = 300  # seconds
MEMORY = 1_500_000_000  # bytes of address space
LARGEST = 1_000_000  # bytes of a file
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF")
TIFFS = (
    {"bitspersample": 12}, {"compression": "lzw"}, {"compression": "jpeg"}, {"tile": (16, 16)},
    {"bigtiff": True}, {"byteorder": ">"}, {"planarconfig": "separate"},
    {"photometric": "miniswhite"},
)  # fmt: skip


def seeds(rng: np.random.Generator) -> list[tuple[str, bytes]]:
    """Small valid files of all kinds: (suffix, bytes)."""
    files = []
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    exif.get_ifd(0x8825)[1] = "N"
    base = np.cumsum(rng.integers(-3, 4, (48, 64, 3)), 1).clip(-60, 60).astype(np.uint8) + 64
    for mode in ("RGB", "L", "RGBA", "P", "CMYK", "I;16", "1"):
        image = (
            Image.fromarray(base[..., 0].astype(np.uint16) * 257)
            if mode == "I;16"
            else Image.fromarray(base).convert(mode)
        )
        for format in FORMATS:
            stream = io.BytesIO()
            with contextlib.suppress(OSError, ValueError):
                image.save(stream, format, exif=exif)
                files.append((format.lower(), stream.getvalue()))
    block = exif.tobytes()
    metadata = photo.Metadata(
        block, b"<x:xmpmeta>dusk</x:xmpmeta>", b"\x1c\x02\x19\0\1a", (300, 300)
    )
    wanted = photo.WRITABLE if photo.FORMATS["HEIF"].is_installed else photo.WRITABLE[:-1]
    for format in wanted:
        for pixels in (base, base.astype(np.uint16) * 257):
            stream = io.BytesIO()
            photo.write(photo.Photo(pixels, metadata=metadata), stream, format=format)
            files.append((photo.FORMATS[format].suffix[1:], stream.getvalue()))
    for options in TIFFS:
        stream = io.BytesIO()
        wide = "bitspersample" in options or "photometric" in options
        array: np.ndarray = base[..., 0] if wide else base
        if "bitspersample" in options:
            array = array.astype(np.uint16) * 16
        array = np.moveaxis(array, 2, 0) if "planarconfig" in options else array
        colours = "minisblack" if wide else "rgb"
        tifffile.imwrite(stream, array, **({"photometric": colours} | options))
        files.append(("tif", stream.getvalue()))
    for bits in (8, 10, 12):
        deep = base if bits == 8 else base.astype(np.uint16) << (bits - 8)
        encoded = imagecodecs.avif_encode(deep, level=80, bitspersample=bits, primaries=12)
        files.append(("avif", bytes(encoded)))
    return files


def photographs(folder: Path) -> list[tuple[str, bytes]]:
    """Small photographs below a folder: (suffix of a result, bytes)."""
    found = []
    for path in sorted(folder.rglob("*")):
        format = photo.format_of(path)
        if format and path.is_file() and path.stat().st_size <= LARGEST:
            found.append((format.suffix[1:] if format.encode else "jpg", path.read_bytes()))
    return found


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """Damage a file in one to eight places."""
    damaged = bytearray(data)
    for _ in range(rng.integers(1, 9)):
        if len(damaged) < 4:
            break
        place = int(rng.integers(len(damaged)))
        length = int(rng.integers(1, 17))
        match rng.integers(7):
            case 0:
                damaged[place] ^= 1 << int(rng.integers(8))
            case 1:
                damaged[place : place + length] = rng.bytes(length)
            case 2:
                del damaged[place : place + length]
            case 3:
                damaged[place:place] = damaged[place : place + length]
            case 4:
                # Headers: lengths, dimensions, offsets.
                start = int(rng.integers(min(len(damaged), 200)))
                damaged[start : start + 4] = bytes([rng.choice([0, 1, 0x7F, 0xFF])] * 4)
            case 5:
                del damaged[place:]
            case 6:
                other = int(rng.integers(len(damaged)))
                damaged[place], damaged[other] = damaged[other], damaged[place]
    return bytes(damaged)


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reads", type=int, default=20_000)
    parser.add_argument("--fixes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="photographs of at most 1 MB")
    options = parser.parse_args()
    logging.getLogger().addHandler(logging.NullHandler())
    rng = np.random.default_rng(options.seed)
    files = photographs(options.folder) if options.folder else seeds(rng)
    corrector = Corrector(threads=1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    kept = Path(tempfile.mkdtemp(prefix="midtone-fuzz-"))
    current = kept / "current"
    opened = slowest = 0.0
    for number in range(options.reads + options.fixes):
        suffix, data = files[rng.integers(len(files))]
        data = mutate(data, rng)
        current.write_bytes(data)  # what remains if the process dies
        faulthandler.dump_traceback_later(HANG, exit=True)
        started = time.process_time()
        try:
            if number < options.reads:
                photo.read(data)
                opened += 1
            else:
                target = kept / f"out.{suffix}"
                result = correct_one(corrector, FileOptions(), inputs.Job(current, target))
                opened += result.error is None
                left = [path for path in kept.iterdir() if path not in (current, target)]
                if left or target.exists() != (result.error is None):
                    raise AssertionError(f"half written: {left}")
                target.unlink(missing_ok=True)
        except Error:
            pass
        except BaseException:
            print(f"{current}: number {number}")
            raise
        seconds = time.process_time() - started
        slowest = max(slowest, seconds)
        if seconds > LIMIT:
            print(f"{current}: {seconds:.1f} s, number {number}")
            return 1
    faulthandler.cancel_dump_traceback_later()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{options.reads} reads, {options.fixes} fixes, {opened:.0f} opened all the same; "
        f"slowest {slowest:.2f} s, peak {peak:.0f} MB"
    )
    current.unlink()
    kept.rmdir()
    return 0


if __name__ == "__main__":
    sys.exit(main())
