"""When and with which settings a photograph was taken, by EXIF 2.32, section 4.6.5."""

from __future__ import annotations

import math
import struct

from midtone.photo.exif import HEAD
from midtone.photo.ifd import EXIF, Directories

_TIME, _SUBSECONDS = 0x9003, 0x9291
_EXPOSURE_TIME, _F_NUMBER, _SENSITIVITY = 0x829A, 0x829D, 0x8827


def time(exif: bytes | None) -> str | None:
    """Time of capture: "2026:11:26 18:30:00.25", with the fraction of a second if there is one.

    Times of one camera are in the order of their text. None if there is none.
    """
    found = _directory(exif)
    if found is None:
        return None
    block, directory = found
    when, fraction = (
        (block.bytes_of(directory, tag) or b"").split(b"\0")[0].strip().decode("ascii", "replace")
        for tag in (_TIME, _SUBSECONDS)
    )
    if not any(digit in when for digit in "123456789"):  # cameras without a clock write zeros
        return None
    return f"{when}.{fraction}" if fraction.isdigit() else when


def exposure(exif: bytes | None) -> float | None:
    """Exposure of the camera's settings in EV: log2 of time x sensitivity / f-number^2.

    One more is twice as bright. None if one of the three is missing.
    """
    found = _directory(exif)
    if found is None:
        return None
    block, directory = found
    seconds, stop = (_rational(block, directory, tag) for tag in (_EXPOSURE_TIME, _F_NUMBER))
    sensitivity = block.find(directory, _SENSITIVITY)
    if not seconds or not stop or not sensitivity:
        return None
    return math.log2(seconds * sensitivity / stop**2)


def _directory(exif: bytes | None) -> tuple[Directories, int] | None:
    """The block and the offset of the directory with the camera's settings."""
    try:
        block = Directories((exif or b"").removeprefix(HEAD))
    except ValueError:
        return None
    directory = block.find(block.first, EXIF)
    return (block, directory) if directory else None


def _rational(block: Directories, directory: int, tag: int) -> float | None:
    data = block.bytes_of(directory, tag) or b""
    if len(data) != 8:
        return None
    numerator, denominator = struct.unpack(f"{block.order}2I", data)
    return numerator / denominator if denominator else None
