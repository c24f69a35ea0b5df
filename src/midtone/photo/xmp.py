"""XMP packets, edited as text: what a correction makes stale is reset or removed.

Names are found by their namespaces, not by their prefixes (XMP specification part 1, 7).
"""

from __future__ import annotations

import hashlib
import re
import struct

_TIFF = b"http://ns.adobe.com/tiff/1.0/"
_XMP = b"http://ns.adobe.com/xap/1.0/"
_NOTE = b"http://ns.adobe.com/xmp/note/"
# Parts of a file besides the picture: (namespace, names; none for all, what it is)
_PARTS = (
    (b"http://ns.adobe.com/hdr-gain-map/1.0/", (), "gain map"),
    (b"http://ns.apple.com/HDRGainMap/1.0/", (), "gain map"),
    (b"http://ns.google.com/photos/1.0/container/", (b"Directory", b"Version"), "container"),
    (b"http://ns.google.com/photos/dd/1.0/device/", (b"Container",), "container"),
    (b"http://ns.google.com/photos/1.0/camera/",
     (rb"MotionPhoto\w*", rb"MicroVideo\w*"), "motion photo"),
)  # fmt: skip
EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_GUID, _EXTENDED_HEAD = 32, len(EXTENSION) + 32 + 8


def to_utf8(packet: bytes) -> bytes:
    """A packet in any encoding that XMP allows, as UTF-8 without trailing zeros."""
    for start, encoding in (
        (b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"),
    ):  # fmt: skip
        if packet.startswith(start):
            return packet.decode(encoding, "replace").strip("\0").encode()
    return packet.strip(b"\0")


def orientation(packet: bytes) -> int | None:
    """The value of tiff:Orientation; None if there is none."""
    for attribute, element in _properties(packet, _TIFF, b"Orientation"):
        found = re.search(attribute, packet) or re.search(element, packet, re.DOTALL)
        number = re.search(rb"[\"'>]\s*(\d{1,3})\s*[\"'<]", found.group()) if found else None
        if number:
            return int(number.group(1))
    return None


def normalize_orientation(packet: bytes) -> bytes:
    """A packet with tiff:Orientation 1 and without previews."""
    for attribute, element in _properties(packet, _TIFF, b"Orientation"):
        packet = re.sub(attribute, _number_one, packet)
        packet = re.sub(element, _number_one, packet, flags=re.DOTALL)
    return _without(packet, _XMP, b"Thumbnails")


def without_parts(packet: bytes) -> tuple[bytes, list[str]]:
    """A packet without tags that point to other parts of the file, and what those parts are."""
    found = []
    for namespace, names, what in _PARTS:
        shorter = packet
        for name in names or (rb"[\w.-]+",):
            shorter = _without(shorter, namespace, name)
        if shorter != packet:
            found.append(what)
        packet = shorter
    return packet, found


def merge(packet: bytes, segments: list[bytes]) -> tuple[bytes, bool]:
    """A packet with the descriptions of its extension (XMP specification part 3, 1.1.3.1).

    segments: of a JPEG file that hold parts of extensions
    Also whether an extension is missing, or left out because it is not whole or not the packet's.
    """
    found = re.search(rb"HasExtendedXMP\s*(?:=\s*[\"']|>)\s*([0-9A-Fa-f]{32})", packet)
    packet = _without(packet, _NOTE, b"HasExtendedXMP")
    extension = _read_extension(segments, found.group(1)) if found else b""
    inner = re.search(rb"<rdf:RDF\b[^>]*>(.*)</rdf:RDF>", extension, re.DOTALL)
    end = packet.rfind(b"</rdf:RDF>")
    if not inner or end < 0:
        return packet, bool(found or segments)
    return packet[:end] + inner.group(1) + packet[end:], False


def _read_extension(segments: list[bytes], guid: bytes) -> bytes:
    """The extension of this name; empty if it is not whole."""
    parts: dict[int, bytes] = {}
    length = 0
    for segment in segments:
        if segment.startswith(EXTENSION + guid) and len(segment) >= _EXTENDED_HEAD:
            length, place = struct.unpack_from(">II", segment, _EXTENDED_HEAD - 8)
            parts[place] = segment[_EXTENDED_HEAD:]
    extension = b"".join(parts[place] for place in sorted(parts))
    return extension if len(extension) == length else b""


def split(packet: bytes, room: int) -> tuple[bytes, list[bytes]]:
    """A short packet and extension segments of at most ``room`` bytes for a long packet."""
    packet = re.sub(rb"<\?xpacket.*?\?>", b"", packet, flags=re.DOTALL).strip()
    guid = hashlib.md5(packet, usedforsecurity=False).hexdigest().upper().encode()
    short = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
        b'syntax-ns#"><rdf:Description rdf:about="" xmlns:xmpNote="%b" '
        b'xmpNote:HasExtendedXMP="%b"/></rdf:RDF></x:xmpmeta>' % (_NOTE, guid)
    )
    step = room - _EXTENDED_HEAD
    return short, [
        EXTENSION + guid + struct.pack(">II", len(packet), at) + packet[at : at + step]
        for at in range(0, len(packet), step)
    ]


def _without(packet: bytes, namespace: bytes, name: bytes) -> bytes:
    for attribute, element in _properties(packet, namespace, name):
        packet = re.sub(element, b"", packet, flags=re.DOTALL)
        packet = re.sub(attribute, b"", packet)
    return packet


def _properties(packet: bytes, namespace: bytes, name: bytes) -> list[tuple[bytes, bytes]]:
    """Patterns of a property as an attribute and as an element, for each of its prefixes."""
    prefixes = set(re.findall(rb"xmlns:([\w.-]+)\s*=\s*[\"']" + re.escape(namespace), packet))
    return [
        (
            rb"\s%b:%b\s*=\s*(?:\"[^\"]*\"|'[^']*')" % (re.escape(prefix), name),
            rb"<(%b:%b)\b[^<>]*(?:/>|>.*?</\1\s*>)" % (re.escape(prefix), name),
        )
        for prefix in prefixes
    ]


def _number_one(match: re.Match[bytes]) -> bytes:
    return re.sub(rb"([\"'>]\s*)\d+(\s*[\"'<])", rb"\g<1>1\2", match.group(), count=1)
