"""The work of a request, run in a thread: bytes in, bytes or plain types out."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from midtone import colour, photo
from midtone.batch.correct_one import correct_file, write
from midtone.corrector import Corrector
from midtone.errors import PhotoError
from midtone.options import FileOptions
from midtone.photo import FORMATS, WRITABLE, ImageFile, Photo
from midtone.preprocess import resize
from midtone.server.errors import RequestError
from midtone.server.upload import Upload

_PREVIEW_QUALITY = 90


@dataclass(frozen=True, kw_only=True)
class CorrectedFile:
    """A corrected file.

    exposure_error: of the uploaded photograph, in EV
    megapixels:     of the photograph
    """

    name: str
    media_type: str
    data: bytes
    exposure_error: float
    megapixels: float


def correct(corrector: Corrector, upload: Upload, options: FileOptions) -> CorrectedFile:
    """The file that ``midtone fix`` writes.

    Raises Error; RequestError (422) if the format cannot hold the result.
    """
    file = open_upload(upload, options)
    result, correction = correct_file(corrector, file, options.correction)
    assert result  # min_error is no parameter
    own_format = result.format if result.format in WRITABLE else None
    format = options.output.format or own_format or "JPEG"
    stream = io.BytesIO()
    try:
        output = replace(options.output, format=format)
        write(result, stream, corrector, replace(options, output=output))
    except PhotoError as error:
        raise RequestError(422, str(error)) from None
    stem = upload.name.rpartition(".")[0] or upload.name
    return CorrectedFile(
        name=f"{stem}-corrected{FORMATS[format].suffix}",
        media_type=FORMATS[format].media_type,
        data=stream.getvalue(),
        exposure_error=correction.exposure_error,
        megapixels=result.pixels.shape[0] * result.pixels.shape[1] / 1e6,
    )


def plan(
    corrector: Corrector, upload: Upload, options: FileOptions, *, preview: int
) -> dict[str, Any]:
    """The correction without the work at full size: see ``POST /api/plan``.

    The plan of the reduced image, with the same options, is that of the photograph. Raises
    PhotoError.
    """
    file = open_upload(upload, options)
    config = corrector.config
    image = file.reduced(max(config.preview_size, preview))
    smaller = file.preview(config.preview_size) if preview > config.preview_size else None
    reduced = _reduce(smaller or image, config.size)
    correction = corrector.plan(reduced, options.correction)
    found = describe(file, image) | {
        "exposure_error": round(correction.exposure_error, 3),
        "grid": {
            "shape": list(correction.grid.shape),
            "float32": _base64(correction.grid.astype("<f4").tobytes()),
        },
        "reduced": _base64(_encode(reduced.pixels, "PNG")),
    }
    if preview:
        shown = _reduce(image, min(preview, max(image.size)))
        found["preview"] = _base64(_encode(shown.pixels, "JPEG"))
    return found


def inspect(corrector: Corrector, upload: Upload, options: FileOptions) -> dict[str, Any]:
    """What ``midtone inspect`` prints for a file. Raises PhotoError."""
    file = open_upload(upload, options)
    image = file.reduced(corrector.config.preview_size)
    error = corrector.plan(image).exposure_error
    return {"exposure_error": round(error, 3)} | describe(file, image)


def open_upload(upload: Upload, options: FileOptions) -> ImageFile:
    """The upload as an image file. Raises PhotoError, TooLargeError."""
    return photo.open_file(
        upload.data, max_megapixels=options.input.max_megapixels, name=upload.name
    )


def describe(file: ImageFile, image: Photo) -> dict[str, Any]:
    """Width and height in pixels of the upright photograph, and its format."""
    width, height = file.upright_size(image)
    return {"width": width, "height": height, "format": image.format}


def _reduce(image: Photo, size: int) -> Photo:
    """8-bit sRGB with the longest side ``size``."""
    return Photo(photo.to_8_bit(colour.to_srgb(resize(image.pixels, size), image.icc)))


def _encode(pixels: np.ndarray, format: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format, quality=_PREVIEW_QUALITY, compress_level=1)
    return stream.getvalue()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
