"""A photograph and what belongs to it: from a file, bytes or a stream, and back.

Pixels are kept as they were stored (8 or 16 bit), so that a large photograph costs no more memory
than it must; ``Photo.rgb`` gives the float image of the other modules. EXIF, XMP, ICC profile,
resolution and alpha travel with the pixels. Orientation is applied on reading, and its tag reset.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import tempfile
import threading
import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import (
    Image,
    ImageCms,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    UnidentifiedImageError,
)

from midtone.errors import PhotoError

_OPENING = threading.Lock()
MAX_MEGAPIXELS = 500.0
QUALITY = 95
FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".png": "PNG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
_GREY, _GREY_16 = {"1", "L", "LA"}, {"I;16", "I;16B", "I;16L", "I;16N"}
_XMP_TAG = 700
_ALPHA_FORMATS = {"PNG", "TIFF", "WEBP"}


@dataclass(frozen=True)
class Photo:
    """Pixels and metadata of one photograph.

    pixels: H x W x 3 (RGB) or H x W x 1 (grey), uint8 or uint16 (or float in [0, 1] if it came
            from an array), upright, in the colour space of ``icc`` (sRGB or its grey if None)
    alpha:  H x W uint8 or None
    exif, xmp, icc: the raw blocks or None; the orientation in ``exif`` is 1
    format: Pillow's name of the format it came in, or None
    dpi:    resolution or None
    subsampling: JPEG chroma subsampling it came in (0 = 4:4:4, 1 = 4:2:2, 2 = 4:2:0) or None
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    icc: bytes | None = None
    format: str | None = None
    dpi: tuple[float, float] | None = None
    subsampling: int | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @cached_property
    def rgb(self) -> np.ndarray:
        """H x W x 3 float32 in [0, 1], in the photograph's own colour space."""
        full = np.iinfo(self.pixels.dtype).max if self.pixels.dtype.kind == "u" else 1
        scaled = self.pixels.astype(np.float32) / np.float32(full)
        return np.broadcast_to(scaled, (*scaled.shape[:2], 3))

    def with_pixels(self, pixels: np.ndarray) -> Photo:
        """The same photograph with other pixels."""
        return replace(self, pixels=pixels)


def read(
    source: str | os.PathLike[str] | bytes | BinaryIO, *, max_megapixels: float = MAX_MEGAPIXELS
) -> Photo:
    """Read a JPEG, PNG, TIFF or WebP photograph from a path, bytes or a binary stream.

    Raises PhotoError with one sentence if there is no such file, or no whole still image in it.
    """
    name = str(source) if isinstance(source, str | os.PathLike) else "input"
    if not isinstance(source, str | os.PathLike):
        source = source if isinstance(source, bytes) else source.read()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd EXIF is no reason to speak
            with _opened(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
                return _from_pillow(image, name, max_megapixels)
    except PhotoError:
        raise
    except FileNotFoundError:
        raise PhotoError(f"{name}: no such file") from None
    except IsADirectoryError:
        raise PhotoError(f"{name}: is a folder, not a photograph") from None
    except PermissionError:
        raise PhotoError(f"{name}: no permission to read it") from None
    except UnidentifiedImageError:
        raise PhotoError(f"{name}: {_what(source)}") from None
    except MemoryError:
        raise PhotoError(f"{name}: too large for this computer's memory") from None
    # Pillow's decoders raise many kinds of errors for damaged files, not all of them documented.
    except Exception as error:
        raise PhotoError(f"{name}: damaged or incomplete image ({_sentence(error)})") from error


def write(
    photo: Photo,
    target: str | os.PathLike[str] | BinaryIO,
    *,
    quality: int = QUALITY,
    format: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write a photograph with its metadata, whole or not at all.

    target:  a path, whose suffix chooses the format, or a binary stream
    quality: 1..100 for JPEG and WebP (WebP is lossless at 100)
    format:  "JPEG", "PNG", "TIFF" or "WEBP", instead of the suffix or the format it came in
    Raises PhotoError if the file exists and ``overwrite`` is False, if the format cannot hold the
    photograph, or if it cannot be written.
    """
    if not 1 <= quality <= 100:
        raise PhotoError(f"quality must lie within 1 and 100, not {quality}")
    if not isinstance(target, str | os.PathLike):
        _save(photo, target, format or photo.format or "PNG", quality, "output")
        return
    path = Path(target)
    chosen = format or FORMATS.get(path.suffix.lower())
    if chosen is None:
        raise PhotoError(f"{path}: unknown image format; use one of {', '.join(FORMATS)}")
    if path.exists() and not overwrite:
        raise PhotoError(f"{path}: exists already; use overwrite to replace it")
    try:
        with _whole_file(path) as stream:
            _save(photo, stream, chosen, quality, str(path))
    except OSError as error:
        raise PhotoError(f"{path}: cannot be written ({_sentence(error)})") from error


def from_array(array: np.ndarray) -> Photo:
    """Photo of an H x W, H x W x 1, x 3 or x 4 array; uint8, uint16 or float in [0, 1]."""
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise PhotoError(f"an image is H x W, H x W x 3 or H x W x 4, not {array.shape}")
    if array.dtype not in (np.uint8, np.uint16, np.float32, np.float64):
        raise PhotoError(f"an image is uint8, uint16 or float, not {array.dtype}")
    array = array[..., None] if array.ndim == 2 else array
    alpha = None
    if array.shape[2] == 4:
        array, alpha = array[..., :3], array[..., 3]
        alpha = _to_8_bit(alpha)
    return Photo(array, alpha)


def from_pillow(image: Image.Image) -> Photo:
    """Photo of a Pillow image, its metadata included."""
    return _from_pillow(image.copy(), "image", MAX_MEGAPIXELS)


def to_pillow(photo: Photo) -> Image.Image:
    """Pillow image; 16-bit colour becomes 8-bit, which is all that Pillow has."""
    pixels, alpha = photo.pixels, photo.alpha
    grey = pixels.shape[2] == 1
    if pixels.dtype != np.uint16 or not grey or alpha is not None:
        pixels = _to_8_bit(pixels)
    image = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if grey else pixels))
    if alpha is not None:
        image.putalpha(Image.fromarray(np.ascontiguousarray(alpha)))
    return image


def _to_8_bit(values: np.ndarray) -> np.ndarray:
    if values.dtype == np.uint16:
        return ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    if values.dtype.kind == "f":
        return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return values


def to_srgb(pixels: np.ndarray, icc: bytes | None) -> np.ndarray:
    """Small 8-bit pictures from the colour space of ``icc`` to sRGB. H x W x 3 or x 1 -> x 3."""
    if icc is None:
        return np.repeat(pixels, 3, 2) if pixels.shape[2] == 1 else pixels
    return _convert(pixels, icc, to_srgb=True)


def from_srgb(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    """Small 8-bit pictures from sRGB, H x W x 3, to the colour space of ``icc`` (x 3, or x 1)."""
    return _convert(pixels, icc, to_srgb=False)


def _convert(pixels: np.ndarray, icc: bytes, *, to_srgb: bool) -> np.ndarray:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    mode = "L" if profile.profile.xcolor_space.strip() == "GRAY" else "RGB"
    srgb = ImageCms.createProfile("sRGB")
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    transform = (
        ImageCms.buildTransform(profile, srgb, mode, "RGB", intent)
        if to_srgb
        else ImageCms.buildTransform(srgb, profile, "RGB", mode, intent)
    )
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    converted = np.asarray(ImageCms.applyTransform(picture, transform))
    return converted[..., None] if converted.ndim == 2 else converted


def _opened(source: str | os.PathLike[str] | BinaryIO) -> Image.Image:
    """Image.open with our own size limit, which speaks plainly, instead of Pillow's."""
    with _OPENING:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(source, formats=sorted(set(FORMATS.values())))
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _from_pillow(image: Image.Image, name: str, max_megapixels: float) -> Photo:
    megapixels = image.width * image.height / 1e6
    if megapixels > max_megapixels:
        raise PhotoError(
            f"{name}: {megapixels:.0f} megapixels are more than the limit of {max_megapixels:g}"
        )
    # Of a TIFF and of the multi-picture JPEGs of telephones the first picture is the photograph.
    if getattr(image, "is_animated", False) and image.format not in ("TIFF", "MPO"):
        raise PhotoError(f"{name}: an animated image, not a photograph")
    exif = _exif(image)
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    icc = image.info.get("icc_profile") or None
    dpi = image.info.get("dpi")
    image_format = "JPEG" if image.format == "MPO" else image.format
    subsampling = JpegImagePlugin.get_sampling(image) if image_format == "JPEG" else None
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    pixels, alpha, icc = _pixels(image, icc, name)
    return Photo(
        pixels,
        alpha,
        upright(exif) if exif else None,
        _upright_xmp(xmp.encode() if isinstance(xmp, str) else xmp),
        icc,
        image_format,
        (float(dpi[0]), float(dpi[1])) if dpi else None,
        subsampling if subsampling in (0, 1, 2) else None,
    )


def _pixels(
    image: Image.Image, icc: bytes | None, name: str
) -> tuple[np.ndarray, np.ndarray | None, bytes | None]:
    """Pixels, alpha and the profile the pixels are in."""
    if image.mode in _GREY_16 or image.mode == "I":
        values = np.asarray(image)
        if values.min(initial=0) < 0 or values.max(initial=0) > 65535:
            raise PhotoError(f"{name}: grey values outside 16 bit are not supported")
        return values.astype(np.uint16)[..., None], None, _usable(icc, "GRAY")
    if image.mode == "F":
        raise PhotoError(f"{name}: floating-point images are not supported")
    alpha = None
    if image.mode in ("LA", "RGBA", "PA", "La", "RGBa") or "transparency" in image.info:
        coloured = image.mode not in ("L", "LA", "La")
        image = image.convert("RGBA" if coloured else "LA")
        alpha = np.asarray(image.getchannel("A"))
        image = image.convert("RGB" if coloured else "L")
    if image.mode in _GREY:
        grey = image if image.mode == "L" else image.convert("L")
        return np.asarray(grey)[..., None], alpha, _usable(icc, "GRAY")
    if image.mode == "CMYK" and _usable(icc, "CMYK"):
        image = ImageCms.profileToProfile(  # type: ignore[assignment]
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(icc or b"")),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
        return np.asarray(image), alpha, None
    colour = image if image.mode == "RGB" else image.convert("RGB")
    return np.asarray(colour), alpha, _usable(icc, "RGB")


def _usable(icc: bytes | None, space: str) -> bytes | None:
    """The profile if it opens and describes pixels of this kind; a broken one helps nobody."""
    if icc is None:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile
    except (OSError, ImageCms.PyCMSError):
        return None
    return icc if profile.xcolor_space.strip() == space else None


def _exif(image: Image.Image) -> bytes | None:
    raw = image.info.get("exif")
    if isinstance(raw, bytes) and raw:
        return raw
    if image.format != "TIFF":
        return None
    exif = image.getexif()
    kept = Image.Exif()
    # A TIFF keeps these in its own directory, beside the tags that describe the pixels' layout.
    for tag in (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298):
        if tag in exif:
            kept[tag] = exif[tag]
    for tag in (0x8769, 0x8825):
        directory = exif.get_ifd(tag)
        if directory:
            kept.get_ifd(tag).update(directory)
    return kept.tobytes() if len(kept) or kept.get_ifd(0x8769) or kept.get_ifd(0x8825) else None


def upright(exif: bytes) -> bytes:
    """An EXIF block with its orientation set to 1 and every other byte as it was.

    Writing the block anew would move maker notes, whose inner offsets then point nowhere.
    """
    start = 6 if exif[:6] == b"Exif\0\0" else 0
    block = bytearray(exif)
    order = {b"II": "<", b"MM": ">"}.get(bytes(block[start : start + 2]))
    if order is None:
        return exif
    with contextlib.suppress(struct.error):
        (offset,) = struct.unpack_from(order + "I", block, start + 4)
        (entries,) = struct.unpack_from(order + "H", block, start + offset)
        for entry in range(entries):
            place = start + offset + 2 + 12 * entry
            tag, kind = struct.unpack_from(order + "HH", block, place)
            if tag == 0x0112 and kind == 3:
                struct.pack_into(order + "HH", block, place + 8, 1, 0)
    return bytes(block)


def _upright_xmp(xmp: bytes | None) -> bytes | None:
    if not xmp:
        return None
    import re

    xmp = re.sub(rb'(tiff:Orientation=["\'])\d+', rb"\g<1>1", xmp)
    return re.sub(rb"(<tiff:Orientation>)\s*\d+", rb"\g<1>1", xmp)


def _save(photo: Photo, stream: BinaryIO, format: str, quality: int, name: str) -> None:
    if photo.alpha is not None and format not in _ALPHA_FORMATS:
        raise PhotoError(f"{name}: {format} cannot hold transparency; choose .png, .tif or .webp")
    if format in ("JPEG", "WEBP"):
        photo = replace(photo, pixels=_to_8_bit(photo.pixels))
    image = to_pillow(photo)
    options: dict[str, Any] = {"icc_profile": photo.icc, "exif": photo.exif, "dpi": photo.dpi}
    if format == "JPEG":
        options |= {"quality": quality, "xmp": photo.xmp}
        options["subsampling"] = 0 if photo.subsampling is None else photo.subsampling
    elif format == "WEBP":
        options |= {"quality": quality, "lossless": quality == 100, "xmp": photo.xmp}
    elif format == "PNG" and photo.xmp:
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", photo.xmp.decode("utf-8", "replace"))
        options["pnginfo"] = info
    elif format == "TIFF":
        # Uncompressed: with compression Pillow cannot write the EXIF and GPS directories.
        tags = Image.Exif()
        if photo.exif:
            tags.load(photo.exif)
        if photo.xmp:
            tags[_XMP_TAG] = photo.xmp
        options["exif"] = tags
    options = {key: value for key, value in options.items() if value is not None}
    try:
        image.save(stream, format, **options)
    except (ValueError, KeyError, struct.error, SyntaxError, TypeError) as error:
        raise PhotoError(f"{name}: cannot be encoded as {format} ({_sentence(error)})") from error


@contextlib.contextmanager
def _whole_file(path: Path) -> Any:
    """A binary file that takes its name only when it is complete."""
    handle, temporary = tempfile.mkstemp(
        prefix=f".{path.stem[:40]}-", suffix=".partial", dir=path.parent
    )
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)  # mkstemp gives 0600
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _what(source: object) -> str:
    """Why a file that no decoder knows is no photograph."""
    size = None
    if isinstance(source, str | os.PathLike):
        with contextlib.suppress(OSError):
            size = os.path.getsize(source)
    elif isinstance(source, bytes):
        size = len(source)
    return "an empty file" if size == 0 else "not a readable JPEG, PNG, TIFF or WebP image"


def _sentence(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text.strip().rstrip(".") or type(error).__name__
