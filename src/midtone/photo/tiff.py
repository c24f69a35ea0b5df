"""TIFF: tifffile for 16-bit pixels and for writing; EXIF and GPS are directories of its own."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin

from midtone.errors import PhotoError
from midtone.photo import pillow_codec
from midtone.photo.photo import Photo

# What the first directory says of the photograph, not of its layout.
_TAGS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
_DIRECTORIES = (0x8769, 0x8825)
_BITS_PER_SAMPLE, _IPTC, _XMP = 258, 33723, 700


def decode(image: Image.Image, data: bytes) -> tuple[np.ndarray, np.ndarray | None]:
    """H x W or H x W x C, uint8 or uint16, and alpha."""
    if max(image.tag_v2.get(_BITS_PER_SAMPLE, (8,))) != 16:  # type: ignore[attr-defined]
        return pillow_codec.decode(image)
    pixels, alpha = _decode(data)
    return (pixels[..., :-1], pixels[..., -1]) if alpha else (pixels, None)


def _decode(data: bytes) -> tuple[np.ndarray, bool]:
    """First picture: H x W x channels uint8 or uint16, and whether its last channel is alpha.

    Raises PhotoError for pictures that are neither grey nor RGB.
    """
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        assert isinstance(page, tifffile.TiffPage)
        pixels = page.asarray()
        kind = page.photometric
        planar = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and pixels.ndim == 3
        samples, extra = page.samplesperpixel, len(page.extrasamples)
    if kind not in (
        tifffile.PHOTOMETRIC.RGB,
        tifffile.PHOTOMETRIC.MINISBLACK,
        tifffile.PHOTOMETRIC.MINISWHITE,
    ):
        raise PhotoError(f"{tifffile.PHOTOMETRIC(kind).name} pictures of 16 bits are not supported")
    pixels = np.moveaxis(pixels, 0, -1) if planar else pixels
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if kind == tifffile.PHOTOMETRIC.MINISWHITE:
        pixels[..., :1] = np.iinfo(pixels.dtype).max - pixels[..., :1]
    colours = samples - extra
    return pixels[..., : colours + bool(extra)], bool(extra)


def exif(image: Image.Image) -> bytes | None:
    """An EXIF block of the tags that a TIFF keeps in its own directories."""
    given = image.getexif()
    kept = Image.Exif()
    for tag in _TAGS:
        if tag in given:
            kept[tag] = given[tag]
    for tag in _DIRECTORIES:
        directory = given.get_ifd(tag)
        if directory:
            kept.get_ifd(tag).update(directory)
    return kept.tobytes() if len(kept) or any(map(kept.get_ifd, _DIRECTORIES)) else None


def iptc(image: Image.Image) -> bytes | None:
    """IPTC records as they are: some writers call them 32-bit numbers, which Pillow then counts."""
    found = image.tag_v2._tagdata.get(_IPTC)  # type: ignore[attr-defined]
    return found if isinstance(found, bytes) else None


def encode(photo: Photo, quality: int) -> bytes:
    """A TIFF file, deflated, of uint8 or uint16 pixels; ``quality`` has no meaning here."""
    import tifffile

    metadata = photo.metadata
    stream = io.BytesIO()
    exif = Image.Exif()
    if metadata.exif:
        exif.load(metadata.exif)
    extra: list[tuple[Any, ...]] = [
        (tag, "s", 0, str(exif[tag]), True) for tag in _TAGS if tag in exif
    ]
    for tag, block in ((_XMP, metadata.xmp), (_IPTC, metadata.iptc)):
        if block:
            extra.append((tag, "B" if tag == _XMP else 7, len(block), block, True))
    tifffile.imwrite(
        stream,
        photo.samples,
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
        extratags=extra,
    )
    directories = {tag: exif.get_ifd(tag) for tag in _DIRECTORIES}
    _add_directories(stream, {tag: values for tag, values in directories.items() if values})
    return stream.getvalue()


def _add_directories(stream: io.BytesIO, directories: dict[int, dict[int, Any]]) -> None:
    """Give a little-endian TIFF sub-directories, by their tags, and a first one that knows them."""
    entries = []
    for tag, values in directories.items():
        directory = TiffImagePlugin.ImageFileDirectory_v2(group=tag)
        for key, value in values.items():
            if key != ExifTags.IFD.Interop:
                directory[key] = value
        place = _even_end(stream)
        stream.write(directory.tobytes(place))
        entries.append(struct.pack("<HHII", tag, 4, 1, place))
    data = stream.getvalue()
    (first,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, first)
    entries += [data[at : at + 12] for at in range(first + 2, first + 2 + 12 * count, 12)]
    entries.sort(key=lambda entry: struct.unpack_from("<H", entry))
    place = _even_end(stream)
    stream.write(struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4))
    stream.seek(4)
    stream.write(struct.pack("<I", place))


def _even_end(stream: io.BytesIO) -> int:
    place = stream.seek(0, io.SEEK_END)
    return place + stream.write(bytes(place % 2))
