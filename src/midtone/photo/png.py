"""PNG: libpng for 16-bit pixels, Pillow for fewer, chunks for the metadata (W3C PNG, 3rd edition).

ImageMagick keeps EXIF, IPTC and XMP as hexadecimal text, "Raw profile type ...".
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from midtone import icc_profile
from midtone.errors import PhotoError
from midtone.photo import exif, photoshop, pillow_codec, xmp
from midtone.photo.metadata import Metadata
from midtone.photo.orientation import upright
from midtone.photo.photo import Photo

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = 8 + 12 + 13  # signature and IHDR
_PALETTE = 3  # colour type
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_TEXT, _COMPRESSED, _UNICODE = b"tEXt", b"zTXt", b"iTXt"
_XMP = b"XML:com.adobe.xmp"
_RAW_PROFILE = b"Raw profile type "
_TIFF_HEADERS = (b"II*\0", b"MM\0*")
_INFLATED = 64 << 20  # bytes that a compressed text or profile may have
_PER_METRE = 0.0254
_KEPT = (_TEXT, _COMPRESSED, _UNICODE, b"tIME")
_READ = (*_PIXELS, *_KEPT, b"iCCP", b"eXIf", b"pHYs", b"cICP", b"gAMA", b"cHRM", b"sRGB")


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    bits: int
    colour_type: int


def read_size(data: bytes) -> tuple[int, int]:
    """(width, height) as stored. Raises PhotoError for a damaged file or an animation."""
    header = _header(data)
    for kind, body in _chunks(data):
        if kind == b"acTL" and len(body) >= 4 and int.from_bytes(body[:4], "big") > 1:
            raise PhotoError("an animated image, not a photograph")
    return header.width, header.height


def decode(data: bytes, salvage: bool = False) -> Photo:
    """Decode a file. Raises PhotoError for a damaged one."""
    header = _header(data)
    chunks = _chunks(data)
    # Decoders refuse a file for damaged text, so they are given the pixels' chunks alone.
    bare = SIGNATURE + b"".join(data[a:b] for kind, a, b in _places(data) if kind in _PIXELS)
    if header.bits == 16:
        import imagecodecs

        samples = np.atleast_3d(imagecodecs.png_decode(bare))
        has_alpha = samples.shape[2] in (2, 4)
        photo = Photo(samples[..., :-1], samples[..., -1]) if has_alpha else Photo(samples)
    else:
        image = pillow_codec.open_image(bare, "PNG")
        if image.mode == "L" and "transparency" in image.info:
            # Pillow brings grey samples to 8 bits, but not the one that is transparent.
            image.info["transparency"] *= 255 // (2**header.bits - 1)
        photo = pillow_codec.decode(image)
    metadata, dropped = _metadata(chunks)
    icc, cicp, is_damaged = _colour(chunks, photo.pixels.shape[2] == 1)
    dropped += ["a damaged colour profile"] * is_damaged
    dropped += _other_chunks(chunks, header)
    notes = (f"left out: {', '.join(dropped)}",) if dropped else ()
    photo = replace(photo, icc=icc, cicp=cicp, metadata=metadata, format="PNG", notes=notes)
    if dict(chunks).get(b"cICP", b"")[3:] == b"\0":
        photo = replace(photo, pixels=_from_narrow_range(photo.pixels))
    return upright(photo)


def encode(photo: Photo, quality: int) -> bytes:
    """A PNG file of uint8 or uint16 pixels; ``quality`` has no meaning here."""
    import imagecodecs

    samples = photo.samples
    # imagecodecs leaves too little room for narrow images, whose rows have a filter byte each.
    room = samples.nbytes + samples.nbytes // 100 + 16 * len(samples) + 65536
    encoded = bytes(imagecodecs.png_encode(samples, level=4, out=room))
    metadata = photo.metadata
    chunks = []
    if photo.icc:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(photo.icc)))
    elif photo.cicp:
        chunks.append((b"cICP", bytes((*photo.cicp, 0, 1))))
    if metadata.dpi:
        across, down = (max(1, round(dpi / _PER_METRE)) for dpi in metadata.dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", across, down, 1)))
    if metadata.exif:
        chunks.append((b"eXIf", metadata.exif.removeprefix(exif.HEAD)))
    if metadata.xmp:
        chunks.append((_UNICODE, _XMP + b"\0\0\0\0\0" + metadata.xmp))
    resources = photoshop.join(metadata.iptc, metadata.photoshop)
    if resources:
        chunks.append((_COMPRESSED, _raw_profile(b"iptc", resources)))
    chunks += metadata.chunks
    added = b"".join(_chunk(kind, body) for kind, body in chunks)
    return encoded[:_HEADER] + added + encoded[_HEADER:]


def _header(data: bytes) -> _Header:
    if len(data) < _HEADER or data[12:16] != b"IHDR":
        raise PhotoError("damaged or incomplete image (no header)")
    width, height, bits, colour_type = struct.unpack_from(">IIBB", data, 16)
    if not width or not height:
        raise PhotoError("damaged or incomplete image (no pixels)")
    return _Header(width, height, bits, colour_type)


def _places(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, end) of each chunk up to the end of the picture; the last may be cut off."""
    offset = len(SIGNATURE)
    while offset + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, offset)
        yield kind, offset, min(offset + 12 + length, len(data))
        if kind == b"IEND":
            return
        offset += 12 + length


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """(type, data) of each chunk."""
    return [(kind, data[start + 8 : end - 4]) for kind, start, end in _places(data)]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _metadata(chunks: list[tuple[bytes, bytes]]) -> tuple[Metadata, list[str]]:
    """The metadata, and the names of what is too large or damaged to be kept."""
    block = packet = iptc = resources = dpi = None
    kept, dropped = [], []
    for kind, body in chunks:
        if kind == b"eXIf":
            block = body.removeprefix(exif.HEAD)
        elif kind == b"pHYs" and len(body) >= 9 and body[8] != 1:
            kept.append((kind, body))  # the shape of pixels
        elif kind == b"pHYs" and len(body) >= 9:
            across, down = struct.unpack_from(">II", body)
            dpi = (across * _PER_METRE, down * _PER_METRE) if across and down else None
        elif kind in _KEPT:
            keyword = body.partition(b"\0")[0]
            special = keyword == _XMP or keyword.startswith(_RAW_PROFILE)
            text = _text(kind, body) if special else b""
            if text is None:
                dropped.append(keyword.decode("latin-1"))
            elif keyword == _XMP:
                packet = packet or xmp.to_utf8(text)
            elif keyword.startswith(_RAW_PROFILE):
                found = _profile_content(keyword.removeprefix(_RAW_PROFILE), _unhex(text))
                block, packet = block or found.exif, packet or found.xmp
                iptc, resources = iptc or found.iptc, resources or found.photoshop
            else:
                kept.append((kind, body))
    metadata = Metadata(block, packet, iptc, dpi, photoshop=resources, chunks=tuple(kept))
    return metadata, dropped


def _profile_content(name: bytes, raw: bytes) -> Metadata:
    """The metadata that a raw profile of this name holds."""
    if name in (b"exif", b"APP1") and raw.startswith((exif.HEAD, *_TIFF_HEADERS)):
        return Metadata(exif=raw.removeprefix(exif.HEAD))
    if name in (b"xmp", b"APP1") and b"<" in raw[:64]:
        return Metadata(xmp=xmp.to_utf8(raw[raw.index(b"<") :]))
    if name in (b"iptc", b"8bim"):
        records, others = photoshop.split(raw)
        return Metadata(iptc=records or raw, photoshop=others)
    return Metadata()


def _text(kind: bytes, body: bytes) -> bytes | None:
    """The text of a chunk; None if it is damaged or absurdly long."""
    _, _, rest = body.partition(b"\0")
    if kind == _TEXT:
        return rest
    if kind == _COMPRESSED:
        return _inflate(rest[1:])
    text = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    return _inflate(text) if rest[:1] == b"\1" else text


def _inflate(data: bytes) -> bytes | None:
    inflating = zlib.decompressobj()
    try:
        text = inflating.decompress(data, _INFLATED)
    except zlib.error:
        return None
    return None if inflating.unconsumed_tail else text


def _unhex(text: bytes) -> bytes:
    """The bytes of a raw profile: a name, a length and hexadecimal digits, a line each."""
    parts = re.match(rb"\s*[^\n]*\n\s*(\d{1,9})\s*\n([0-9A-Fa-f\s]*)", text)
    if parts is None:
        return b""
    digits = re.sub(rb"\s", b"", parts.group(2))[: 2 * int(parts.group(1))]
    return bytes.fromhex(digits[: len(digits) // 2 * 2].decode("ascii"))


def _raw_profile(name: bytes, data: bytes) -> bytes:
    text = b"\n%b\n%8d\n%b\n" % (name, len(data), data.hex().encode())
    return _RAW_PROFILE + name + b"\0\0" + zlib.compress(text)


def _other_chunks(chunks: list[tuple[bytes, bytes]], header: _Header) -> list[str]:
    """The types of chunks whose content is left out."""
    depth = 8 if header.colour_type == _PALETTE else header.bits
    found = {kind for kind, _ in chunks} - set(_READ)
    if min(dict(chunks).get(b"sBIT", b""), default=0) >= depth:
        found.discard(b"sBIT")  # it repeats the header
    kinds = {kind for kind, _ in chunks}
    if b"cHRM" in kinds and not kinds & {b"gAMA", b"sRGB", b"iCCP", b"cICP"}:
        found.add(b"cHRM")  # primaries without a curve
    return sorted(kind.decode("latin-1") for kind in found)


def _from_narrow_range(pixels: np.ndarray) -> np.ndarray:
    """Codes 16 to 235 (times 256 if they have 16 bits) over the full range (ITU-T H.273, 8.3)."""
    unit = np.float32(256 if pixels.dtype == np.uint16 else 1)
    full = np.iinfo(pixels.dtype).max
    spread = (pixels / unit - np.float32(16)) * np.float32(full / 219)
    return np.rint(np.clip(spread, 0, full)).astype(pixels.dtype)


def _colour(
    chunks: list[tuple[bytes, bytes]], is_grey: bool
) -> tuple[bytes | None, tuple[int, int] | None, bool]:
    """The colour profile, or the code points that no profile can describe (PNG, 4.3).

    Also whether the file has a profile that is damaged.
    """
    found = dict(reversed(chunks))
    if len(found.get(b"cICP", b"")) == 4:
        code_points = found[b"cICP"][:2]
        return *icc_profile.cicp_profile(*code_points, is_grey=is_grey), False
    profile = _inflate(found[b"iCCP"].partition(b"\0")[2][1:]) if b"iCCP" in found else None
    if profile:
        return profile, None, False
    icc = None if b"sRGB" in found else _gamma_profile(found, is_grey)
    return icc, None, b"iCCP" in found


def _gamma_profile(chunks: dict[bytes, bytes], is_grey: bool) -> bytes | None:
    """The profile of gAMA and cHRM; None without them, or if they are those that are assumed."""
    gamma = int.from_bytes(chunks.get(b"gAMA", b"")[:4], "big") / 100_000
    if not 0.01 < gamma < 10 or (is_grey and abs(gamma - 1 / 2.2) < 0.001):
        return None
    if is_grey:
        return icc_profile.grey_profile((1 / gamma,))
    chromaticities = chunks.get(b"cHRM", b"")
    points = struct.unpack(">8I", chromaticities) if len(chromaticities) == 32 else None
    primaries = tuple(value / 100_000 for value in points) if points else icc_profile.BT709
    return icc_profile.gamma_profile(primaries, 1 / gamma)
