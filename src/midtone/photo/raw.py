"""Camera RAW, developed by LibRaw. Needs rawpy."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from midtone.errors import PhotoError
from midtone.photo import exif, jpeg_segments, tiff
from midtone.photo.ifd import Directories
from midtone.photo.metadata import Metadata
from midtone.photo.orientation import upright
from midtone.photo.photo import Photo

_MAGIC = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM", b"II\x1a\0")
_CR3 = b"crx "
_PHASE_ONE = (b"IIII", b"MMMM")
_DNG_VERSION, _PHOTOMETRIC = 0xC612, 0x0106
_XMP, _DNG_PRIVATE = 700, 0xC634
_STANDARD_ERROR = threading.Lock()
_BY_LIBRAW = b"unknown file: "
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
    if data[8:10] == b"CR" or data[8:12] in _PHASE_ONE:
        return True
    with contextlib.suppress(ValueError, struct.error):
        file = Directories(data)
        if file.find(file.first, _DNG_VERSION) is not None:
            return True
        return any(file.find(offset, _PHOTOMETRIC) in _MOSAIC for offset in _directories(file))
    return False


def _directories(file: Directories) -> Iterator[int]:
    """Offsets of the first directories and of those below them."""
    offset = file.first
    for _ in range(8):
        if not offset:
            return
        yield offset
        yield from file.sub_directories(offset)
        offset = file.next_directory(offset)


def read_size(data: bytes) -> tuple[int, int]:
    """(width, height) of the developed picture. Raises PhotoError."""
    with _opened(data) as raw:
        return raw.sizes.width, raw.sizes.height


def decode(data: bytes, salvage: bool = False) -> Photo:
    """Develop a file as shot: 16 bits, sRGB, with the EXIF of its preview. Raises PhotoError.

    salvage: accept a file that is cut off; what is missing becomes black
    """
    messages: list[str] = []
    with _opened(data, messages) as raw:
        pixels = np.asarray(raw.postprocess(use_camera_wb=True, no_auto_bright=True, output_bps=16))
    if not salvage and any("end of file" in message for message in messages):
        raise PhotoError("the file is cut off; use --salvage to correct what is there")
    notes: tuple[str, ...] = ()
    if messages:
        notes = (f"LibRaw: {', '.join(dict.fromkeys(messages))}",)
    block = _preview_exif(data)
    if block is None:
        block, more = _own_exif(data)
        notes += more
    if _has_xmp(data):
        notes += ("left out: XMP, which holds settings for the RAW file",)
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
        file = Directories(data)
    except ValueError:
        return None, ()
    kept, has_maker_note = [], file.bytes_of(file.first, _DNG_PRIVATE) is not None
    for value in file.values(file.first):
        if value.tag in tiff.LAYOUT or value.tag >= _DNG_VERSION or value.tag == exif.ORIENTATION:
            continue
        if value.directory is not None:  # maker notes hold offsets into the file
            inner = tuple(v for v in value.directory if v.tag != exif.MAKER_NOTE)
            has_maker_note |= len(inner) < len(value.directory)
            value = replace(value, directory=inner)
        kept.append(value)
    notes = ("left out: maker notes",) if has_maker_note else ()
    return (exif.pack(kept, file.order) if kept else None), notes


def _has_xmp(data: bytes) -> bool:
    """Whether a RAW file that is a TIFF has XMP, whose settings are meant for its mosaic."""
    with contextlib.suppress(ValueError):
        file = Directories(data)
        return file.bytes_of(file.first, _XMP) is not None
    return False


@contextlib.contextmanager
def _opened(data: bytes, messages: list[str] | None = None) -> Iterator[Any]:
    """LibRaw's object, and in ``messages`` what it prints meanwhile. Raises PhotoError."""
    try:
        import rawpy
    except ImportError as error:
        raise PhotoError("camera RAW needs midtone[raw]") from error
    try:
        with (
            _printed(messages if messages is not None else []),
            rawpy.imread(io.BytesIO(data)) as raw,
        ):
            yield raw
    except rawpy.LibRawError as error:
        raise unreadable(error) from error


def unreadable(error: Exception) -> PhotoError:
    """The error of a file that LibRaw refuses; its messages are bytes."""
    text = error.args[0] if error.args else error
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return PhotoError(f"LibRaw cannot read it ({text})")


@contextlib.contextmanager
def _printed(messages: list[str]) -> Iterator[None]:
    """Keep LibRaw's lines from standard error, which it writes to without asking.

    What other threads print meanwhile is printed afterwards.
    """
    with _STANDARD_ERROR, tempfile.TemporaryFile() as stream:
        try:
            saved = os.dup(2)
        except OSError:  # there is no standard error
            yield
            return
        os.dup2(stream.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            stream.seek(0)
            for line in stream:
                if line.startswith(_BY_LIBRAW):
                    text = line.removeprefix(_BY_LIBRAW).decode("utf-8", "replace").strip()
                    messages.append(text[:1].lower() + text[1:])
                else:
                    os.write(2, line)
