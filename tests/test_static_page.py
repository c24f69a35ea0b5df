"""The page without a server in a real browser, with the network cut off."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import midtone
from metadata import DISPLAY_P3, XMP_TURNED
from midtone import icc_profile, photo

pytest.importorskip("fastapi", reason="needs midtone[web]")

from chromium import BRIGHT, DARK, add, expect, idle, launched, opened
from midtone.server import onnxruntime_web, static_site
from serving import serving_folder

PACKAGE = Path(
    os.environ.get("ONNXRUNTIME_WEB")
    or Path(__file__).parents[1] / f"build/onnxruntime-web-{onnxruntime_web.VERSION}.tgz"
)
if not PACKAGE.exists():
    pytest.skip(f"needs {PACKAGE}: make onnxruntime-web", allow_module_level=True)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("static") / "site"
    static_site.build(folder, PACKAGE)
    with serving_folder(folder) as address:
        yield address


@pytest.fixture
def page(browser, address):
    faults: list[str] = []
    page = opened(browser, f"{address}/", faults)
    expect(page.locator("html")).to_have_attribute("data-provider", "wasm")  # there is no WebGPU
    yield page
    page.context.close()
    assert not faults


def cut_off(page):
    """Reload the page from the service worker, without any network."""
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.context.set_offline(True)
    page.reload()


def downloaded(page, path: Path) -> Image.Image:
    with page.expect_download() as download:
        page.locator("#download").click()
    download.value.save_as(path)
    idle(page)
    return Image.open(path)


def difference(one: np.ndarray, other: np.ndarray) -> int:
    assert one.shape == other.shape
    return int(np.abs(one.astype(int) - other).max())


def test_offline(page, corrector, tmp_path):
    cut_off(page)
    assert page.evaluate("crossOriginIsolated")  # so that WebAssembly may use threads
    header = "fetch('browser/worker.js').then((r) => r.headers.get('Content-Security-Policy'))"
    assert page.evaluate(header) == static_site.POLICY
    add(page, DARK, BRIGHT)
    page.locator("#advanced summary").click()
    page.locator("#option-format").select_option("png")
    for path, changes in ((DARK, {}), (BRIGHT, {"strength": 0.8, "ev": 0.5, "fusion": True})):
        for name, value in changes.items():
            control = page.locator(f"#option-{name}")
            control.check() if value is True else control.fill(str(value))
        idle(page)
        found = downloaded(page, tmp_path / "a.png")
        pixels = np.asarray(Image.open(path))
        assert difference(np.asarray(found), corrector(pixels, **changes)) <= 2
        page.keyboard.press("n")
    page.locator("#strip .pick").first.click()
    page.locator("#option-format").select_option("")
    page.locator("#option-quality").fill("90")
    found = downloaded(page, tmp_path / "got.jpg")
    midtone.correct(DARK, tmp_path / "expected.jpg", quality=90)
    expected = Image.open(tmp_path / "expected.jpg")
    assert found.getexif() == expected.getexif()
    assert found.quantization == expected.quantization
    assert found.layer == expected.layer
    assert np.abs(np.asarray(found).astype(int) - np.asarray(expected)).mean() < 0.5


def test_orientation_profile_and_metadata(page, corrector, tmp_path):
    block = Image.Exif()
    block[0x010F], block[0x0112] = "Maker", 6
    source = tmp_path / "p3.jpg"
    image = Image.open(DARK)
    image.save(
        source,
        quality=97,
        icc_profile=DISPLAY_P3,
        exif=block,
        xmp=XMP_TURNED,
        comment=b"comment",
        dpi=(96, 96),
    )
    grey = tmp_path / "grey.jpg"
    image.convert("L").save(grey, icc_profile=icc_profile.grey_profile((1.8,)))
    for path in (source, grey):
        add(page, path)
        found = downloaded(page, tmp_path / "got.jpg")
        midtone.correct(path, tmp_path / "expected.jpg", overwrite=True)
        expected = Image.open(tmp_path / "expected.jpg")
        assert found.size == expected.size
        assert found.mode == expected.mode
        assert np.abs(np.asarray(found).astype(int) - np.asarray(expected)).mean() < 0.6
        one, other = photo.read(tmp_path / "got.jpg"), photo.read(tmp_path / "expected.jpg")
        assert one.metadata == other.metadata
        assert one.icc == other.icc
        assert one.quality == other.quality
        page.locator("#option-format").select_option("png")
        pixels = np.asarray(downloaded(page, tmp_path / "got.png"))
        corrected = corrector.correct(photo.read(path)).pixels
        assert difference(pixels.reshape(corrected.shape), corrected) <= 2
        page.locator("#option-format").select_option("")
        page.locator("#strip .remove").click()


def test_unsupported_files_are_refused(page, tmp_path):
    cut = DARK.read_bytes()[:20_000]
    header = struct.pack(">IIBBBBB", 1, 1, 16, 0, 0, 0, 0)
    chunk = (
        struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    )
    files = {
        "cut.jpg": (cut, "cut.jpg: the file is cut off"),
        "a.heic": (b"\0\0\0\x18ftypheic" + bytes(40), "a.heic: HEIC cannot be read in a browser"),
        "a.nef": (b"MM\0*" + bytes(40), "a.nef: TIFF and camera RAW cannot be read in a browser"),
        "a.txt": (b"a text", "a.txt: not a readable JPEG, PNG or WebP image"),
        "deep.png": (
            b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IEND\xaeB`\x82",
            "deep.png: a browser reduces 16-bit PNG to 8 bits",
        ),
    }
    for name, (data, sentence) in files.items():
        (tmp_path / name).write_bytes(data)
        page.set_input_files("#files", tmp_path / name)
        expect(page.locator("#notices p").last).to_contain_text(sentence)
    Image.open(DARK).convert("RGBA").save(tmp_path / "opaque.png")
    Image.new("RGBA", (20, 20), (9, 9, 9, 9)).save(tmp_path / "clear.png")
    page.set_input_files("#files", tmp_path / "clear.png")
    expect(page.locator("#notices p").last).to_contain_text("transparent parts cannot be kept")
    add(page, tmp_path / "opaque.png")


def test_a_policy_without_inline_scripts(page):
    """The policy is in force: what it forbids does not run."""
    refused = page.evaluate(
        """async () => {
            const refused = [];
            const note = ({ effectiveDirective }) => refused.push(effectiveDirective);
            document.addEventListener("securitypolicyviolation", note);
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
            await fetch("https://example.org/").catch(() => {});
            // Later, because a debugger's own calls may evaluate text.
            const evaluate = (done) => { try { new Function("return 1")(); } catch {} done(); };
            await new Promise((done) => setTimeout(evaluate, 0, done));
            await new Promise((done) => setTimeout(done, 100));
            return refused;
        }"""
    )
    assert sorted(refused) == ["connect-src", "script-src", "script-src-elem"]
    assert not page.evaluate("Boolean(window.ran)")


@pytest.mark.slow
def test_24_megapixels(page, corrector, tmp_path):
    image = Image.open(BRIGHT).resize((6000, 4000), Image.Resampling.BICUBIC)
    image.save(tmp_path / "large.jpg", quality=92, subsampling=2)
    add(page, tmp_path / "large.jpg")
    page.locator("#option-format").select_option("png")
    found = downloaded(page, tmp_path / "large.png")
    decoded = photo.read(tmp_path / "large.jpg")
    assert difference(np.asarray(found), corrector.correct(decoded).pixels) <= 2
    page.locator("#option-format").select_option("")
    assert downloaded(page, tmp_path / "got.jpg").size == (6000, 4000)


@pytest.mark.slow
def test_webgpu(address, corrector, tmp_path):
    with launched("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader") as browser:
        page = opened(browser, f"{address}/", [])
        if not page.evaluate("async () => Boolean(await navigator.gpu?.requestAdapter())"):
            pytest.skip("this Chromium has no WebGPU adapter")
        expect(page.locator("html")).to_have_attribute("data-provider", "webgpu")
        add(page, DARK)
        page.locator("#option-format").select_option("png")
        found = downloaded(page, tmp_path / "a.png")
    assert difference(np.asarray(found), corrector(np.asarray(Image.open(DARK)))) <= 2
