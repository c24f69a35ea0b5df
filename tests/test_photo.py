from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import midtone
from metadata import DISPLAY_P3, XMP_TURNED
from midtone import colour, photo
from midtone.errors import PhotoError, UsageError
from midtone.photo import exif as exif_blocks

FORMATS = {"jpg": "JPEG", "png": "PNG", "tif": "TIFF", "webp": "WEBP"}


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = "Maker"
    tags[0x0132] = "2026:01:02 03:04:05"
    tags.get_ifd(0x8769)[0x829A] = 0.004
    tags.get_ifd(0x8825)[0x0001] = "N"
    return tags


def encode(suffix: str, image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    if suffix == "webp":
        options = {"lossless": True} | options
    image.save(buffer, FORMATS[suffix], **options)
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", FORMATS)
def test_metadata_is_kept(suffix, tmp_path, astronaut):
    source, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    profile = DISPLAY_P3
    options = {"exif": exif(1).tobytes(), "icc_profile": profile, "dpi": (300, 300)}
    if suffix == "tif":
        options["exif"] = exif(1)
        options["exif"].load(exif(1).tobytes())
        options["exif"][700] = XMP_TURNED
    elif suffix == "png":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP_TURNED.decode())
        options["pnginfo"] = info
    else:
        options["xmp"] = XMP_TURNED
    source.write_bytes(encode(suffix, Image.fromarray(astronaut), **options))
    midtone.write(midtone.read(source), target)
    with Image.open(target) as written:
        tags = written.getexif()
        assert tags[0x010F] == "Maker"
        assert tags[0x0132] == "2026:01:02 03:04:05"
        assert tags.get_ifd(0x8769)[0x829A] == pytest.approx(0.004)
        assert tags.get_ifd(0x8825)[0x0001] == "N"
        assert written.info["icc_profile"] == profile
        if suffix != "webp":
            assert written.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    kept = midtone.read(target)
    assert kept.metadata.xmp is not None
    assert b'tiff:Orientation="1"' in kept.metadata.xmp


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_come_upright_and_the_tag_is_reset(suffix, orientation, tmp_path):
    upright = np.zeros((20, 32, 3), np.uint8)
    upright[:10, :16] = 255
    turns = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # inverse transpositions
    stored = Image.fromarray(upright)
    if turns[orientation] is not None:
        stored = stored.transpose(Image.Transpose(turns[orientation]))
    data = encode(suffix, stored, exif=exif(orientation).tobytes())
    read = midtone.read(data)
    assert read.size == (32, 20)
    assert np.abs(read.pixels.astype(int) - upright).max() < 60
    target = tmp_path / f"out.{suffix}"
    midtone.write(read, target)
    with Image.open(target) as written:
        assert written.size == (32, 20)
        assert written.getexif().get(0x0112, 1) == 1


def test_maker_notes_stay_byte_for_byte():
    tags = exif(6)
    tags.get_ifd(0x8769)[0x927C] = bytes(range(200))
    raw = tags.tobytes()
    changed = exif_blocks.normalize_orientation(raw, (32, 20))
    assert len(changed) == len(raw)
    assert sum(a != b for a, b in zip(raw, changed, strict=True)) == 1
    assert bytes(range(200)) in changed


@given(st.binary(max_size=80))
def test_absurd_exif_is_left_alone(block):
    for start in (b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"Exif\0\0II*\0\xff\xff\xff\xff", b""):
        assert len(exif_blocks.normalize_orientation(start + block, (4, 3))) == len(start + block)


@pytest.mark.parametrize(
    ("mode", "channels", "alpha", "dtype"),
    [
        ("L", 1, False, np.uint8),
        ("LA", 1, True, np.uint8),
        ("RGB", 3, False, np.uint8),
        ("RGBA", 3, True, np.uint8),
        ("P", 3, False, np.uint8),
        ("1", 1, False, np.uint8),
        ("I;16", 1, False, np.uint16),
    ],
)
def test_modes_of_png(mode, channels, alpha, dtype, tmp_path, astronaut):
    if mode == "I;16":
        image = Image.fromarray(astronaut[..., 0].astype(np.uint16) * 256)
    else:
        image = Image.fromarray(astronaut).convert(mode)
    read = midtone.read(encode("png", image))
    assert read.pixels.shape == (512, 512, channels)
    assert read.pixels.dtype == dtype
    assert (read.alpha is not None) == alpha
    midtone.write(read, tmp_path / "out.png")
    again = midtone.read(tmp_path / "out.png")
    np.testing.assert_array_equal(again.pixels, read.pixels)
    if alpha:
        np.testing.assert_array_equal(again.alpha, read.alpha)


def test_transparent_palette_keeps_its_transparency(astronaut):
    image = Image.fromarray(astronaut).convert("P")
    read = midtone.read(encode("png", image, transparency=0))
    assert read.alpha is not None
    assert read.alpha.min() == 0


def test_a_profile_of_another_kind_of_pixels_is_not_kept(astronaut):
    grey = Image.fromarray(astronaut[..., 0])
    assert midtone.read(encode("png", grey, icc_profile=DISPLAY_P3)).icc is None
    assert midtone.read(encode("png", grey, icc_profile=b"broken")).icc is None


def test_colours_go_to_srgb_and_back(astronaut):
    profile = DISPLAY_P3
    small = astronaut[::8, ::8]
    seen = colour.to_srgb(small, profile)
    assert np.abs(seen.astype(int) - small).mean() > 2
    inside = ((seen > 5) & (seen < 250)).all(2)
    back = colour.from_srgb(seen, profile)
    assert np.abs(back.astype(int) - small)[inside].max() <= 3


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "an empty file"),
        (b"just some text, not an image", "not a readable JPEG"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 40, "no frame header"),
    ],
)
def test_what_is_no_image(data, message, tmp_path):
    path = tmp_path / "picture.jpg"
    path.write_bytes(data)
    for source in (data, path):
        with pytest.raises(PhotoError, match=message) as raised:
            midtone.read(source)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("suffix", FORMATS)
def test_truncated_files_are_refused(suffix, astronaut):
    data = encode(suffix, Image.fromarray(astronaut))
    with pytest.raises(PhotoError, match=r"damaged or incomplete|cut off"):
        midtone.read(data[: len(data) // 2])


def test_missing_files_folders_and_animations_are_named(tmp_path):
    with pytest.raises(PhotoError, match="no such file"):
        midtone.read(tmp_path / "none.jpg")
    with pytest.raises(PhotoError, match="is a folder"):
        midtone.read(tmp_path)
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.webp", save_all=True, append_images=frames[1:])
    with pytest.raises(PhotoError, match="animated"):
        midtone.read(tmp_path / "moving.webp")


def test_multi_picture_jpegs_of_telephones_are_photographs(tmp_path, astronaut):
    path = tmp_path / "phone.jpg"
    second = Image.new("RGB", (64, 64))
    Image.fromarray(astronaut).save(path, "MPO", save_all=True, append_images=[second])
    read = midtone.read(path)
    assert read.format == "JPEG"
    assert read.size == (512, 512)


def test_streams_are_read_and_written(astronaut):
    data = encode("png", Image.fromarray(astronaut))
    stream = io.BytesIO()
    midtone.write(midtone.read(io.BytesIO(data)), stream)
    np.testing.assert_array_equal(midtone.read(stream.getvalue()).pixels, astronaut)


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (None, UsageError, "read from a path, bytes or a stream, not None"),
        ("", PhotoError, "the path is empty"),
        (io.StringIO("text"), PhotoError, 'does not give bytes; open it with mode "rb"'),
    ],
)
def test_what_cannot_be_read_from(source, kind, message):
    with pytest.raises(kind, match=message):
        midtone.read(source)


def test_what_cannot_be_written(tmp_path, astronaut):
    with pytest.raises(UsageError, match=r"a ndarray is no Photo; photo.from_array\(\)"):
        midtone.write(astronaut, tmp_path / "a.jpg")
    image = photo.from_array(astronaut)
    for target in (None, 3, io.StringIO()):
        with pytest.raises(UsageError, match="goes to a path or a binary stream"):
            midtone.write(image, target)
    for quality in ("a", 50.5, 0):
        with pytest.raises(PhotoError, match="quality must be a whole number from 1 to 100"):
            midtone.write(image, tmp_path / "a.jpg", quality=quality)
    assert list(tmp_path.iterdir()) == []


def test_reading_leaves_pillows_own_limit_alone(astronaut):
    before = Image.MAX_IMAGE_PIXELS
    midtone.read(encode("png", Image.fromarray(astronaut)))
    assert before is not None
    assert before == Image.MAX_IMAGE_PIXELS


def test_the_size_limit_applies_before_decoding(astronaut):
    with pytest.raises(PhotoError, match="more than the limit of"):
        midtone.read(encode("png", Image.fromarray(astronaut)), max_megapixels=0.1)


def test_writing_replaces_nothing_and_leaves_nothing(tmp_path, astronaut):
    image = photo.from_array(astronaut)
    target = tmp_path / "out.jpg"
    target.write_bytes(b"precious")
    with pytest.raises(PhotoError, match="exists already"):
        midtone.write(image, target)
    assert target.read_bytes() == b"precious"
    with pytest.raises(PhotoError, match="unknown image format"):
        midtone.write(image, tmp_path / "out.xyz")
    with pytest.raises(PhotoError, match="quality"):
        midtone.write(image, tmp_path / "new.jpg", quality=0)
    with pytest.raises(PhotoError, match="transparency"):
        midtone.write(photo.from_array(np.zeros((4, 4, 4), np.uint8)), tmp_path / "new.jpg")
    with pytest.raises(PhotoError, match="cannot be"):
        midtone.write(image, target / "new.jpg")
    wide = photo.Photo(np.zeros((1, 70000, 3), np.uint8))
    with pytest.raises(PhotoError, match="at most 65535"):
        midtone.write(wide, tmp_path / "new.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["out.jpg"]


def test_jpeg_keeps_its_chroma_subsampling(tmp_path, astronaut):
    for subsampling in (0, 1, 2):
        data = encode("jpg", Image.fromarray(astronaut), subsampling=subsampling)
        midtone.write(midtone.read(data), tmp_path / f"{subsampling}.jpg")
        assert midtone.read(tmp_path / f"{subsampling}.jpg").subsampling == subsampling


def scanner_profile() -> bytes:
    """An input profile with a table to Lab alone (lut8Type, ICC.1:2022, 10.11): no way back."""
    ramp = bytes(range(256))
    corners = bytes(
        value
        for r in (0, 1)
        for g in (0, 1)
        for b in (0, 1)
        for value in (
            round(255 * (0.25 * r + 0.6 * g + 0.15 * b)),
            128 + 60 * (r - g),
            128 + 60 * (g - b),
        )
    )
    unit = struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    table = b"mft1" + bytes(4) + bytes((3, 3, 2, 0)) + unit + 3 * ramp + corners + 3 * ramp
    text = b"text" + bytes(4) + b"none\0\0\0\0"
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    parts = [(b"desc", b"desc" + bytes(4) + struct.pack(">I", 5) + b"scan\0" + bytes(79)),
             (b"cprt", text), (b"wtpt", white), (b"A2B0", table)]  # fmt: skip
    start, entries, body = 132 + 12 * len(parts), b"", b""
    for name, data in parts:
        data += bytes(-len(data) % 4)
        entries += name + struct.pack(">II", start + len(body), len(data))
        body += data
    header = struct.pack(
        ">I4sI4s4s4s", start + len(body), b"", 0x02400000, b"scnr", b"RGB ", b"Lab "
    )
    header = (header + bytes(12) + b"acsp").ljust(68, b"\0") + white[8:]
    return header.ljust(128, b"\0") + struct.pack(">I", len(parts)) + entries + body


def test_profiles_without_a_way_back_are_kept(corrector, dark):
    profile = scanner_profile()
    read = midtone.read(encode("png", Image.fromarray(dark), icc_profile=profile))
    assert read.icc == profile
    assert read.notes == ()
    np.testing.assert_array_equal(corrector(read, strength=0).pixels, dark)
    assert corrector(read).pixels.mean() > dark.mean() + 5
