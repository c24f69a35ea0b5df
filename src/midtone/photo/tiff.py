"""TIFF by tifffile, which decodes without libtiff and its messages; EXIF is a directory of its own.

TIFF 6.0; EXIF 2.32, section 4.6.
"""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from midtone.errors import PhotoError
from midtone.photo import exif, ifd, photoshop, tiff_samples, xmp
from midtone.photo.ifd import Directories, Value
from midtone.photo.metadata import Metadata
from midtone.photo.orientation import orientation_of, upright
from midtone.photo.photo import Photo

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_XMP, _IPTC, _PHOTOSHOP, _ICC, _ORIENTATION = 700, 33723, 34377, 34675, 274
_KIND, _WIDTH, _PHOTOSHOP_LAYERS = 254, 256, 37724
_RESOLUTION = _ACROSS, _DOWN, _UNIT = 282, 283, 296
# Tags of the pixels' layout, which a result has of its own, and what is kept in another way.
LAYOUT = frozenset(
    [254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284, 288,
     289, 290, 291, 292, 293, 317, 320, 321, 322, 323, 324, 325, 326, 327, 328, 330, 332, 333, 334,
     336, 337, 338, 339, 340, 341, 342, 343, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529,
     530, 531, 532, 34016, _XMP, _IPTC, _PHOTOSHOP, _ICC, _PHOTOSHOP_LAYERS, 50215, 50674, 65000]
)  # fmt: skip
# They hold offsets of their own.
MAKER_NOTES_MOVED = "its maker notes were moved; readers may not find all that is in them"
_REDUCED = 1  # flag of a directory that holds a preview
_SEPARATE_PLANES = 2
_PAGES = 1000
# The reader reports odd tags to a logger, which would print them.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def read_size(data: bytes) -> tuple[int, int]:
    """(width, height) as stored. Raises PhotoError."""
    with _first_page(data) as (page, _):
        return page.imagewidth, page.imagelength


def decode(data: bytes, salvage: bool = False) -> Photo:
    """The first page of a file. Raises PhotoError for a damaged or unsupported one."""
    with _first_page(data) as (page, others):
        tiff_samples.check_supported(page)
        _check_whole(page, len(data))
        icc = page.tags.valueof(_ICC)
        photo = tiff_samples.to_photo(page, _samples(page), bytes(icc) if icc else None)
    metadata, left_out = _metadata(data, page)
    others += _full_size_below(data, page.offset)
    if others:
        left_out.append(f"{others} more page{'s' * (others > 1)}")
    notes = photo.notes + ((f"left out: {', '.join(left_out)}",) if left_out else ())
    if exif.has_maker_note(metadata.exif):
        notes += (MAKER_NOTES_MOVED,)
    photo = replace(photo, metadata=metadata, format="TIFF", notes=notes)
    found = Directories(data).find(page.offset, exif.ORIENTATION)
    return upright(photo, orientation_of(metadata) if found is None else found)


def encode(photo: Photo, quality: int) -> bytes:
    """A TIFF file, deflated, of uint8 or uint16 pixels; ``quality`` has no meaning here.

    It has the byte order of the EXIF block, so that values are copied as they are.
    """
    import tifffile

    metadata = photo.metadata
    left_out = LAYOUT | {_ORIENTATION}
    if metadata.dpi and photo.format != "TIFF":
        left_out |= {*_RESOLUTION}
    order, values = _values(metadata.exif, left_out)
    for tag, block in (
        (_XMP, metadata.xmp), (_IPTC, metadata.iptc), (_PHOTOSHOP, metadata.photoshop),
    ):  # fmt: skip
        if block:
            kind = ifd.BYTE if tag == _XMP else ifd.UNDEFINED
            values.append(Value(tag, kind, len(block), block))
    stream = io.BytesIO()
    tifffile.imwrite(
        stream,
        photo.samples,
        byteorder=order,
        bigtiff=False,
        photometric="rgb" if photo.pixels.shape[2] == 3 else "minisblack",
        extrasamples=None if photo.alpha is None else ["unassalpha"],
        planarconfig="contig",
        compression="zlib",
        predictor=True,
        rowsperstrip=64,
        iccprofile=photo.icc,
        resolution=metadata.dpi,
        resolutionunit="inch" if metadata.dpi else None,
        metadata=None,
        software=False,
    )
    _add_values(stream, values, order)
    return stream.getvalue()


def _values(block: bytes | None, left_out: frozenset[int]) -> tuple[Any, list[Value]]:
    """Byte order and values of an EXIF block, without these tags."""
    if block is None:
        return "<", []
    try:
        directories = Directories(block.removeprefix(exif.HEAD))
    except ValueError:
        return "<", []
    values = directories.values(directories.first)
    return directories.order, [value for value in values if value.tag not in left_out]


def _add_values(stream: io.BytesIO, values: list[Value], order: str) -> None:
    """Write the first directory anew at the end of a file, with more entries."""
    data = stream.getvalue()
    (first,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, first)
    code = f"{order}H"
    entries = [data[at : at + 12] for at in range(first + 2, first + 2 + 12 * count, 12)]
    offset = stream.seek(0, io.SEEK_END)
    offset += stream.write(bytes(offset % 2))
    added, rest = ifd.pack_entries(values, order, offset)
    new = {value.tag for value in values}
    entries = [entry for entry in entries if struct.unpack_from(code, entry)[0] not in new]
    entries = sorted(entries + added, key=lambda entry: struct.unpack_from(code, entry)[0])
    offset += stream.write(rest)
    stream.write(struct.pack(code, len(entries)) + b"".join(entries) + bytes(4))
    stream.seek(4)
    stream.write(struct.pack(f"{order}I", offset))


@contextmanager
def _first_page(data: bytes) -> Iterator[tuple[Any, int]]:
    """The first directory that is no preview, and how many more pages there are."""
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data), _multifile=False) as file:
        pages = []
        for page in file.pages:
            if isinstance(page, tifffile.TiffPage):
                pages.append(page)
            else:
                pages.append(page.aspage())
            if len(pages) == _PAGES:
                break
        full = [page for page in pages if not int(page.subfiletype) & _REDUCED]
        if not pages:
            raise PhotoError("damaged or incomplete image (no page in it)")
        page = full[0] if full else pages[0]
        if not page.imagewidth or not page.imagelength:
            raise PhotoError("damaged or incomplete image (no size)")
        yield page, max(len(full) - 1, 0)


def _full_size_below(data: bytes, page: int) -> int:
    """How many directories below a page hold a picture that is no preview."""
    file = Directories(data)
    return sum(
        file.find(offset, _WIDTH) is not None and not (file.find(offset, _KIND) or 0) & _REDUCED
        for offset in file.sub_directories(page)
    )


def _check_whole(page: Any, length: int) -> None:
    """Raise PhotoError if pixels lie beyond the end of the file or nowhere."""
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        if not offset or not count:
            raise PhotoError("damaged or incomplete image (a strip is missing)")
        if offset + count > length:
            raise PhotoError("the file is cut off")
    per_plane = page.samplesperpixel if page.planarconfig == _SEPARATE_PLANES else 1
    height = page.tilelength or page.rowsperstrip
    rows = -(-page.imagelength // max(1, min(height, page.imagelength)))
    columns = -(-page.imagewidth // page.tilewidth) if page.tilewidth else 1
    if len(page.dataoffsets) < rows * columns * per_plane:
        raise PhotoError("damaged or incomplete image (strips are missing)")


def _samples(page: Any) -> np.ndarray:
    """The decoded samples of a page, H x W x S. Raises PhotoError."""
    samples = page.asarray(maxworkers=1)
    if samples.ndim == 2:
        return samples[..., None]
    if samples.ndim != 3:
        raise PhotoError(f"{samples.ndim}-dimensional TIFF is not supported")
    is_separate = page.planarconfig == _SEPARATE_PLANES and page.samplesperpixel > 1
    return np.moveaxis(samples, 0, -1) if is_separate else samples


def _metadata(data: bytes, page: Any) -> tuple[Metadata, list[str]]:
    """The metadata of a page, and names of what cannot be kept."""
    directories = Directories(data)
    offset = page.offset
    values = [v for v in directories.values(offset) if v.tag not in LAYOUT | {_ORIENTATION}]
    packet = directories.bytes_of(offset, _XMP)
    iptc, resources = photoshop.split(directories.bytes_of(offset, _PHOTOSHOP) or b"")
    metadata = Metadata(
        exif.pack(values, directories.order) if values else None,
        xmp.to_utf8(packet) if packet else None,
        directories.bytes_of(offset, _IPTC) or iptc,
        _dpi(page),
        photoshop=resources,
    )
    layers = directories.bytes_of(offset, _PHOTOSHOP_LAYERS) is not None
    return metadata, ["Photoshop layers"] if layers else []


def _dpi(page: Any) -> tuple[float, float] | None:
    """The resolution of a page in pixels per inch, if it has a unit."""
    scale = {2: 1.0, 3: 2.54}.get(int(page.tags.valueof(_UNIT, 2)))
    found = []
    for tag in (_ACROSS, _DOWN):
        value = page.tags.valueof(tag)
        if not isinstance(value, tuple) or len(value) != 2 or not value[1]:
            return None
        found.append(value[0] / value[1])
    return (found[0] * scale, found[1] * scale) if scale and min(found) > 0 else None
