"""Colour profiles, XMP packets and EXIF blocks for tests."""

from __future__ import annotations

import struct

from midtone import icc_profile
from midtone.photo import exif, ifd

DISPLAY_P3 = icc_profile.cicp_profile(12, 13)[0]


def xmp_packet(attributes: str = "", inner: str = "") -> bytes:
    """A packet of one description with these attributes and, within it, these elements."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f"<rdf:Description {attributes}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


XMP_TURNED = xmp_packet('xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"')


def camera_exif(seconds=(1, 60), stop=(4, 1), sensitivity=200, when=None, fraction=None) -> bytes:
    """An EXIF block with a camera's settings and, if given, the time of capture."""
    values = [
        ifd.Value(0x829A, 5, 1, struct.pack("<2I", *seconds)),
        ifd.Value(0x829D, 5, 1, struct.pack("<2I", *stop)),
        ifd.Value(0x8827, ifd.SHORT, 1, struct.pack("<H", sensitivity)),
    ]
    for tag, text in ((0x9003, when), (0x9291, fraction)):
        if text:
            data = text.encode() + b"\0"
            values.append(ifd.Value(tag, ifd.ASCII, len(data), data))
    return exif.pack([ifd.Value(ifd.EXIF, ifd.LONG, 1, b"", tuple(values))])
