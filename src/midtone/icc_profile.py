"""ICC profiles of primaries and a transfer curve (ICC.1:2022), for files that have only numbers.

Code points are those of ITU-T H.273 ("CICP"), which AVIF, HEIC and PNG use.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

# (x, y) of white, red, green, blue; by H.273, table 2.
BT709 = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_PRIMARIES = {
    1: BT709,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (0.3127, 0.3290, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (0.3127, 0.3290, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (0.3127, 0.3290, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    8: (0.310, 0.316, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (0.3127, 0.3290, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
# Parameters g, a, b, c, d of ICC's parametric curve of type 3, or g alone; by H.273, table 3.
_BT709_CURVE = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
_CURVES: dict[int, tuple[float, ...]] = {
    1: _BT709_CURVE,
    4: (2.2,),
    5: (2.8,),
    6: _BT709_CURVE,
    7: (1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4, 0.0913),
    8: (1.0,),
    11: _BT709_CURVE,
    12: _BT709_CURVE,
    13: (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
    14: _BT709_CURVE,
    15: _BT709_CURVE,
    17: (2.6,),
}
_UNSPECIFIED, _SRGB, _PQ, _HLG = 2, 13, 16, 18
_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def cicp_profile(
    primaries: int, transfer: int, *, is_grey: bool = False
) -> tuple[bytes | None, tuple[int, int] | None]:
    """(profile, None) of code points; (None, None) for sRGB, (None, code points) for HDR.

    is_grey: for grey pixels, which have no primaries
    Unspecified and unknown code points count as those of sRGB.
    """
    if transfer in (_PQ, _HLG):
        return None, (primaries, transfer)
    if transfer not in _CURVES:
        transfer = _SRGB
    if primaries not in _PRIMARIES or is_grey:
        primaries = 1
    if (primaries, transfer) == (1, _SRGB):
        return None, None
    if is_grey:
        return grey_profile(_CURVES[transfer]), None
    return _profile(f"CICP {primaries}/{transfer}", _PRIMARIES[primaries], _CURVES[transfer]), None


def gamma_profile(primaries: Sequence[float], gamma: float) -> bytes | None:
    """The profile of eight chromaticities (as ``BT709``) and a power; None if that is sRGB's.

    Also None for chromaticities that no colour space has.
    """
    is_srgb = max(abs(a - b) for a, b in zip(primaries, BT709, strict=True)) < 0.002
    if is_srgb and abs(gamma - 2.2) < 0.01:
        return None
    return _profile(f"gamma {gamma:.2f}", primaries, (gamma,))


def grey_profile(curve: tuple[float, ...]) -> bytes:
    """The profile of grey pixels with a power, or the parameters g, a, b, c, d, for their curve."""
    tags = _described(f"grey, gamma {curve[0]:.2f}") | {b"kTRC": _parametric(curve)}
    return _assemble(b"GRAY", tags)


def _profile(name: str, primaries: Sequence[float], curve: tuple[float, ...]) -> bytes | None:
    try:
        columns, adaptation = _colorants(primaries)
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return None
    if not np.isfinite(columns).all() or np.abs(columns).max() > 4:
        return None
    curve_tag = _parametric(curve)
    tags = _described(name) | {
        b"chad": b"sf32" + bytes(4) + b"".join(_s15f16(v) for v in adaptation.ravel()),
        **{
            letter + b"XYZ": _xyz(column)
            for letter, column in zip((b"r", b"g", b"b"), columns.T, strict=True)
        },
        **{letter + b"TRC": curve_tag for letter in (b"r", b"g", b"b")},
    }
    return _assemble(b"RGB ", tags)


def _colorants(primaries: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """XYZ of the primaries at D50, in columns, and the Bradford adaptation (ICC.1, annex E)."""
    points = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in _pairs(primaries)])
    white, colours = points[0], points[1:].T
    colours = colours * np.linalg.solve(colours, white)
    cone, cone_d50 = _BRADFORD @ white, _BRADFORD @ np.array(_D50)
    adaptation = np.linalg.inv(_BRADFORD) @ np.diag(cone_d50 / cone) @ _BRADFORD
    return adaptation @ colours, adaptation


def _pairs(values: Sequence[float]) -> list[tuple[float, float]]:
    return list(zip(values[::2], values[1::2], strict=True))


def _described(name: str) -> dict[bytes, bytes]:
    return {b"desc": _text(name), b"cprt": _text("no copyright"), b"wtpt": _xyz(_D50)}


def _assemble(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A version 4.3 display profile."""
    table, data = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for signature, content in tags.items():
        padded = content + bytes(-len(content) % 4)
        table += struct.pack(">4sII", signature, start + len(data), len(content))
        data += padded
    header = struct.pack(
        ">I4sI4s4s4s6H4s4s", start + len(data), b"", 0x04300000, b"mntr", space, b"XYZ ",
        2024, 1, 1, 0, 0, 0, b"acsp", b"",
    )  # fmt: skip
    header += bytes(24) + b"".join(map(_s15f16, _D50))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def _parametric(parameters: tuple[float, ...]) -> bytes:
    kind = 0 if len(parameters) == 1 else 3
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + b"".join(map(_s15f16, parameters))


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", len(encoded), 28) + encoded


def _xyz(values: Sequence[float] | np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(_s15f16(float(value)) for value in values)


def _s15f16(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))
