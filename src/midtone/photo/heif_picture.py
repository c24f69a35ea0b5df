"""The properties of the picture of a HEIC or AVIF file besides the pixels, from its boxes.

ISO/IEC 23008-12 (6.5 properties, 6.6 derived pictures), ISO/IEC 23000-22 (MIAF, 7.3.6).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from midtone.photo.isobmff import FULL, Box, Meta, boxes, number_at, read_meta

# What auxiliary pictures are, by the ends of their types.
_AUXILIARY = {
    "depth": "depth map", "disparity": "depth map", "hdrgainmap": "gain map", "alpha": "",
    "auxid:1": "", "auxid:2": "depth map",
}  # fmt: skip
_THUMBNAIL, _AUXILIARY_OF, _TILES, _DESCRIBES = "thmb", "auxl", "dimg", "cdsc"
_PICTURES = ("hvc1", "av01", "grid", "iden", "iovl", "avc1", "jpeg", "tmap")
# Boxes of a file that hold the picture, or nothing.
_OWN_BOXES = (b"ftyp", b"meta", b"mdat", b"free", b"skip", b"wide")
_OTHER_BOXES = {b"mpvd": "motion photo", b"moov": "video"}
_CODEC_SETTINGS = (b"av1C", b"hvcC")
# Orientations of EXIF as matrices on (x to the right, y down), and their parts.
_Matrix = tuple[tuple[int, int], tuple[int, int]]
_ORIENTATIONS: dict[_Matrix, int] = {
    ((1, 0), (0, 1)): 1, ((-1, 0), (0, 1)): 2, ((-1, 0), (0, -1)): 3, ((1, 0), (0, -1)): 4,
    ((0, 1), (1, 0)): 5, ((0, -1), (1, 0)): 6, ((0, -1), (-1, 0)): 7, ((0, 1), (-1, 0)): 8,
}  # fmt: skip
_ANTICLOCKWISE: _Matrix = ((0, 1), (-1, 0))
_TOP_TO_BOTTOM: _Matrix = ((1, 0), (0, -1))
_LEFT_TO_RIGHT: _Matrix = ((-1, 0), (0, 1))


@dataclass(kw_only=True)
class Picture:
    """The primary picture and what a file holds besides.

    kind:     of the item, "av01" or "hvc1" for instance
    width, height: as stored, before ``orientation``
    orientation: as in EXIF: clap aside, what irot and imir do
    cicp:     (primaries, transfer) of nclx, or None;  icc: the colour profile or None
    bits:     of a channel;  is_monochrome: whether it has luminance alone
    subsampling: of its chroma, as in ``Photo``, or None
    exif, xmp: the blocks or None
    others:   what is there besides, in words
    """

    kind: str = ""
    width: int = 0
    height: int = 0
    orientation: int = 1
    cicp: tuple[int, int] | None = None
    icc: bytes | None = None
    bits: int = 8
    is_monochrome: bool = False
    subsampling: int | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    others: list[str] = field(default_factory=list)


def parse(data: bytes) -> Picture:
    """Read the boxes. Raises ValueError, KeyError, struct.error or IndexError if damaged."""
    meta = read_meta(data)
    primary = meta.items.get(meta.primary)
    picture = Picture(kind=primary.kind if primary else "")
    properties = meta.properties_of(meta.primary)
    # A grid has no codec settings of its own; those of its tiles are alike.
    tiles = _targets(meta, _TILES, meta.primary)
    of_tile = meta.properties_of(tiles[0]) if tiles else []
    settings = [(kind, box) for kind, box in of_tile if kind in _CODEC_SETTINGS]
    for kind, box in settings + properties:
        _apply(data, kind, box, picture)
    picture.orientation = _orientation(
        [(kind, data[start] & 3) for kind, (start, _) in properties if kind in (b"irot", b"imir")]
    )
    for number, item in meta.items.items():
        described = _targets(meta, _DESCRIBES, number)
        if described and meta.primary not in described:  # that of a gain map, for instance
            continue
        if item.kind == "Exif":
            block = meta.content(item)
            picture.exif = block[4 + int.from_bytes(block[:4], "big") :] or None
        elif item.kind == "mime" and item.mime == b"application/rdf+xml":
            picture.xmp = meta.content(item) or None
    picture.others += [*_other_pictures(meta), *_other_boxes(data)]
    return picture


def _targets(meta: Meta, kind: str, source: int) -> list[int]:
    """Numbers of the items that an item's first reference of this kind links to."""
    found = (link.targets for link in meta.references if (link.kind, link.source) == (kind, source))
    return next(found, [])


def _apply(data: bytes, kind: bytes, box: Box, picture: Picture) -> None:
    """Take over one property of the picture."""
    at, end = box
    if kind == b"ispe":
        picture.width, picture.height = number_at(data, at + 4, 4), number_at(data, at + 8, 4)
    elif kind == b"clap" and picture.kind == "av01":  # libheif crops, libavif does not
        picture.others.append("the crop of the file")
    elif kind == b"pixi" and data[at + 4]:
        picture.bits = data[at + 5]
        picture.is_monochrome = data[at + 4] == 1
    elif kind == b"av1C":
        flags = data[at + 2]
        picture.bits = (12 if flags & 0x20 else 10) if flags & 0x40 else 8
        picture.is_monochrome = bool(flags & 0x10)
        picture.subsampling = {0b00: 0, 0b10: 1, 0b11: 2}.get(flags >> 2 & 3)
    elif kind == b"hvcC":
        picture.bits = 8 + (data[at + 17] & 7)
        picture.subsampling = {1: 2, 2: 1, 3: 0}.get(data[at + 16] & 3)
    elif kind == b"colr" and data[at : at + 4] == b"nclx":
        picture.cicp = number_at(data, at + 4, 2), number_at(data, at + 6, 2)
    elif kind == b"colr" and data[at : at + 4] in (b"prof", b"rICC"):
        picture.icc = data[at + 4 : end]


def _orientation(turns: list[tuple[bytes, int]]) -> int:
    """The EXIF orientation that turns a picture as irot and imir, (type, value), do in turn."""
    matrix: _Matrix = ((1, 0), (0, 1))
    for kind, value in turns:
        if kind == b"irot":
            for _ in range(value):
                matrix = _product(_ANTICLOCKWISE, matrix)
        else:
            matrix = _product(_LEFT_TO_RIGHT if value & 1 else _TOP_TO_BOTTOM, matrix)
    return _ORIENTATIONS[matrix]


def _product(one: _Matrix, other: _Matrix) -> _Matrix:
    (a, b), (c, d) = one
    (e, f), (g, h) = other
    return (a * e + b * g, a * f + b * h), (c * e + d * g, c * f + d * h)


def _other_pictures(meta: Meta) -> list[str]:
    """Pictures besides the primary one, its tiles, its alpha and thumbnails, counted by kind."""
    parts = {to for link in meta.references if link.kind == _TILES for to in link.targets}
    found: Counter[str] = Counter()
    for number, item in meta.items.items():
        links = {link.kind for link in meta.references if link.source == number}
        if number in parts | {meta.primary} or item.kind not in _PICTURES or _THUMBNAIL in links:
            continue
        if _AUXILIARY_OF in links:
            name = _auxiliary_name(meta, number)
        else:
            name = "gain map" if item.kind == "tmap" else "picture"
        found[name] += 1
    del found[""]
    return [f"{count} more {name}{'s' * (count > 1)}" for name, count in found.items()]


def _auxiliary_name(meta: Meta, number: int) -> str:
    """What an auxiliary picture is, by its auxC property; empty for alpha."""
    for kind, (start, end) in meta.properties_of(number):
        if kind == b"auxC":
            urn = meta.data[start + FULL : end].partition(b"\0")[0].decode("latin-1").lower()
            for ending, name in _AUXILIARY.items():
                if urn.endswith(ending):
                    return name
    return "auxiliary picture"


def _other_boxes(data: bytes) -> list[str]:
    """What a file holds outside the boxes of its pictures, such as a video or a phone's trailer."""
    found: dict[str, None] = {}
    offset = 0
    try:
        for kind, box in boxes(data, 0, len(data)):
            offset = box[1]
            if kind not in _OWN_BOXES:
                found[_OTHER_BOXES.get(kind, f"{kind.decode('latin-1')} box")] = None
    except ValueError:
        found[f"{len(data) - offset} bytes after the picture"] = None
    return list(found)
