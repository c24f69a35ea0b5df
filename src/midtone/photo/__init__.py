"""A photograph and what belongs to it: from a file, bytes or a stream, and back."""

from __future__ import annotations

from midtone.photo.bit_depth import to_8_bit
from midtone.photo.codecs import FORMATS, WRITABLE, Format, format_of, parse_format, writable_as
from midtone.photo.convert import from_array, from_pillow, to_pillow
from midtone.photo.metadata import Metadata
from midtone.photo.photo import Photo
from midtone.photo.reader import MAX_MEGAPIXELS, ImageFile, open_file, read
from midtone.photo.strips import Strips
from midtone.photo.writer import default_quality, write

__all__ = [
    "FORMATS", "MAX_MEGAPIXELS", "WRITABLE", "Format", "ImageFile", "Metadata", "Photo", "Strips",
    "default_quality", "format_of", "from_array", "from_pillow", "open_file", "parse_format",
    "read", "to_8_bit", "to_pillow", "writable_as", "write",
]  # fmt: skip
