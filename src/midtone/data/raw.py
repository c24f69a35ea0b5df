"""Camera RAW -> linear light -> renderings at any exposure, through one tone curve."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from midtone import photo
from midtone.data.tone_curve import render_table
from midtone.errors import PhotoError
from midtone.photo import raw

_MAKE, _MODEL, _DETAILS, _MAKER_NOTE = 0x010F, 0x0110, 0x8769, 0x927C
_TAGS = {_MAKE, _MODEL, 0x010E, 0x0132, 0x013B, 0x8298}  # description, date, artist, copyright


@dataclass(frozen=True)
class Developed:
    """A RAW file's scene.

    light:  linear sRGB, H x W x 3 uint16, upright, with the camera's white balance; 65535 is where
            the sensor saturates
    exif:   maker, model, date, author and how it was taken, as the camera wrote them, or None
    camera: maker and model, or ""
    """

    light: np.ndarray
    exif: bytes | None
    camera: str

    def render(self, ev: float, bits: int = 8) -> photo.Photo:
        """Render at an exposure of ``ev``: 8 or 16 bits, sRGB, highlights rolled off."""
        return photo.Photo(
            render_table(ev, 1.0, bits)[self.light], metadata=photo.Metadata(self.exif)
        )


def develop(data: bytes, *, half: bool = False) -> Developed:
    """Develop a RAW file. half: at half the size, in a quarter of the time.

    Raises PhotoError for what LibRaw cannot read, and without midtone[raw].
    """
    try:
        import rawpy
    except ImportError as error:
        raise PhotoError("camera RAW needs midtone[raw]") from error
    try:
        with rawpy.imread(io.BytesIO(data)) as file:
            light = file.postprocess(
                gamma=(1, 1),
                no_auto_bright=True,
                use_camera_wb=True,
                output_bps=16,
                half_size=half,
            )
    except (rawpy.LibRawError, ValueError, MemoryError) as error:
        raise raw.unreadable(error) from error
    kept = _exif(data)
    camera = " ".join(
        filter(None, (str(kept.get(tag, "")).strip("\0 ") for tag in (_MAKE, _MODEL)))
    )
    return Developed(np.asarray(light), kept.tobytes() if len(kept) else None, camera)


def _exif(data: bytes) -> Image.Exif:
    """EXIF data on the camera and the exposure.

    They are those of the JPEG within the file. A file without one is a TIFF in most cases, and its
    own directory is read. Tags that describe the mosaic are left out.
    """
    preview = raw.preview(data)
    found = Image.Exif()
    if preview:
        with Image.open(io.BytesIO(preview)) as image:
            found = image.getexif()
    if not found and data[:4] in (b"II*\0", b"MM\0*"):
        found.load(b"Exif\0\0" + data)
    kept = Image.Exif()
    for tag in _TAGS & found.keys():
        kept[tag] = found[tag]
    details = {tag: value for tag, value in found.get_ifd(_DETAILS).items() if tag != _MAKER_NOTE}
    if details:
        kept._ifds[_DETAILS] = details  # as Pillow's own get_ifd leaves it
    return kept
