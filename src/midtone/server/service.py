"""What the server does with a photograph, in a thread: bytes in, bytes or plain types out."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from midtone import colour, photo
from midtone.batch import correct_files
from midtone.corrector import Corrector
from midtone.errors import PhotoError
from midtone.options import CorrectionOptions, FileOptions, OutputOptions
from midtone.photo import FORMATS, WRITABLE, Photo
from midtone.preprocess import resize
from midtone.server.errors import RefusalError
from midtone.server.upload import Upload

_VIEW_QUALITY = 90


@dataclass(frozen=True)
class Corrected:
    """A corrected file."""

    name: str
    media: str
    data: bytes
    exposure_error: float
    megapixels: float


def correct(
    corrector: Corrector,
    upload: Upload,
    settings: CorrectionOptions,
    *,
    format: str | None,
    quality: int | None,
    strip: bool,
    max_megapixels: float,
) -> Corrected:
    """What `midtone fix` does. Raises Error, RefusalError if the format cannot hold the result."""
    opened = photo.open_file(upload.data, max_megapixels=max_megapixels, name=upload.name)
    result, plan = corrector.correct_file(opened, settings)
    assert result
    chosen = format or (result.format if result.format in WRITABLE else None) or "JPEG"
    output = OutputOptions(format=chosen, quality=quality, strip=strip)
    options = FileOptions(settings, output=output)
    stream = io.BytesIO()
    try:
        correct_files.write(result, stream, corrector, options)
    except PhotoError as error:
        raise RefusalError(422, str(error)) from None
    stem = upload.name.rpartition(".")[0] or upload.name
    return Corrected(
        f"{stem}-corrected{FORMATS[chosen].suffix}",
        FORMATS[chosen].media_type,
        stream.getvalue(),
        plan.exposure_error,
        result.pixels.shape[0] * result.pixels.shape[1] / 1e6,
    )


def plan(
    corrector: Corrector,
    upload: Upload,
    settings: CorrectionOptions,
    *,
    view: int,
    max_megapixels: float,
) -> dict[str, Any]:
    """What a correction would do, for a page that shows it at once: see ``POST /api/plan``.

    The small picture is all that the network sees of a photograph: sent again instead of the
    photograph, with other settings, it gives the very plan that the photograph would.
    """
    opened = photo.open_file(upload.data, max_megapixels=max_megapixels, name=upload.name)
    size = corrector.config.size
    seen = opened.preview(max(2 * size, view)) or opened.decode()
    small = _srgb(opened.preview(2 * size) or seen, size)
    planned = corrector.plan(small, settings)
    described = describe(opened, seen) | {
        "exposure_error": round(planned.exposure_error, 3),
        "grid": {
            "shape": list(planned.grid.shape),
            "float32": _text(planned.grid.astype("<f4").tobytes()),
        },
        "small": _text(_encoded(small.pixels, "PNG")),
    }
    if view:
        shown = _srgb(seen, min(view, max(seen.size)))
        described["view"] = _text(_encoded(shown.pixels, "JPEG"))
    return described


def inspect(corrector: Corrector, upload: Upload, *, max_megapixels: float) -> dict[str, Any]:
    """What `midtone inspect` says of a file."""
    opened = photo.open_file(upload.data, max_megapixels=max_megapixels, name=upload.name)
    seen = opened.preview(2 * corrector.config.size) or opened.decode()
    error = corrector.plan(seen).exposure_error
    return {"exposure_error": round(error, 3)} | describe(opened, seen)


def describe(opened: photo.ImageFile, seen: Photo) -> dict[str, Any]:
    """Size as it will be seen, upright, and format."""
    width, height = opened.image.size if opened.image else seen.size
    if (width > height) != (seen.size[0] > seen.size[1]):
        width, height = height, width
    return {"width": width, "height": height, "format": seen.format}


def _srgb(image: Photo, size: int) -> Photo:
    """Smaller, and sRGB as browsers show it."""
    return Photo(photo.to_8_bit(colour.to_srgb(resize(image.pixels, size), image.icc)))


def _encoded(pixels: np.ndarray, format: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format, quality=_VIEW_QUALITY, compress_level=1)
    return stream.getvalue()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
