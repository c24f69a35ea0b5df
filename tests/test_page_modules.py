"""The modules of the page without a server against Python's values, in a real browser."""

from __future__ import annotations

import dataclasses
import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from midtone import bilateral_grid, colour, icc_profile, model, postprocess, preprocess
from midtone.bilateral_grid import GridConfig
from midtone.photo import Photo, exif, xmp

pytest.importorskip("fastapi", reason="needs midtone[web]")

from chromium import BRIGHT, DARK, opened
from midtone.server import static_site
from serving import serving_folder

CALL = (Path(__file__).parent / "call_module.js").read_text("utf-8")
CONFIG = model.info("default").config
P3 = icc_profile.cicp_profile(12, 13)[0]


@pytest.fixture(scope="module")
def call(tmp_path_factory, browser):
    """Calls a function of a module: ``call("fit.js", "fit", before, after, config)``."""
    folder = tmp_path_factory.mktemp("modules") / "site"
    with pytest.MonkeyPatch.context() as patch:  # the network is not run
        patch.setattr(static_site, "read_package", lambda path: {})
        static_site.build(folder, folder)
    faults: list[str] = []
    with serving_folder(folder) as address:
        page = opened(browser, f"{address}/licenses.txt", faults)
        yield lambda *called: page.evaluate(CALL, [*called[:2], list(called[2:])])
        page.context.close()
    assert not faults


def picture(array: np.ndarray) -> dict:
    """An array H x W x C as the modules have it."""
    height, width, channels = array.shape
    data = {"kind": "u" if array.dtype == np.uint8 else "f", "values": array.ravel().tolist()}
    return {"width": width, "height": height, "channels": channels, "data": data}


def array(picture: dict) -> np.ndarray:
    shape = picture["height"], picture["width"], picture["channels"]
    return np.array(picture["data"]).reshape(shape)


def settings(config) -> dict:
    found = static_site._pipeline(model.info("default"), config)
    return json.loads(static_site._json(found))


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    """An uncorrected and a corrected small image, h x w x 3 float32."""
    before = np.asarray(Image.open(BRIGHT).resize((44, 33))).astype(np.float32) / 255
    noise = np.random.default_rng(0).normal(0, 0.03, before.shape)
    return before, (before**1.7 + noise).astype(np.float32)


@pytest.mark.parametrize("shape", [(75, 91, 3), (301, 100, 1), (1, 5, 3), (260, 400, 1)])
def test_resize(call, shape):
    noise = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    pixels = np.sort(noise, 0)
    found = array(call("preprocess.js", "resize", picture(pixels), 64))
    expected = preprocess.resize(pixels, 64)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1.01 / 255
    assert np.abs(found - expected).mean() < 0.4 / 255  # the order of the passes is Pillow's own


@pytest.mark.parametrize(
    "config",
    [CONFIG, dataclasses.replace(CONFIG, padding="edge", rotate_tta=False, finest=1, size=70)],
)
def test_network_input(call, config):
    pixels = np.asarray(Image.open(DARK).resize((150, 101)))
    config = dataclasses.replace(config, size=min(config.size, 150))
    expected = preprocess.preprocess(Photo(pixels), config, [1, 1, 1.5, 0.5])
    given = {"pixels": picture(pixels), "profile": None}
    found = call("preprocess.js", "preprocess", given, settings(config), [1, 1, 1.5, 0.5])
    assert [level["dims"] for level in found["levels"]] == [list(e.shape) for e in expected.levels]
    for level, values in zip(found["levels"], expected.levels, strict=True):
        assert np.abs(np.array(level["data"]) - values.ravel()).max() < 0.01
    assert np.abs(array(found["reference"]) - expected.reference).max() < 0.005


def test_mean_of_views(call):
    values = np.random.default_rng(2).random((2, 3, 8, 10), np.float32)
    size = {"width": 7, "height": 5}
    tensor = {"dims": [2, 3, 8, 10], "data": {"kind": "f", "values": values.ravel().tolist()}}
    found = array(call("network.js", "meanOfViews", tensor, size))
    views = values[..., :5, :7].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found, (views[0] + views[1, ::-1, ::-1]) / 2, atol=1e-7)


STEPS = [
    postprocess.ShrinkToMeanLuma(low=0.1, high=2.5),
    postprocess.ShrinkToMeanLuma(low=0.1, high=2.5, clipped_weight=0.25),
    postprocess.NeutralizeClippedHighlights(low=0.6, high=0.8, far_floor=0.85, near=0.2),
    postprocess.NeutralizeClippedHighlights(low=float("inf")),
    postprocess.ShrinkByConfidence(half=0.77, slope=2.2),
    postprocess.ShrinkByConfidence(half=0),
    postprocess.KeepGrey(),
    postprocess.ExposureFusion(),
    postprocess.ContrastStretch(),
    postprocess.ExposureTrim(0.7),
    postprocess.ExposureTrim(-1.3),
    postprocess.ProtectHighlights(),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
@pytest.mark.parametrize("grey", [False, True])
def test_postprocess(call, pair, step, grey):
    reference, prediction = pair
    if grey:
        reference = np.repeat(reference[..., :1], 3, 2)
    expected = step(prediction, reference)
    given = postprocess.to_dict(step)
    if given.get("low") == float("inf"):
        given["low"] = 1e999
    found = call("postprocess.js", "postprocess", picture(prediction), picture(reference), [given])
    np.testing.assert_allclose(array(found), expected, atol=2e-4)


def test_steps_of_the_page(call):
    assert set(call("postprocess.js", "STEPS")) == set(static_site.STEPS)


@pytest.mark.parametrize("kind", ["colour", "upright", "grey", "one channel", "paper"])
def test_fit_and_slice(call, pair, kind):
    before, after = pair
    config = CONFIG.grid
    full = np.asarray(Image.open(BRIGHT).resize((97, 66)))
    if kind == "upright":
        before, after, full = (
            np.ascontiguousarray(a.swapaxes(0, 1)) for a in (before, after, full)
        )
    elif kind == "grey":
        before, after, full = (np.repeat(a[..., :1], 3, 2) for a in (before, after, full))
    elif kind == "one channel":
        before, after, full = (np.ascontiguousarray(a[..., :1]) for a in (before, after, full))
    elif kind == "paper":
        config = GridConfig(depth=3)
        before, after = before[:8, :9], after[:8, :9]
    expected = bilateral_grid.fit(before, after, config)
    found = call("fit.js", "fit", picture(before), picture(after), dataclasses.asdict(config))
    assert found["shape"] == list(expected.shape)
    grid = {"shape": found["shape"], "values": {"kind": "d", "values": found["values"]}}
    for strength in (1, 0.6):
        blended = call("slice.js", "blendWithIdentity", grid, strength)
        blended["values"] = {"kind": "d", "values": blended["values"]}
        sliced = array(call("slice.js", "sliceGrid", blended, picture(full)))
        wanted = bilateral_grid.blend_with_identity(expected, strength)
        assert np.abs(sliced - bilateral_grid.slice_grid(wanted, full)).max() <= 1


@pytest.mark.parametrize(
    "profile",
    [
        P3,
        icc_profile.cicp_profile(9, 1)[0],  # Rec. 2020
        icc_profile.gamma_profile((0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06), 2.2),
        colour._srgb_profile(),
        icc_profile.grey_profile((1.8,)),
    ],
)
def test_profiles(call, pair, profile):
    channels = 1 if b"GRAY" in profile[:20] else 3
    image = np.ascontiguousarray(pair[0][..., :channels])
    expected = colour.to_srgb(image, profile)
    given = {"profile": list(profile), "channels": channels}
    found = call("icc.js", "toSrgb", picture(image), given)
    np.testing.assert_allclose(array(found), expected, atol=1e-4)
    back = call("icc.js", "fromSrgb", picture(expected.astype(np.float32)), given, channels)
    expected = colour.from_srgb(expected, profile, channels)
    np.testing.assert_allclose(array(back), expected, atol=1e-4)


def test_damaged_profiles_are_ignored(call):
    assert P3
    for profile, channels in ((P3[:200], 3), (b"", 3), (P3, 1), (bytes(400), 3)):
        assert call("icc.js", "parseProfile", {"bytes": list(profile)}, channels) is None


# --- files


def exif_blocks() -> list[bytes]:
    block = Image.Exif()
    block[0x010F] = "Maker"
    block[0x0112] = 6
    block[0x0131] = "Another program"
    block.get_ifd(0x8769)[0xA002] = 640
    block.get_ifd(0x8769)[0xA003] = 480
    made = block.tobytes().removeprefix(exif.HEAD)
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, 8, 0)
    big = b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    return [made, big, made[:40], b"no TIFF header"]


@pytest.mark.parametrize("block", exif_blocks())
def test_exif(call, block):
    given = {"bytes": list(block)}
    assert call("exif.js", "orientation", given) == exif.orientation(block)
    found = bytes(call("exif.js", "normalizeOrientation", given, [480, 640]))
    assert found == exif.normalize_orientation(block, (480, 640))
    found = bytes(call("exif.js", "setSoftware", given, "midtone"))
    assert found == exif.set_software(block, "midtone")


def test_new_exif(call):
    found = bytes(call("exif.js", "setSoftware", None, "midtone 1"))
    assert exif.HEAD + found == exif.set_software(None, "midtone 1")


def test_xmp(call):
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description xmlns:t="http://ns.adobe.com/tiff/1.0/"'
        b' xmlns:g="http://ns.google.com/photos/1.0/camera/" t:Orientation = "6" g:MotionPhoto="1"'
        b' xmlns:p="http://ns.adobe.com/xap/1.0/"><p:Thumbnails>AAAA</p:Thumbnails>\xc3\xbc'
        b"</rdf:Description></x:xmpmeta>"
    )
    found = call("xmp.js", "normalize", {"bytes": list(packet)})
    expected, parts = xmp.without_parts(xmp.normalize_orientation(packet))
    assert bytes(found["packet"]) == expected
    assert found["orientation"] == 6
    assert found["parts"] == parts == ["motion photo"]


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize(("quality", "channels"), [(95, 3), (30, 3), (80, 1)])
def test_jpeg_encoder(call, quality, channels, subsampling):
    pixels = np.ascontiguousarray(np.asarray(Image.open(BRIGHT).resize((77, 51)))[..., :channels])
    given = {
        "pixels": picture(pixels),
        "metadata": {"density": [1, 1, 44, 1, 44]},
        "icc": {"bytes": list(P3 or b"")},
        "subsampling": subsampling,
    }
    found = bytes(call("jpeg.js", "encode", given, quality))
    stream = io.BytesIO()
    reference = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    # Pillow would give sampling factors to grey, which has no chroma.
    factors = subsampling if channels == 3 else 0
    reference.save(stream, "JPEG", quality=quality, subsampling=factors)
    one, other = Image.open(io.BytesIO(found)), Image.open(stream)
    assert one.quantization == other.quantization
    assert one.layer == other.layer  # components, sampling, tables
    assert one.info["icc_profile"] == P3
    assert one.info["dpi"] == (300, 300)
    differences = np.abs(np.asarray(one).astype(int) - np.asarray(other))
    assert differences.mean() < 0.5
    parsed = call("jpeg.js", "parse", {"bytes": list(found)})
    assert parsed["quality"] == quality
    assert parsed["subsampling"] == (0 if channels == 1 else subsampling)


@pytest.mark.parametrize("channels", [1, 3])
def test_png_encoder(call, channels):
    pixels = np.ascontiguousarray(np.asarray(Image.open(DARK).resize((33, 150)))[..., :channels])
    block, packet = exif_blocks()[0], b"<x/>"
    metadata = {"exif": {"bytes": list(block)}, "xmp": {"bytes": list(packet)}}
    given = {"pixels": picture(pixels), "metadata": metadata, "icc": {"bytes": list(P3 or b"")}}
    found = call("png.js", "encode", given)
    assert (np.asarray(Image.open(io.BytesIO(bytes(found)))).reshape(pixels.shape) == pixels).all()
    parsed = call("png.js", "parse", {"bytes": found})
    assert bytes(parsed["icc"]) == P3
    assert bytes(parsed["metadata"]["exif"]) == block
    assert bytes(parsed["metadata"]["xmp"]) == packet
    assert parsed["channels"] == channels
