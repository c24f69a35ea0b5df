"""How photographs and corrections are shown in a notebook."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

LONGEST_SIDE = 1024


def png(image: np.ndarray) -> bytes:
    """A PNG file, its longest side at most 1024 pixels: H x W x 3 float sRGB in [0, 1]."""
    reduced = Image.fromarray(np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8))
    reduced.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    stream = io.BytesIO()
    reduced.save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def side_by_side(before: np.ndarray, after: np.ndarray, caption: str) -> str:
    """HTML of two images beside each other, each H x W x 3 float sRGB in [0, 1]."""
    images = "".join(
        f'<img alt="{name}" title="{name}" style="max-width: 49%" '
        f'src="data:image/png;base64,{base64.b64encode(png(image)).decode()}">'
        for name, image in (("before", before), ("after", after))
    )
    return f"<figure>{images}<figcaption>{caption}</figcaption></figure>"
