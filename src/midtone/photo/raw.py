"""Camera RAW, developed by LibRaw. Needs rawpy."""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from midtone.errors import PhotoError
from midtone.photo import exif, jpeg_segments, tiff
from midtone.photo.metadata import Metadata
from midtone.photo.orientation import upright
from midtone.photo.photo import Photo

_MAGIC = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM", b"II\x1a\0")
_CR3 = b"crx "
_DNG_VERSION, _PHOTOMETRIC, _SUBDIRECTORIES = 0xC612, 0x0106, 0x014A
_MAKER_NOTE = 0x927C
_MOSAIC = (32803, 34892)  # colour filter array, linear RAW


def is_installed() -> bool:
    """Whether RAW files can be read."""
    try:
        import rawpy  # noqa: F401
    except ImportError:
        return False
    return True


def is_raw(data: bytes) -> bool:
    """Whether the content is that of a RAW file, independent of its name."""
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
    block = _preview_exif(data)
    notes: tuple[str, ...] = ()
    if block is None:
        block, notes = _own_exif(data)
    photo = Photo(pixels, metadata=Metadata(block), format="RAW", notes=notes)
    return upright(photo, 1)  # LibRaw has turned it


def preview(data: bytes) -> bytes | None:
    """The JPEG that a camera put into its RAW file; the metadata are taken from it."""
    import rawpy

    try:
        with _opened(data) as raw:
            thumbnail = raw.extract_thumb()
    except (PhotoError, rawpy.LibRawError):
        return None
    return bytes(thumbnail.data) if thumbnail.format == rawpy.ThumbFormat.JPEG else None


def _preview_exif(data: bytes) -> bytes | None:
    embedded = preview(data)
    if embedded is not None:
        with contextlib.suppress(PhotoError):
            return jpeg_segments.metadata_of(jpeg_segments.parse(embedded))[0].exif
    return None


def _own_exif(data: bytes) -> tuple[bytes | None, tuple[str, ...]]:
    """EXIF of a RAW file that is a TIFF, without what describes the mosaic, and notes."""
    try:
        file = exif.Directories(data)
    except ValueError:
        return None, ()
    kept, has_maker_note = [], False
    for value in file.values(file.first):
        if value.tag in tiff.LAYOUT or value.tag >= _DNG_VERSION or value.tag == exif.ORIENTATION:
            continue
        if value.directory is not None:  # maker notes hold offsets into the file
            inner = tuple(v for v in value.directory if v.tag != _MAKER_NOTE)
            has_maker_note |= len(inner) < len(value.directory)
            value = replace(value, directory=inner)
        kept.append(value)
    notes = ("left out: maker notes",) if has_maker_note else ()
    return (exif.pack(kept, file.order) if kept else None), notes


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
