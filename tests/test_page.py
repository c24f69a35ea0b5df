"""The page in a real browser, with the network cut off."""

from __future__ import annotations

import io
import os
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import midtone

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-core")

from midtone.server import static_files  # noqa: E402
from midtone.server.application import create_app  # noqa: E402
from serving import serving  # noqa: E402

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")
if not CHROMIUM:
    pytest.skip("needs Debian's package chromium", allow_module_level=True)
EXAMPLES = Path(__file__).parents[1] / "examples"
DARK, BRIGHT = EXAMPLES / "dark.jpg", EXAMPLES / "bright.jpg"
FLAGS = [
    "--no-sandbox",  # tests may run as root
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
DESKTOP = {"viewport": {"width": 1280, "height": 860}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "color_scheme": "dark",
}


@pytest.fixture(scope="module")
def address(corrector):
    with serving(create_app(corrector)) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, address):
    """Opens the page; afterwards nothing may have gone wrong, nor elsewhere."""
    contexts, faults = [], []

    def opened(query="", **options):
        context = browser.new_context(**options or DESKTOP)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request",
            lambda request: (
                request.url.startswith((address, "blob:", "data:")) or faults.append(request.url)
            ),
        )
        page.goto(f"{address}/{query}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not faults


def give(page, *files, pictures=None):
    page.set_input_files("#files", files)
    wanted = len(files) if pictures is None else pictures
    expect(page.locator("#strip img")).to_have_count(wanted, timeout=60_000)


def expect(locator):
    return playwright.expect(locator)


def picture(page):
    """What the stage shows, as an array."""
    return np.asarray(Image.open(io.BytesIO(page.locator("#stage").screenshot())).convert("RGB"))


def settled(page, before):
    """The stage once it differs from ``before``."""
    for _ in range(50):
        page.wait_for_timeout(100)
        now = picture(page)
        if now.shape != before.shape or np.abs(now.astype(int) - before).max() > 2:
            return now
    raise AssertionError("the stage did not change")


def slide(page, name, value):
    page.locator(f"#{name}").fill(str(value))


@pytest.mark.parametrize(("query", "painter"), [("", "GlPainter"), ("?plain", "PlainPainter")])
def test_every_control_changes_what_is_seen(opened, query, painter):
    page = opened(query)
    give(page, DARK, BRIGHT)
    assert page.locator("#canvas").get_attribute("data-painter") == painter
    estimates = page.locator("#strip .ev").all_inner_texts()
    assert [text[0] for text in estimates] == ["\N{MINUS SIGN}", "+"]  # under, over
    page.locator("#strip li:nth-child(1) .pick").click()
    expect(page.locator("#caption")).to_contain_text("EV underexposed")
    first = seen = picture(page)

    handle = page.locator("#divider").bounding_box()
    page.mouse.move(handle["x"] + 22, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(handle["x"] - 150, handle["y"] + handle["height"] / 2, steps=4)
    page.mouse.up()
    seen = settled(page, seen)
    value = int(page.locator("#divider").get_attribute("aria-valuenow"))
    assert 25 <= value <= 35
    page.locator("#divider").focus()
    page.keyboard.press("Home")
    expect(page.locator("#divider")).to_have_attribute("aria-valuenow", "0")
    whole = seen = settled(page, seen)  # all after

    slide(page, "strength", 0)
    seen = settled(page, seen)
    assert seen.mean() < whole.mean()  # the dark photograph itself
    slide(page, "strength", 100)
    seen = settled(page, seen)
    for name in ("level-4", "level-3"):
        slide(page, name, 150)
        seen = settled(page, seen)
    assert page.locator("#level-1").is_disabled()  # the built-in model has no such level
    for name in ("fusion", "contrast"):
        page.locator(f"#{name}").check()
        seen = settled(page, seen)
    page.locator("#reset").click()
    seen = settled(page, seen)
    assert np.abs(seen.astype(int) - whole)[:, 60:].max() <= 2  # the handle has lost the focus

    page.locator("#zoom-in").click()
    seen = settled(page, seen)
    page.locator("#stage").focus()
    page.keyboard.press("ArrowRight")
    page.mouse.wheel(0, -600)
    seen = settled(page, seen)
    page.keyboard.press("0")
    seen = settled(page, seen)
    expect(page.locator("#zoom")).to_have_text("100 %")
    page.locator("#divider").focus()
    page.keyboard.press("End")
    assert settled(page, seen).mean() < whole.mean()  # all before
    page.locator("#strip li:nth-child(2) .pick").click()
    expect(page.locator("#caption")).to_contain_text("EV overexposed")
    assert np.abs(picture(page).astype(int) - first).max() > 20


def test_the_preview_is_the_correction(opened, corrector):
    page = opened()
    give(page, DARK)
    page.locator("#divider").press("Home")
    page.wait_for_timeout(300)
    shot = picture(page).astype(int)
    expected = corrector(np.asarray(Image.open(DARK).convert("RGB"))).astype(int)
    height, width = expected.shape[:2]  # shown pixel by pixel in the middle of the stage
    top, left = (shot.shape[0] - height + 1) // 2, (shot.shape[1] - width + 1) // 2
    middle = np.s_[height // 3 :, 40:-120]  # without the labels and the divider
    difference = np.abs(shot[top : top + height, left : left + width] - expected)[middle]
    assert difference.mean() < 1.5  # the view is a JPEG


@pytest.mark.parametrize("path", [DARK, BRIGHT])
def test_the_download_is_what_python_makes(opened, tmp_path, path):
    page = opened()
    give(page, path)
    slide(page, "strength", 80)
    page.locator("#fusion").check()
    with page.expect_download() as download:
        page.locator("#download").click()
    assert download.value.suggested_filename == f"{path.stem}-corrected.jpg"
    got, expected = tmp_path / "got.jpg", tmp_path / "expected.jpg"
    download.value.save_as(got)
    midtone.correct(str(path), expected, strength=0.8, fusion=True)
    one, other = (np.asarray(Image.open(p)).astype(int) for p in (got, expected))
    assert np.abs(one - other).max() <= 1
    assert Image.open(got).getexif() == Image.open(expected).getexif()


def test_many_at_once_come_back_in_one_archive(opened, tmp_path):
    files = []
    for number in range(12):
        folder = tmp_path / str(number)
        folder.mkdir()
        files.append(folder / ("twice.jpg" if number > 9 else f"photo {number} ü.jpg"))
        Image.open((DARK, BRIGHT)[number % 2]).resize((300, 200)).save(files[-1])
    page = opened()
    give(page, *files)
    page.locator("#strength").fill("50")
    page.locator("#same").click()
    with page.expect_download() as download:
        page.locator("#download-all").click()
    download.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == len(set(names)) == 12
        assert "photo 3 ü-corrected.jpg" in names
        assert "twice-corrected-2.jpg" in names
        got = np.asarray(Image.open(io.BytesIO(archive.read(names[0]))))
    midtone.correct(str(files[0]), tmp_path / "x.jpg", strength=0.5)
    assert np.abs(got.astype(int) - np.asarray(Image.open(tmp_path / "x.jpg"))).max() <= 1
    expect(page.locator("#status")).to_have_text("12 photographs are corrected")


def test_what_is_no_photograph_is_said_politely(opened, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("not a photograph")
    page = opened()
    give(page, text, DARK, pictures=1)
    notice = page.locator("#notices p")
    expect(notice).to_contain_text("notes.txt: not a readable")
    expect(page.locator("#strip li")).to_have_count(1)
    notice.locator("button").click()
    expect(notice).to_have_count(0)
    page.locator("#strip .remove").click()
    expect(page.locator("#drop")).to_be_visible()


def test_dropped_and_pasted(opened):
    page = opened()
    for kind, holder in (("drop", "dataTransfer"), ("paste", "clipboardData")):
        page.evaluate(
            """async ([kind, holder]) => {
                const data = new DataTransfer();
                const canvas = new OffscreenCanvas(120, 80);
                canvas.getContext("2d").fillRect(0, 0, 60, 80);
                data.items.add(new File([await canvas.convertToBlob()], kind + ".png"));
                const event = new Event(kind, { bubbles: true, cancelable: true });
                Object.defineProperty(event, holder, { value: data });
                document.dispatchEvent(event);
            }""",
            [kind, holder],
        )
        expect(page.locator("#strip li", has_text=f"{kind}.png").locator("img")).to_have_count(1)


def test_large_photographs_are_shown_pixel_by_pixel(opened, tmp_path):
    with Image.open(DARK) as image:
        image.resize((3000, 1767)).save(tmp_path / "large.jpg")
    page = opened()
    give(page, tmp_path / "large.jpg")
    before = picture(page)
    page.locator("#zoom-full").click()
    settled(page, before)
    expect(page.locator("#zoom")).to_have_text("100 %")
    expect(page.locator("#canvas")).to_have_attribute("data-width", "3000")


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_stands_in_the_way_of_anybody(opened, options):
    page = opened(**options)
    for filled in (False, True):
        if filled:
            give(page, DARK, BRIGHT)
        found = axe.Axe().run(page).response["violations"]
        grave = [one for one in found if one["impact"] in ("serious", "critical")]
        assert not grave, [(one["id"], one["nodes"][0]["html"]) for one in grave]
        wide, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= room


def test_by_keyboard_alone(opened):
    page = opened()
    # Listened for early: a dialog that opens right after the first listener can be lost.
    page.on("filechooser", lambda _: None)
    active = "document.activeElement.id || document.activeElement.className"
    page.locator("nav a").focus()  # what is focused first depends on the browser's window
    page.keyboard.press("Tab")
    assert "choose" in page.evaluate(active)
    with page.expect_file_chooser(timeout=5000) as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files([DARK])
    expect(page.locator("#strip img")).to_have_count(1)
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(active))
    wanted = {"stage", "divider", "pick", "remove", "strength", "level-4", "fusion", "download"}
    assert wanted <= reached


def test_the_page_is_light_and_stands_alone():
    files = list(static_files.FOLDER.iterdir())
    assert sum(path.stat().st_size for path in files) < 150_000
    for path in files:
        links = re.findall(r"(?:https?:)?//[\w.]+\.\w+", path.read_text("utf-8"))
        assert set(links) <= {"http://www.w3.org"}, path
