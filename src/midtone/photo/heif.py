"""HEIC by libheif, AVIF by libavif; the boxes are read for what these decoders leave out."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from typing import Any

import numpy as np

from midtone import icc_profile
from midtone.errors import PhotoError
from midtone.photo import exif, heif_picture, isobmff, pillow_codec, xmp
from midtone.photo.bit_depth import to_full_range
from midtone.photo.heif_picture import Picture
from midtone.photo.metadata import Metadata
from midtone.photo.orientation import orientation_of, upright
from midtone.photo.photo import Photo

_DAMAGED = (ValueError, KeyError, IndexError, struct.error)
# 1.5 CPU seconds for 12 megapixels; blocks of 16 and slower presets save few bytes of a photograph.
_X265 = {
    "preset": "ultrafast",
    "x265:min-cu-size": "32",
    "x265:rd": "1",
    "x265:pools": "none",
    "x265:frame-threads": "1",
}
_AOM_SPEED = 9


def is_installed() -> bool:
    """Whether HEIC can be read and written."""
    try:
        import pillow_heif  # noqa: F401
    except ImportError:
        return False
    return True


def read_size(data: bytes) -> tuple[int, int]:
    """(width, height) as stored. Raises PhotoError for a damaged file or an animation."""
    if isobmff.is_sequence(data):
        raise PhotoError("an animated image, not a photograph")
    picture = _parse(data)
    if not picture.width or not picture.height:
        raise PhotoError("damaged or incomplete image (no size)")
    return picture.width, picture.height


def decode_avif(data: bytes, salvage: bool = False) -> Photo:
    """Decode a file: 8 bits, or 16 for deeper ones. Raises PhotoError for a damaged one."""
    import imagecodecs

    picture = _parse(data)
    if data[8:12] != b"avif":
        # For any other major brand libavif decodes a video instead of the picture, and frames of
        # another size than the video's damage the memory of imagecodecs.
        data = data[:8] + b"avif" + data[12:]
    samples = np.asarray(imagecodecs.avif_decode(data, index=0))
    if samples.dtype != np.uint8:
        samples = to_full_range(samples, picture.bits)
    photo = _photo(samples, picture, "AVIF")
    orientation = picture.orientation
    if orientation == 1 and picture.exif is None:  # irot and imir come before XMP
        orientation = orientation_of(photo.metadata)
    return upright(photo, orientation)


def decode_heic(data: bytes, salvage: bool = False) -> Photo:
    """Decode a file: 8 bits, or 16 for deeper ones. Raises PhotoError for a damaged one."""
    import pillow_heif

    picture = _parse(data)
    file = pillow_heif.open_heif(data, convert_hdr_to_8bit=False)
    image = file[file.primary_index]
    samples = np.array(image)  # libheif has turned it
    if image.mode.startswith(("La", "RGBa")):
        raise PhotoError("premultiplied transparency is not supported in HEIC")
    if picture.is_monochrome and samples.ndim == 3 and samples.shape[2] == 3:
        samples = samples[..., :1]
    return upright(_photo(samples, picture, "HEIF"), 1)


def encode_avif(photo: Photo, quality: int) -> bytes:
    """An AVIF file of uint8 pixels."""
    chroma = "4:4:4" if photo.subsampling == 0 else "4:2:0"
    encoded = pillow_codec.save(
        photo, "AVIF", quality=quality, subsampling=chroma, speed=_AOM_SPEED
    )
    return _with_cicp(encoded, photo.cicp)


def encode_heic(photo: Photo, quality: int) -> bytes:
    """A HEIC file of uint8 pixels. Needs pillow-heif."""
    import pillow_heif

    samples, kept = photo.samples, photo.metadata
    modes = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
    mode = modes[1 if samples.ndim == 2 else samples.shape[2]]
    file = pillow_heif.from_bytes(mode, photo.size, samples.tobytes())
    options: dict[str, Any] = {"exif": kept.exif, "xmp": kept.xmp}
    options = {name: block for name, block in options.items() if block}
    if photo.icc:
        info: dict[str, Any] = file[0].info
        info["icc_profile"], info["icc_profile_type"] = photo.icc, "prof"
    stream = io.BytesIO()
    chroma = 444 if photo.subsampling == 0 else 420
    file.save(stream, quality=quality, chroma=chroma, enc_params=dict(_X265), **options)
    return _with_cicp(stream.getvalue(), photo.cicp)


def _parse(data: bytes) -> Picture:
    try:
        return heif_picture.parse(data)
    except _DAMAGED as error:
        detail = "a box is missing" if isinstance(error, KeyError) else str(error)
        raise PhotoError(f"damaged or incomplete image ({detail})") from error


def _photo(samples: np.ndarray, picture: Picture, format: str) -> Photo:
    samples = np.atleast_3d(samples)
    channels = samples.shape[2]
    pixels, alpha = samples, None
    if channels in (2, 4):
        pixels, alpha = samples[..., :-1], samples[..., -1]
    icc, cicp = picture.icc, None
    if icc is None and picture.cicp:
        icc, cicp = icc_profile.cicp_profile(*picture.cicp, is_grey=pixels.shape[2] == 1)
    block = picture.exif
    metadata = Metadata(
        exif.HEAD + block.removeprefix(exif.HEAD) if block else None,
        xmp.to_utf8(picture.xmp) if picture.xmp else None,
    )
    notes: tuple[str, ...] = ()
    others = list(picture.others)
    if metadata.xmp:
        packet, parts = xmp.without_parts(metadata.xmp)
        metadata = replace(metadata, xmp=packet)
        others += [p for p in parts if p != "container" and not any(p in o for o in others)]
    if others:
        notes = (f"left out: {', '.join(others)}",)
    return Photo(
        pixels,
        alpha,
        icc=icc,
        cicp=cicp,
        metadata=metadata,
        format=format,
        subsampling=picture.subsampling,
        notes=notes,
    )


def _with_cicp(encoded: bytes, cicp: tuple[int, int] | None) -> bytes:
    """The file with these primaries and transfer in its nclx box."""
    offset = encoded.find(b"colrnclx")
    if cicp is None or offset < 0:
        return encoded
    return encoded[: offset + 8] + struct.pack(">HH", *cicp) + encoded[offset + 12 :]
