"""Format x property: written by ImageMagick and exiftool, corrected, read by them again."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from metadata import xmp_packet
from midtone import cli, icc_profile, photo
from midtone.photo import heif

pytestmark = pytest.mark.skipif(
    not (shutil.which("exiftool") and shutil.which("convert")),
    reason="needs exiftool and ImageMagick (Debian: libimage-exiftool-perl imagemagick)",
)
HEIC = pytest.param("heic", marks=pytest.mark.skipif(not heif.is_installed(), reason="no HEIC"))
if heif.is_installed():
    import pillow_heif

    pillow_heif.register_heif_opener()  # these tests read with Pillow
WIDTH, HEIGHT = 120, 80
# What a format can hold besides EXIF, XMP, GPS and a profile, which all of these can.
ALPHA = {"png", "tif", "webp", "avif", "heic"}
IPTC = {"jpg", "tif"}  # and png, where exiftool cannot write it


def run(*command: object) -> str:
    return subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, text=True
    ).stdout


def tags(path: Path) -> dict[str, object]:
    return json.loads(run("exiftool", "-json", "-n", "-G1", "-a", path))[0]


def make(folder: Path, suffix: str, depth: int, alpha: bool) -> Path:
    """A dark gradient with a red block at its stored top left, to be seen turned by 90 degrees."""
    path = folder / f"source.{suffix}"
    run(
        "convert", "-size", f"{WIDTH}x{HEIGHT}", "gradient:gray5-gray35", "-fill", "rgb(110,10,10)",
        "-draw", "rectangle 0,0 39,29", "-depth", depth, "-type",
        "TrueColorAlpha" if alpha else "TrueColor", "-quality", 93,
        *(["-alpha", "set", "-channel", "A", "-evaluate", "set", "60%"] if alpha else []), path,
    )  # fmt: skip
    if alpha and suffix in ("avif", "heic"):  # ImageMagick leaves it out
        path.with_suffix(".png").unlink(missing_ok=True)
        run("convert", path, path.with_suffix(".png"))
        with Image.open(path.with_suffix(".png")) as opaque:
            clear = opaque.convert("RGB")
        clear.putalpha(150)
        clear.save(path)
    profile = folder / "p.icc"
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    profile.write_bytes(srgb.tobytes())
    # AVIF and HEIC turn pictures by a property of their own, which exiftool does not write; Pillow
    # makes it of the tag.
    turned = ["-Orientation=1" if suffix in ("avif", "heic") else "-Orientation=6"]
    if suffix == "avif":
        with Image.open(path) as stored:
            exif = Image.Exif()
            exif[0x0112] = 6
            stored.save(path, exif=exif, quality=93)
    run(
        "exiftool", "-q", "-n", "-overwrite_original", *turned, "-Make=Maker", "-Software=Camera 1",
        "-DateTimeOriginal=2024:05:06 07:08:09", "-GPSLatitude=48.5", "-GPSLatitudeRef=N",
        "-XMP-dc:Title=Dusk", *(["-IPTC:Keywords=evening"] if suffix in IPTC else []),
        *([] if suffix in ("avif", "heic") else [f"-icc_profile<={profile}"]), path,
    )  # fmt: skip
    return path


def pixels(path: Path) -> np.ndarray:
    """Read by ImageMagick as stored: H x W x 3."""
    width, height = (int(n) for n in run("identify", "-format", "%w %h", path).split())
    raw = subprocess.run(
        ["convert", str(path), "-alpha", "off", "-depth", "8", "rgb:-"],
        check=True,
        capture_output=True,
    ).stdout
    return np.frombuffer(raw, np.uint8).reshape(height, width, 3)


@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "avif", HEIC])
def test_every_property_survives(suffix, depth, alpha, tmp_path):
    if (depth == 16 and suffix not in ("png", "tif")) or (alpha and suffix not in ALPHA):
        pytest.skip("the format cannot hold it")
    source = make(tmp_path, suffix, depth, alpha)
    target = tmp_path / f"result.{suffix}"
    before = tags(source)
    assert cli.main(["fix", str(source), "-o", str(target)]) == 0
    after = tags(target)

    turned = suffix != "heic"
    size = (HEIGHT, WIDTH) if turned else (WIDTH, HEIGHT)
    picture = pixels(target)
    assert picture.shape[1::-1] == size
    red = picture[..., 0].astype(int) - picture[..., 1]
    corner = red[: 20 if turned else 15, -15:] if turned else red[:15, :20]
    assert corner.mean() > 30
    assert abs(red[-15:, :15].mean()) < 15
    depth_now = run("identify", "-format", "%[depth]", target)
    with Image.open(target) as written:
        assert ("A" in written.mode) == alpha or depth == 16
        if alpha and depth == 8:
            assert abs(written.getchannel("A").getextrema()[0] - 151) <= 3
    assert int(depth_now) == depth or suffix in ("avif", "heic")
    if suffix not in ("avif", "heic"):
        assert (run("identify", "-format", "%A", target) in ("True", "Blend")) == alpha

    group = {"IFD0:Orientation", "IFD1:Orientation"} & set(after)
    assert all(after[name] == 1 for name in group)
    for name in ("IFD0:Make", "ExifIFD:DateTimeOriginal", "GPS:GPSLatitude", "XMP-dc:Title"):
        assert after[name] == before[name], name
    if suffix in IPTC:
        assert after["IPTC:Keywords"] == "evening"
    if suffix not in ("avif", "heic"):
        assert after["ICC_Profile:ProfileDescription"] == before["ICC_Profile:ProfileDescription"]
    assert str(after["IFD0:Software"]).startswith("midtone")
    assert not any("Thumbnail" in name for name in after)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "avif"])
def test_strip_leaves_nothing_but_the_profile(suffix, tmp_path):
    source = make(tmp_path, suffix, 8, False)
    target = tmp_path / f"result.{suffix}"
    assert cli.main(["fix", str(source), "-o", str(target), "--strip"]) == 0
    groups = {name.split(":")[0] for name in tags(target)}
    assert not groups & {"ExifIFD", "GPS", "IPTC", "XMP-dc"}
    assert "IFD0:Make" not in tags(target)


def test_thumbnails_are_not_stale(tmp_path):
    source = make(tmp_path, "jpg", 8, False)
    small = tmp_path / "small.jpg"
    run("convert", source, "-strip", "-resize", "40x", small)
    run("exiftool", "-q", "-overwrite_original", f"-ThumbnailImage<={small}", source)
    assert any("Thumbnail" in name for name in tags(source))
    target = tmp_path / "result.jpg"
    assert cli.main(["fix", str(source), "-o", str(target)]) == 0
    assert not any("Thumbnail" in name for name in tags(target))
    assert small.read_bytes()[-64:] not in target.read_bytes()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_stay_sixteen_bits(suffix, tmp_path):
    source, target = tmp_path / f"ramp.{suffix}", tmp_path / f"out.{suffix}"
    run("convert", "-size", "20x8192", "-depth", 16, "gradient:gray10-gray60",
        "-type", "TrueColor", source)  # fmt: skip
    assert cli.main(["fix", str(source), "-o", str(target)]) == 0
    raw = subprocess.run(
        ["convert", str(target), "-depth", "16", "-endian", "LSB", "rgb:-"],
        check=True,
        capture_output=True,
    ).stdout
    values = np.frombuffer(raw, np.uint16).reshape(-1, 3)
    assert len(np.unique(values[:, 1])) > 4096


def test_subsampling_and_quality_are_kept(tmp_path):
    source, target = tmp_path / "a.jpg", tmp_path / "b.jpg"
    for sampling, wanted in (("4:2:0", "2x2"), ("4:2:2", "2x1"), ("4:4:4", "1x1")):
        run("convert", "-size", "64x64", "plasma:red-blue", "-quality", 98,
            "-sampling-factor", sampling, source)  # fmt: skip
        assert cli.main(["fix", str(source), "-o", str(target), "--overwrite"]) == 0
        found = run("identify", "-format", "%[jpeg:sampling-factor] %Q", target).split()
        assert found[0].split(",")[0] == wanted
        assert int(found[1]) >= 98


def test_the_table_of_formats_is_that_of_the_documentation():
    text = (Path(__file__).parent.parent / "docs" / "formats.md").read_text("utf-8")
    table = [[c.strip() for c in line.split("|")[1:-1]] for line in text.splitlines()]
    names = {cells[0]: cells for cells in table if len(cells) == 4}
    limits = {cells[0]: cells for cells in table if len(cells) == 6 and cells[1][:1].isdigit()}
    for format in photo.FORMATS.values():
        if format.encode is None:
            continue
        assert tuple(names[format.title][1].split()) == format.suffixes
        _, _, written, alpha, quality, longest = limits[format.title]
        assert all(str(depth) in written for depth in format.bit_depths)
        assert alpha == ("yes" if format.alpha else "no")
        assert quality.startswith(str(format.quality or "lossless"))
        assert longest == ("" if format.longest_side > 10**6 else f"{format.longest_side:,}")


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "avif", HEIC])
def test_strength_0_changes_no_colour(suffix, tmp_path):
    """Display P3 in, compared by ImageMagick after its own conversion to sRGB."""
    source = tmp_path / f"a.{suffix}"
    ramp = np.linspace(10, 160, 48 * 64 * 3).reshape(48, 64, 3).astype(np.uint8)
    profile, _ = icc_profile.cicp_profile(12, 13)
    photo.write(photo.Photo(ramp, icc=profile), source, quality=100)
    target = tmp_path / f"b.{suffix}"
    arguments = ["--strength", "0", "--quality", "100"]
    assert cli.main(["fix", str(source), "-o", str(target), *arguments]) == 0
    before, after = tags(source), tags(target)
    name = "ICC_Profile:ProfileDescription"
    assert after[name] == before[name]
    difference = np.abs(pixels(source).astype(int) - pixels(target))
    assert difference.max() <= (0 if suffix in ("png", "tif", "webp") else 4)


def test_a_phones_extras_leave_no_pointers(tmp_path):
    """A gain map and a video behind a JPEG, with the tags of Ultra HDR and motion photos."""
    source = make(tmp_path, "jpg", 8, False)
    packet = tmp_path / "phone.xmp"
    packet.write_bytes(
        xmp_packet(
            'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg" '
            'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" '
            'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:MotionPhoto="1" '
            'GCamera:MicroVideoOffset="5012"'
        )
    )
    run("exiftool", "-q", "-overwrite_original", f"-xmp<={packet}", source)
    source.write_bytes(source.read_bytes() + b"\0\0\0\x18ftypmp42" + bytes(range(1, 251)) * 20)
    before = run("exiftool", "-xmp", "-b", source)
    assert "MotionPhoto" in before
    assert "hdrgm:Version" in before
    target = tmp_path / "b.jpg"
    assert cli.main(["fix", str(source), "-o", str(target)]) == 0
    after = run("exiftool", "-xmp", "-b", target)
    assert not any(name in after for name in ("MotionPhoto", "MicroVideo", "hdrgm:Version"))
    assert 'dc:format="image/jpeg"' in after


def test_long_metadata_is_read_by_exiftool(tmp_path):
    source, target = make(tmp_path, "png", 8, False), tmp_path / "b.jpg"
    run("exiftool", "-q", "-overwrite_original", f"-XMP-dc:Description={'long ' * 20_000}", source)
    assert cli.main(["fix", str(source), "-o", str(target)]) == 0
    assert str(tags(target)["XMP-dc:Description"]).startswith("long long")
