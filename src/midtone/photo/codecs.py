"""Pixels out of encoded files and into them, one pair of functions a format family.

imagecodecs (libjpeg-turbo, libpng) and tifffile work on arrays: no second copy of the picture in
another layout, and 16-bit colour, which Pillow has not. Pillow does the rest.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin

from midtone.errors import PhotoError
from midtone.photo.metadata import Metadata, into_jpeg, into_png

FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".avif": "AVIF",
    ".heic": "HEIF",
    ".heif": "HEIF",
}
_RAW = "3fr arw cr2 cr3 dng erf iiq kdc mef mos mrw nef nrw orf pef raf raw rw2 rwl sr2 srf srw x3f"
RAW_SUFFIXES = frozenset(f".{suffix}" for suffix in _RAW.split(" "))
SUFFIXES = frozenset(FORMATS) | RAW_SUFFIXES
# The longest side that a format can say.
LONGEST = {"JPEG": 65535, "WEBP": 16383, "AVIF": 65535, "HEIF": 65535}
ALPHA = {"PNG", "TIFF", "WEBP", "AVIF", "HEIF"}
SIXTEEN_BITS = {"PNG", "TIFF"}
LOSSY = {"JPEG", "WEBP", "AVIF", "HEIF"}
_SUBSAMPLING = {0: "444", 1: "422", 2: "420"}
# What a TIFF's first directory says of the photograph, not of its layout.
TIFF_TAGS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
TIFF_DIRECTORIES = (0x8769, 0x8825)
_IPTC_TAG, _XMP_TAG = 33723, 700


def decode_jpeg(data: bytes) -> np.ndarray:
    """H x W or H x W x 3 uint8; YCbCr becomes RGB. Raises PhotoError for a cut-off file."""
    import imagecodecs

    # The decoder fills what is missing with grey and says nothing.
    if data.rfind(b"\xff\xd9") < _scan(data):
        raise PhotoError("the file is cut off")
    return np.asarray(imagecodecs.jpeg8_decode(data))


def _scan(jpeg: bytes) -> int:
    """Where the first scan's data begin."""
    place = 2
    while place + 4 <= len(jpeg) and jpeg[place] == 0xFF:
        marker = jpeg[place + 1]
        if marker == 0xDA:
            return place
        place += 1 if marker == 0xFF else 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    return place


def decode_png(data: bytes) -> np.ndarray:
    """H x W [x channels], uint8 or uint16 as stored."""
    import imagecodecs

    return np.asarray(imagecodecs.png_decode(data))


def decode_tiff(data: bytes) -> tuple[np.ndarray, bool]:
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


def decode_raw(data: bytes) -> np.ndarray:
    """A camera's RAW file, developed as shot: H x W x 3 uint16 sRGB, upright. Needs rawpy."""
    try:
        import rawpy
    except ImportError as error:
        raise PhotoError("camera RAW needs midtone[raw]") from error
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            return np.asarray(
                raw.postprocess(use_camera_wb=True, no_auto_bright=True, output_bps=16)
            )
    except rawpy.LibRawError as error:
        raise PhotoError(f"LibRaw cannot read it ({error})") from error


def raw_preview(data: bytes) -> bytes | None:
    """The JPEG that a camera put into its RAW file, which carries the metadata."""
    import rawpy

    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            thumbnail = raw.extract_thumb()
    except rawpy.LibRawError:
        return None
    return bytes(thumbnail.data) if thumbnail.format == rawpy.ThumbFormat.JPEG else None


def _jpeg(pixels: np.ndarray, metadata: Metadata, quality: int, subsampling: int | None) -> bytes:
    import imagecodecs

    grey = pixels.shape[2] == 1
    encoded = imagecodecs.jpeg8_encode(
        np.ascontiguousarray(pixels[..., 0] if grey else pixels),
        level=quality,
        subsampling=None if grey else _SUBSAMPLING[subsampling or 0],
    )
    return into_jpeg(bytes(encoded), metadata)


def _png(pixels: np.ndarray, metadata: Metadata, quality: int, subsampling: int | None) -> bytes:
    import imagecodecs

    encoded = imagecodecs.png_encode(np.ascontiguousarray(_squeezed(pixels)), level=4)
    return into_png(bytes(encoded), metadata)


def _tiff(pixels: np.ndarray, metadata: Metadata, quality: int, subsampling: int | None) -> bytes:
    import tifffile

    stream = io.BytesIO()
    exif = Image.Exif()
    if metadata.exif:
        exif.load(metadata.exif)
    extra: list[tuple[Any, ...]] = [
        (tag, "s", 0, str(exif[tag]), True) for tag in TIFF_TAGS if tag in exif
    ]
    for tag, block in ((_XMP_TAG, metadata.xmp), (_IPTC_TAG, metadata.iptc)):
        if block:
            extra.append((tag, "B" if tag == _XMP_TAG else 7, len(block), block, True))
    tifffile.imwrite(
        stream,
        _squeezed(pixels),
        photometric="rgb" if pixels.shape[2] >= 3 else "minisblack",
        extrasamples=["unassalpha"] if pixels.shape[2] in (2, 4) else None,
        planarconfig="contig",
        compression="zlib",
        predictor=True,
        rowsperstrip=64,
        iccprofile=metadata.icc,
        resolution=metadata.dpi,
        resolutionunit="inch" if metadata.dpi else None,
        metadata=None,
        software=False,
        extratags=extra,
    )
    directories = {tag: exif.get_ifd(tag) for tag in TIFF_DIRECTORIES}
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


def _pillow(format: str) -> Callable[[np.ndarray, Metadata, int, int | None], bytes]:
    def encode(
        pixels: np.ndarray, metadata: Metadata, quality: int, subsampling: int | None
    ) -> bytes:
        options: dict[str, Any] = {
            "quality": quality,
            "exif": metadata.exif,
            "xmp": metadata.xmp,
            "icc_profile": metadata.icc,
        }
        if format == "WEBP":
            options["lossless"] = quality == 100
        elif format == "AVIF":
            options["subsampling"] = "4:2:0" if subsampling == 2 else "4:4:4"
        else:
            register_heif()
        stream = io.BytesIO()
        image = Image.fromarray(np.ascontiguousarray(_squeezed(pixels)))
        image.save(stream, format, **{k: v for k, v in options.items() if v is not None})
        return stream.getvalue()

    return encode


def register_heif() -> bool:
    """Let Pillow know HEIC if pillow-heif is there."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def _squeezed(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


# pixels (H x W x 1, 2, 3 or 4, uint8 or uint16), metadata, quality, chroma subsampling -> a file
ENCODERS: dict[str, Callable[[np.ndarray, Metadata, int, int | None], bytes]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "TIFF": _tiff,
    "WEBP": _pillow("WEBP"),
    "AVIF": _pillow("AVIF"),
    "HEIF": _pillow("HEIF"),
}
