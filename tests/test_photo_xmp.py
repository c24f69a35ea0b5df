from __future__ import annotations

import pytest

from metadata import xmp_packet
from midtone.photo import xmp

TIFF = 'xmlns:{0}="http://ns.adobe.com/tiff/1.0/"'


@pytest.mark.parametrize(
    "written",
    [
        xmp_packet(f'{TIFF.format("tiff")} tiff:Orientation="6"'),
        xmp_packet(f"{TIFF.format('tiff')} tiff:Orientation = '6'"),
        xmp_packet(f'{TIFF.format("t")} t:Orientation="6"'),
        xmp_packet(TIFF.format("tiff"), "<tiff:Orientation>6</tiff:Orientation>"),
        xmp_packet(TIFF.format("tiff"), "<tiff:Orientation> 6\n</tiff:Orientation >"),
        xmp_packet(f'{TIFF.format("tiff")} tiff:Orientation="6"').decode().encode("utf-16"),
    ],
)
def test_orientation_however_it_is_written(written):
    given = xmp.to_utf8(written)
    assert xmp.orientation(given) == 6
    assert xmp.orientation(xmp.normalize_orientation(given)) == 1
    assert len(xmp.normalize_orientation(given)) == len(given)


def test_names_of_other_namespaces_are_left_alone():
    other = xmp_packet('xmlns:tiff="http://example.org/" tiff:Orientation="6"')
    assert xmp.orientation(other) is None
    assert xmp.normalize_orientation(other) == other


def test_previews_go():
    inner = "<xmp:Thumbnails><rdf:Alt><rdf:li>abc</rdf:li></rdf:Alt></xmp:Thumbnails>"
    given = xmp_packet('xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5"', inner)
    assert b"Thumbnails" not in xmp.normalize_orientation(given)
    assert b'xmp:Rating="5"' in xmp.normalize_orientation(given)


def test_pointers_to_parts_go_and_the_rest_stays():
    directory = (
        "<C:Directory><rdf:Seq><rdf:li><C:Item I:Length='5'/></rdf:li></rdf:Seq></C:Directory>"
    )
    given = xmp_packet(
        'xmlns:C="http://ns.google.com/photos/1.0/container/" xmlns:dc="dc" dc:title="Dusk" '
        'xmlns:H="http://ns.adobe.com/hdr-gain-map/1.0/" H:Version="1.0" H:GainMapMax="2"',
        directory,
    )
    shorter, parts = xmp.without_parts(given)
    assert parts == ["gain map", "container"]
    assert b"Directory" not in shorter
    assert b"H:Version" not in shorter
    assert b"GainMapMax" not in shorter
    assert b'dc:title="Dusk"' in shorter


def test_a_long_packet_is_split_and_merged():
    given = xmp_packet('xmlns:a="a:" a:b="' + "long " * 30_000 + '"')
    short, segments = xmp.split(given, 65_533)
    assert len(short) < 1000
    assert all(len(segment) <= 65_533 for segment in segments)
    foreign = [xmp.EXTENSION + b"0" * 32 + bytes(8) + b"<rdf:RDF>foreign</rdf:RDF>"]
    merged, is_left_out = xmp.merge(short, segments[::-1] + foreign)
    assert b"long " * 30_000 in merged
    assert b"HasExtendedXMP" not in merged
    assert b"foreign" not in merged
    assert not is_left_out


def test_an_extension_that_is_not_whole_is_left_out():
    given = xmp_packet('xmlns:a="a:" a:b="' + "long " * 30_000 + '"')
    short, segments = xmp.split(given, 65_533)
    merged, is_left_out = xmp.merge(short, segments[:-1])
    assert b"HasExtendedXMP" not in merged
    assert b"long" not in merged
    assert is_left_out
