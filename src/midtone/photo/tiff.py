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
from PIL import Image

from midtone import colour
from midtone.errors import PhotoError
from midtone.photo import exif, photoshop, xmp
from midtone.photo.exif import Value
from midtone.photo.metadata import Metadata
from midtone.photo.orientation import orientation_of, upright
from midtone.photo.photo import Photo

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_XMP, _IPTC, _PHOTOSHOP, _ICC, _ORIENTATION = 700, 33723, 34377, 34675, 274
# Tags of the pixels' layout, which a result has of its own, and what is kept in another way.
LAYOUT = frozenset(
    [254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 277, 278, 279, 280, 281, 284,
     288, 289, 290, 291, 292, 293, 317, 320, 321, 322, 323,
     324, 325, 326, 327, 328, 330, 332, 333, 334, 336, 337, 338, 339, 340, 341, 342, 343, 347, 512,
     513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 34016, _XMP, _IPTC, _PHOTOSHOP,
     _ICC, 37724, 50215, 50674, 65000]
)  # fmt: skip
_KIND, _WIDTH = 254, 256
# They hold offsets of their own.
MAKER_NOTES_MOVED = "its maker notes were moved; readers may not find all that is in them"
_RESOLUTION = frozenset([282, 283, 296])
_REDUCED = 1  # flag of a directory that holds a preview
_UNSPECIFIED, _ASSOCIATED, _UNASSOCIATED = 0, 1, 2
_GREY, _RGB, _PALETTE, _CMYK, _YCBCR = (0, 1), 2, 3, 5, 6
_WHITE_IS_ZERO = 0
_UNSIGNED, _KINDS = 1, {2: "signed integer", 3: "floating-point", 4: "undefined", 5: "complex",
                        6: "complex"}  # fmt: skip
_OLD_JPEG, _JPEG = 6, 7
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
        _check_supported(page)
        _check_whole(page, len(data))
        samples = page.asarray(maxworkers=1)
        samples = samples[..., None] if samples.ndim == 2 else samples
        if page.planarconfig == 2 and page.samplesperpixel > 1 and samples.ndim == 3:
            samples = np.moveaxis(samples, 0, -1)
        if samples.ndim != 3:
            raise PhotoError(f"{samples.ndim}-dimensional TIFF is not supported")
        photo = _photo_of(page, samples)
    metadata, left_out = _metadata(data, page)
    others += _full_size_below(data, page.offset)
    if others:
        left_out.append(f"{others} more page{'s' * (others > 1)}")
    notes = photo.notes + ((f"left out: {', '.join(left_out)}",) if left_out else ())
    if exif.has_maker_note(metadata.exif):
        notes += (MAKER_NOTES_MOVED,)
    photo = replace(photo, metadata=metadata, format="TIFF", notes=notes)
    found = exif.Directories(data).find(page.offset, exif.ORIENTATION)
    return upright(photo, orientation_of(metadata) if found is None else found)


def encode(photo: Photo, quality: int) -> bytes:
    """A TIFF file, deflated, of uint8 or uint16 pixels; ``quality`` has no meaning here.

    It has the byte order of the EXIF block, so that values are copied as they are.
    """
    import tifffile

    metadata = photo.metadata
    left_out = LAYOUT | {_ORIENTATION}
    if metadata.dpi and photo.format != "TIFF":
        left_out |= _RESOLUTION
    order, values = _values(metadata.exif, left_out)
    for tag, block in (
        (_XMP, metadata.xmp), (_IPTC, metadata.iptc), (_PHOTOSHOP, metadata.photoshop),
    ):  # fmt: skip
        if block:
            kind = exif.BYTE if tag == _XMP else exif.UNDEFINED
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
        directories = exif.Directories(block.removeprefix(exif.HEAD))
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
    place = stream.seek(0, io.SEEK_END)
    place += stream.write(bytes(place % 2))
    added, rest = exif.pack_entries(values, order, place)
    new = {value.tag for value in values}
    entries = [entry for entry in entries if struct.unpack_from(code, entry)[0] not in new]
    entries = sorted(entries + added, key=lambda entry: struct.unpack_from(code, entry)[0])
    place += stream.write(rest)
    stream.write(struct.pack(code, len(entries)) + b"".join(entries) + bytes(4))
    stream.seek(4)
    stream.write(struct.pack(f"{order}I", place))


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
    file = exif.Directories(data)
    return sum(
        file.find(place, _WIDTH) is not None and not (file.find(place, _KIND) or 0) & _REDUCED
        for place in file.below(page)
    )


def _check_supported(page: Any) -> None:
    """Raise PhotoError, which names what is not supported."""
    photometric, bits = int(page.photometric), page.bitspersample
    if page.imagedepth > 1:
        raise PhotoError("TIFF of volumes is not supported")
    if isinstance(bits, tuple):
        raise PhotoError(f"TIFF with channels of {bits} bits is not supported")
    kind = int(page.sampleformat)
    if kind != _UNSIGNED:
        name = _KINDS.get(kind, f"sample format {kind}")
        raise PhotoError(
            f"{bits}-bit {name} TIFF is not supported yet; convert it to 16-bit integers"
        )
    if bits > 16:
        raise PhotoError(f"{bits}-bit integer TIFF is not supported yet; convert it to 16 bits")
    if int(page.compression) == _OLD_JPEG:
        raise PhotoError("old-style JPEG TIFF is not supported; convert it to another compression")
    is_jpeg = int(page.compression) == _JPEG
    if photometric not in (*_GREY, _RGB, _PALETTE, _CMYK) and not (
        photometric == _YCBCR and is_jpeg
    ):
        name = getattr(page.photometric, "name", str(photometric))
        raise PhotoError(f"{name} TIFF is not supported; convert it to RGB")


def _check_whole(page: Any, length: int) -> None:
    """Raise PhotoError if pixels lie beyond the end of the file or nowhere."""
    for place, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        if not place or not count:
            raise PhotoError("damaged or incomplete image (a strip is missing)")
        if place + count > length:
            raise PhotoError("the file is cut off")
    per_plane = page.samplesperpixel if page.planarconfig == 2 else 1
    height = page.tilelength or page.rowsperstrip
    rows = -(-page.imagelength // max(1, min(height, page.imagelength)))
    columns = -(-page.imagewidth // page.tilewidth) if page.tilewidth else 1
    if len(page.dataoffsets) < rows * columns * per_plane:
        raise PhotoError("damaged or incomplete image (strips are missing)")


def _photo_of(page: Any, samples: np.ndarray) -> Photo:
    """Pixels and alpha of decoded samples H x W x S."""
    photometric, bits = int(page.photometric), int(page.bitspersample)
    icc = page.tags.valueof(_ICC)
    icc = bytes(icc) if icc else None
    notes: tuple[str, ...] = ()
    colours = {_PALETTE: 1, _CMYK: 4, _RGB: 3, _YCBCR: 3}.get(photometric, 1)
    if samples.shape[2] < colours:
        raise PhotoError(f"TIFF with {samples.shape[2]} channels is not supported")
    pixels, extra = samples[..., :colours], samples[..., colours:]
    if photometric == _PALETTE:
        # A colour map has 16 bits; what 8 can say stays 8.
        table = np.asarray(page.colormap, np.uint16).T
        if table.max(initial=0) < 256:  # written by old programs
            table = table * np.uint16(257)
        narrow = not (table % 257).any() or not (table & 255).any()
        table = (table >> 8).astype(np.uint8) if narrow else table
        pixels = table[np.minimum(pixels[..., 0], len(table) - 1)]
    else:
        pixels = _full_range(pixels, bits)
        if photometric == _WHITE_IS_ZERO:
            pixels = np.iinfo(pixels.dtype).max - pixels
        if bits not in (1, 8, 16):
            notes += (f"{bits} bits became {8 * pixels.itemsize}",)
    if photometric == _CMYK:
        image = Image.fromarray(_to_8_bit(pixels), "CMYK")
        pixels, icc = np.asarray(colour.cmyk_to_rgb(image, icc)), None
        notes += ("CMYK became sRGB",)
    kinds = [int(kind) for kind in page.extrasamples][: extra.shape[2]]
    alpha, alpha_at = None, None
    for kind in (_UNASSOCIATED, _ASSOCIATED):
        if alpha_at is None and kind in kinds:
            alpha_at = kinds.index(kind)
            alpha = _full_range(extra[..., alpha_at], bits)
            alpha = _to_8_bit(alpha) if pixels.dtype == np.uint8 else alpha
            if kind == _ASSOCIATED:
                pixels = _unassociated(pixels, alpha)
    others = extra.shape[2] - (alpha is not None)
    if others:
        notes += (f"{others} channel{'s' * (others > 1)} besides colour left out",)
    return Photo(pixels, alpha, icc=icc, notes=notes)


def _full_range(samples: np.ndarray, bits: int) -> np.ndarray:
    """Codes of ``bits`` bits -> uint8 or uint16 codes of the full range, rounded."""
    if samples.dtype == np.bool_:
        return samples.astype(np.uint8) * np.uint8(255)
    if bits in (8, 16):
        return samples
    target = np.uint8 if bits < 8 else np.uint16
    full, wanted = (1 << bits) - 1, np.iinfo(target).max
    samples = np.minimum(samples.astype(np.uint32), full)
    return ((samples * wanted + full // 2) // full).astype(target)


def _to_8_bit(samples: np.ndarray) -> np.ndarray:
    if samples.dtype == np.uint8:
        return np.ascontiguousarray(samples)
    return ((samples.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _unassociated(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colour divided by its alpha (TIFF 6.0, section 18)."""
    full = np.iinfo(pixels.dtype).max
    below = np.maximum(alpha, 1)[..., None].astype(np.uint64)
    divided = (pixels.astype(np.uint64) * full + below // 2) // below
    return np.minimum(divided, full).astype(pixels.dtype)


def _metadata(data: bytes, page: Any) -> tuple[Metadata, list[str]]:
    """The metadata of a page, and names of what cannot be kept."""
    directories = exif.Directories(data)
    place = page.offset
    values = [v for v in directories.values(place) if v.tag not in LAYOUT | {_ORIENTATION}]
    packet = directories.bytes_of(place, _XMP)
    iptc, resources = photoshop.split(directories.bytes_of(place, _PHOTOSHOP) or b"")
    metadata = Metadata(
        exif.pack(values, directories.order) if values else None,
        xmp.to_utf8(packet) if packet else None,
        directories.bytes_of(place, _IPTC) or iptc,
        _dpi(page),
        photoshop=resources,
    )
    layers = directories.bytes_of(place, 37724) is not None
    return metadata, ["Photoshop layers"] if layers else []


def _dpi(page: Any) -> tuple[float, float] | None:
    scale = {2: 1.0, 3: 2.54}.get(int(page.tags.valueof(296, 2)))
    found = []
    for tag in (282, 283):
        value = page.tags.valueof(tag)
        if not isinstance(value, tuple) or len(value) != 2 or not value[1]:
            return None
        found.append(value[0] / value[1])
    return (found[0] * scale, found[1] * scale) if scale and min(found) > 0 else None
