"""Camera RAW, developed by LibRaw. Needs rawpy."""

from __future__ import annotations

import io

import numpy as np

from midtone.errors import PhotoError


def decode(data: bytes) -> np.ndarray:
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


def preview(data: bytes) -> bytes | None:
    """The JPEG that a camera put into its RAW file, which carries the metadata."""
    import rawpy

    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            thumbnail = raw.extract_thumb()
    except rawpy.LibRawError:
        return None
    return bytes(thumbnail.data) if thumbnail.format == rawpy.ThumbFormat.JPEG else None
