"""What a photograph carries besides its pixels, and edits that follow a change of the pixels."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from midtone.photo import exif


@dataclass(frozen=True)
class Metadata:
    """The raw blocks of a photograph, each of them or None.

    exif: with or without ``Exif\\0\\0``;  xmp: UTF-8 packet;  iptc: IIM records
    dpi:  resolution in pixels per inch, (across, down)
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None

    def normalize_orientation(self, size: tuple[int, int]) -> Metadata:
        """The metadata of a picture that is upright now, without stale previews.

        size: (width, height) of the upright picture
        """
        return replace(
            self,
            exif=exif.normalize_orientation(self.exif, size) if self.exif else None,
            xmp=_normalize_xmp(self.xmp) if self.xmp else None,
        )


def _normalize_xmp(xmp: bytes) -> bytes:
    xmp = re.sub(rb'(tiff:Orientation=["\'])\d+', rb"\g<1>1", xmp)
    xmp = re.sub(rb"(<tiff:Orientation>)\s*\d+", rb"\g<1>1", xmp)
    return re.sub(rb"<(xmp|xap):Thumbnails>.*?</\1:Thumbnails>", b"", xmp, flags=re.DOTALL)
