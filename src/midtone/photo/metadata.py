"""The metadata of a photograph, and their changes after a change of the pixels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from midtone.photo import exif, xmp


@dataclass(frozen=True)
class Metadata:
    """The raw blocks of a photograph, each of them or None.

    exif:      with or without ``Exif\\0\\0``;  xmp: UTF-8 packet;  iptc: IIM records
    dpi:       resolution in pixels per inch, (across, down)
    photoshop: image resources (8BIM) besides IPTC and what is kept elsewhere
    comments:  of a JPEG
    chunks:    text and time of a PNG, as (type, data)
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    photoshop: bytes | None = field(default=None, kw_only=True)
    comments: tuple[bytes, ...] = field(default=(), kw_only=True)
    chunks: tuple[tuple[bytes, bytes], ...] = field(default=(), kw_only=True)

    def normalize_orientation(self, size: tuple[int, int]) -> Metadata:
        """The metadata of a picture that is upright now, without stale previews.

        size: (width, height) of the upright picture
        """
        return replace(
            self,
            exif=exif.normalize_orientation(self.exif, size) if self.exif else None,
            xmp=xmp.normalize_orientation(self.xmp) if self.xmp else None,
        )

    def present(self) -> set[str]:
        """Names of the fields that hold something."""
        return {name for name, value in vars(self).items() if value}
