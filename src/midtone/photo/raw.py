"""Camera RAW, developed by LibRaw. Needs rawpy."""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from midtone.errors import PhotoError
from midtone.photo import exif, jpeg_segments
from midtone.photo.metadata import Metadata
from midtone.photo.orientation import upright
from midtone.photo.photo import Photo

_MAGIC = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM", b"II\x1a\0")
_CR3 = b"crx "
_DNG_VERSION, _PHOTOMETRIC, _SUBDIRECTORIES = 0xC612, 0x0106, 0x014A
_MOSAIC = (32803, 34892)  # colour filter array, linear RAW


def is_installed() -> bool:
    """Whether RAW files can be read."""
    try:
        import rawpy  # noqa: F401
    except ImportError:
        return False
    return True


def is_raw(data: bytes) -> bool:
    """Whether the content is that of a RAW file, whatever its name."""
    if data.startswith(_MAGIC) or (data[4:8] == b"ftyp" and data[8:12] == _CR3):
        return True
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return False
    if data[8:10] == b"CR":
        return True
    with contextlib.suppress(ValueError, struct.error):
        file = exif.Directories(data)
        if file.find(file.first, _DNG_VERSION) is not None:
            return True
        return any(file.find(place, _PHOTOMETRIC) in _MOSAIC for place in _directories(file))
    return False


def _directories(file: exif.Directories) -> Iterator[int]:
    """Places of the first directories and of those below them."""
    place = file.first
    for _ in range(8):
        if not place:
            return
        yield place
        block = file.bytes_of(place, _SUBDIRECTORIES) or b""
        code = f"{file.order}{len(block) // 4}I"
        yield from struct.unpack_from(code, block)[:16]
        place = file.following(place)


def read_size(data: bytes) -> tuple[int, int]:
    """(width, height) of the developed picture. Raises PhotoError."""
    with _opened(data) as raw:
        return raw.sizes.width, raw.sizes.height


def decode(data: bytes, salvage: bool = False) -> Photo:
    """Develop a file as shot: 16 bits, sRGB, with the EXIF of its preview. Raises PhotoError."""
    with _opened(data) as raw:
        pixels = np.asarray(raw.postprocess(use_camera_wb=True, no_auto_bright=True, output_bps=16))
    embedded = preview(data)
    metadata = Metadata()
    if embedded:
        with contextlib.suppress(PhotoError):
            metadata = Metadata(jpeg_segments.metadata_of(jpeg_segments.parse(embedded))[0].exif)
    return upright(Photo(pixels, metadata=metadata, format="RAW"), 1)  # LibRaw has turned it


def preview(data: bytes) -> bytes | None:
    """The JPEG that a camera put into its RAW file, which carries the metadata."""
    import rawpy

    try:
        with _opened(data) as raw:
            thumbnail = raw.extract_thumb()
    except (PhotoError, rawpy.LibRawError):
        return None
    return bytes(thumbnail.data) if thumbnail.format == rawpy.ThumbFormat.JPEG else None


@contextlib.contextmanager
def _opened(data: bytes) -> Iterator[Any]:
    try:
        import rawpy
    except ImportError as error:
        raise PhotoError("camera RAW needs midtone[raw]") from error
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            yield raw
    except rawpy.LibRawError as error:
        text = error.args[0] if error.args else error
        text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        raise PhotoError(f"LibRaw cannot read it ({text})") from error
