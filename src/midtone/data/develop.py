"""Camera RAW -> linear light -> renderings at any exposure, through one tone curve."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from midtone import codecs, photo
from midtone.data.tone import render_table
from midtone.errors import PhotoError


@dataclass(frozen=True)
class Developed:
    """A RAW file's scene.

    light:  linear sRGB, H x W x 3 uint16, upright, with the camera's white balance; 65535 is where
            the sensor saturates
    exif:   the block that the camera wrote, from the JPEG within the file, or None
    camera: maker and model, or ""
    """

    light: np.ndarray
    exif: bytes | None
    camera: str

    def render(self, ev: float, bits: int = 8) -> photo.Photo:
        """As a photograph exposed ``ev`` off: 8 or 16 bits, sRGB, highlights rolled off."""
        return photo.Photo(render_table(ev, 1.0, bits)[self.light], exif=self.exif)


def develop(data: bytes, *, half: bool = False) -> Developed:
    """Develop a RAW file. half: at half the size, in a quarter of the time.

    Raises PhotoError for what LibRaw cannot read, and without midtone[raw].
    """
    try:
        import rawpy
    except ImportError as error:
        raise PhotoError("camera RAW needs midtone[raw]") from error
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            light = raw.postprocess(
                gamma=(1, 1),
                no_auto_bright=True,
                use_camera_wb=True,
                output_bps=16,
                half_size=half,
            )
    except (rawpy.LibRawError, ValueError, MemoryError) as error:
        said = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else error
        raise PhotoError(f"LibRaw cannot read it ({said})") from error
    preview = codecs.raw_preview(data)
    seen = photo.read(io.BytesIO(preview)) if preview else None
    return Developed(np.asarray(light), seen.exif if seen else None, _camera(preview))


def _camera(preview: bytes | None) -> str:
    from PIL import Image

    if not preview:
        return ""
    with Image.open(io.BytesIO(preview)) as image:
        exif = image.getexif()
    words = (str(exif.get(tag, "")).strip("\0 ") for tag in (0x010F, 0x0110))
    return " ".join(filter(None, words))
