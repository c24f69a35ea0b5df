"""The page in a real browser, with the network cut off.

The page says when it is idle (``aria-busy``), so no test waits for a time or compares screenshots.
"""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile

import numpy as np
import pytest
from PIL import Image

import midtone

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-core")

from chromium import BRIGHT, DARK, DESKTOP, add, expect, idle, opened  # noqa: E402
from midtone.server import create_app, static_files  # noqa: E402
from serving import serving  # noqa: E402

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


@pytest.fixture
def new_page(browser, address):
    """Opens the page. Afterwards no script may have failed, and no other host been addressed."""
    pages, faults = [], []

    def new_page(query="", prepare=lambda page: None, **options):
        page = opened(browser, f"{address}/{query}", faults, prepare, **options)
        pages.append(page)
        return page

    yield new_page
    for page in pages:
        page.context.close()
    assert not faults


def picture(page):
    """The canvas of the stage: H x W x 4 uint8; transparent beside the photograph."""
    idle(page)
    url = page.evaluate("document.getElementById('canvas').toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))


def changed(page, before):
    """The canvas, which must differ from ``before``."""
    now = picture(page)
    assert now.shape != before.shape or np.abs(now.astype(int) - before).max() > 2
    return now


def slide(page, name, value):
    page.locator(f"#option-{name}").fill(str(value))


@pytest.mark.parametrize(("query", "painter"), [("", "GlPainter"), ("?canvas", "CanvasPainter")])
def test_controls_change_the_picture(new_page, query, painter):
    page = new_page(query)
    add(page, DARK, BRIGHT)
    assert page.locator("#canvas").get_attribute("data-painter") == painter
    estimates = page.locator("#strip .ev").all_inner_texts()
    assert [text[0] for text in estimates] == ["\N{MINUS SIGN}", "+"]  # under, over
    first = picture(page)

    handle = page.locator("#divider").bounding_box()
    page.mouse.move(handle["x"] + 22, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(handle["x"] - 150, handle["y"] + handle["height"] / 2, steps=4)
    page.mouse.up()
    shown = changed(page, first)
    value = int(page.locator("#divider").get_attribute("aria-valuenow"))
    assert 25 <= value <= 35
    page.locator("#divider").press("Home")
    whole = shown = changed(page, shown)  # all after

    for strength in (0, 1.5, 1):
        slide(page, "strength", strength)
        before, shown = shown, changed(page, shown)
        assert (shown.mean() > before.mean()) == (strength == 1.5)
    slide(page, "ev", 0.5)
    before, shown = shown, changed(page, shown)
    assert shown.mean() > before.mean()
    page.locator("#presets button", has_text="Natural").click()
    shown = changed(page, shown)
    page.locator("#advanced summary").click()
    assert page.locator("#advanced input[type=range]").count() == 2  # the model's levels
    for level in (4, 3):
        page.locator(f"#level-{level}").fill("1.5")
        shown = changed(page, shown)
    for name in ("fusion", "contrast", "protect_highlights"):
        page.locator(f"#option-{name}").check()
        shown = changed(page, shown)
    page.locator("#reset").click()
    shown = changed(page, shown)
    assert np.abs(shown.astype(int) - whole).max() <= 2

    page.locator("#zoom-in").click()
    shown = changed(page, shown)
    page.locator("#stage").press("+")
    shown = changed(page, shown)
    page.locator("#stage").press("ArrowRight")
    shown = changed(page, shown)
    page.locator("#stage").press("0")
    shown = changed(page, shown)
    expect(page.locator("#zoom")).to_have_text("100 %")
    page.locator("#divider").press("End")
    assert changed(page, shown).mean() < whole.mean()  # all before


def test_preview_equals_correction(new_page, corrector):
    page = new_page()
    add(page, DARK)
    page.locator("#divider").press("Home")
    shown = picture(page)
    inside = shown[..., 3] > 0
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    shown = shown[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, :3].astype(int)
    expected = corrector(np.asarray(Image.open(DARK).convert("RGB"))).astype(int)
    assert shown.shape == expected.shape  # pixel by pixel
    assert np.abs(shown - expected).mean() < 1.5  # the preview is a JPEG


@pytest.mark.parametrize("path", [DARK, BRIGHT])
def test_download_equals_python(new_page, tmp_path, path):
    page = new_page()
    add(page, path)
    slide(page, "strength", 0.8)
    page.locator("#advanced summary").click()
    page.locator("#option-fusion").check()
    with page.expect_download() as download:
        page.locator("#download").click()
    assert download.value.suggested_filename == f"{path.stem}-corrected.jpg"
    got, expected = tmp_path / "got.jpg", tmp_path / "expected.jpg"
    download.value.save_as(got)
    midtone.correct(str(path), expected, strength=0.8, fusion=True)
    one, other = (np.asarray(Image.open(p)).astype(int) for p in (got, expected))
    assert np.abs(one - other).max() <= 1
    assert Image.open(got).getexif() == Image.open(expected).getexif()


def test_format_quality_and_metadata(new_page, tmp_path):
    source, target = tmp_path / "a.jpg", tmp_path / "a.webp"
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    Image.open(DARK).save(source, exif=exif)
    page = new_page()
    add(page, source)
    page.locator("#option-format").select_option("png")
    expect(page.locator("#option-quality")).to_be_disabled()
    page.locator("#option-format").select_option("webp")
    page.locator("#option-quality").fill("40")
    page.locator("#option-strip").check()
    with page.expect_download() as download:
        page.locator("#download").click()
    assert download.value.suggested_filename == "a-corrected.webp"
    download.value.save_as(target)
    expected = tmp_path / "expected.webp"
    midtone.correct(str(source), expected, quality=40, strip=True)
    assert target.read_bytes() == expected.read_bytes()
    assert not Image.open(target).getexif()


def test_archive(new_page, tmp_path):
    files = []
    for number in range(12):
        folder = tmp_path / str(number)
        folder.mkdir()
        files.append(folder / ("twice.jpg" if number > 9 else f"photo {number} ü.jpg"))
        Image.open((DARK, BRIGHT)[number % 2]).resize((300, 200)).save(files[-1])
    page = new_page()
    add(page, *files)
    slide(page, "strength", 0.5)
    page.locator("#use-for-all").click()
    with page.expect_download() as download:
        page.locator("#download-all").click()
    download.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert len(names) == len(set(names)) == 12
        assert "photo 3 ü-corrected.jpg" in names
        assert "twice-corrected-2.jpg" in names
        got = np.asarray(Image.open(io.BytesIO(archive.read(names[1]))))
    midtone.correct(str(files[1]), tmp_path / "x.jpg", strength=0.5)
    assert np.abs(got.astype(int) - np.asarray(Image.open(tmp_path / "x.jpg"))).max() <= 1
    expect(page.locator("#status")).to_have_text("12 photographs are corrected")


def test_local_file_is_shown_while_it_is_corrected(new_page):
    page = new_page()
    held, released = [], []

    def hold(route):
        if released:
            route.continue_()
        else:
            held.append(route)

    page.route("**/api/plan*", hold)
    page.set_input_files("#files", [DARK, BRIGHT])
    canvas = page.locator("#canvas")
    expect(canvas).to_have_attribute("aria-label", "dark.jpg, not corrected yet")
    expect(page.locator("#progress")).to_be_visible()
    expect(page.locator("#progress-text")).to_have_text("1 of 2")
    expect(page.locator("#download")).to_be_disabled()
    expect(page.locator("#download-all")).to_be_hidden()
    expect(page.locator("#divider")).to_be_hidden()
    assert len(held) == 2
    released.append(True)
    for route in held:
        route.continue_()
    expect(canvas).to_have_attribute("aria-label", re.compile("before on the left"))
    idle(page)
    expect(page.locator("#progress")).to_be_hidden()
    expect(page.locator("#download")).to_be_enabled()


def test_added_photograph_is_shown(new_page, tmp_path):
    page = new_page()
    add(page, DARK)
    text = tmp_path / "notes.txt"
    text.write_text("not a photograph")
    page.set_input_files("#files", [text, BRIGHT])
    expect(page.locator("#strip img")).to_have_count(2)
    idle(page)
    expect(page.locator("#notices p")).to_contain_text("notes.txt: not a readable")
    expect(page.locator("#name")).to_have_text("bright.jpg")
    expect(page.locator("#summary")).to_have_text(
        re.compile(
            r"^1\.\d EV overexposed: darkened by 1\.\d EV, highlights kept (white|bright)\.$"
        )
    )


def test_notices_disappear(new_page, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("not a photograph")
    page = new_page(prepare=lambda page: page.clock.install())
    notices = page.locator("#notices p")
    page.set_input_files("#files", text)
    expect(notices).to_have_count(1)
    expect(page.locator("#drop")).to_be_visible()
    page.clock.fast_forward(15_000)
    expect(notices).to_have_count(0)
    page.set_input_files("#files", text)
    notices.locator("button").click()
    expect(notices).to_have_count(0)


def test_file_larger_than_the_limit_is_not_sent(new_page, tmp_path):
    large = tmp_path / "large.tif"
    with large.open("wb") as file:
        file.truncate(201_000_000)
    page = new_page()
    page.set_input_files("#files", large)
    expect(page.locator("#notices p")).to_contain_text("larger than the limit of 200 MB")


def test_undo_and_redo(new_page):
    page = new_page()
    add(page, DARK, BRIGHT)
    strength, contrast = page.locator("#option-strength"), page.locator("#option-contrast")
    expect(page.locator("#undo")).to_be_disabled()
    slide(page, "strength", 0.5)
    contrast.check()
    changed_picture = picture(page)
    page.locator("#reset").click()
    expect(strength).to_have_value("1")
    page.keyboard.press("Control+z")
    expect(strength).to_have_value("0.5")
    expect(contrast).to_be_checked()
    assert np.abs(picture(page).astype(int) - changed_picture).max() <= 2
    page.keyboard.press("Control+z")
    expect(contrast).not_to_be_checked()
    page.keyboard.press("Control+z")
    expect(strength).to_have_value("1")
    expect(page.locator("#undo")).to_be_disabled()
    for _ in range(3):
        page.keyboard.press("Control+Shift+Z")
    expect(strength).to_have_value("1")
    expect(page.locator("#redo")).to_be_disabled()
    page.locator("#strip li:nth-child(1) .remove").click()
    expect(page.locator("#name")).to_have_text("bright.jpg")
    page.keyboard.press("Control+z")
    expect(page.locator("#name")).to_have_text("dark.jpg")
    expect(page.locator("#strip img")).to_have_count(2)
    idle(page)


def test_use_for_all_is_one_step(new_page):
    page = new_page()
    add(page, DARK, BRIGHT)
    softer, brighter = (page.locator("#presets button", has_text=t) for t in ("Softer", "Brighter"))
    brighter.click()
    expect(page.locator("#option-ev")).to_have_value("0.5")
    expect(brighter).to_have_attribute("aria-pressed", "true")
    softer.click()
    expect(page.locator("#option-ev")).to_have_value("0")
    expect(page.locator("#option-strength")).to_have_value("0.6")
    page.locator("#use-for-all").click()
    page.keyboard.press("n")
    expect(page.locator("#option-strength")).to_have_value("0.6")
    page.keyboard.press("Control+z")
    expect(page.locator("#name")).to_have_text("dark.jpg")
    page.keyboard.press("n")
    expect(page.locator("#option-strength")).to_have_value("1")


def test_keys(new_page):
    page = new_page()
    add(page, DARK, BRIGHT)
    page.locator("#divider").press("Home")
    after = picture(page)
    page.keyboard.down("b")
    assert changed(page, after).mean() < after.mean()
    page.keyboard.up("b")
    assert np.abs(picture(page).astype(int) - after).max() == 0
    page.keyboard.press("n")
    expect(page.locator("#name")).to_have_text("bright.jpg")
    page.keyboard.press("p")
    expect(page.locator("#name")).to_have_text("dark.jpg")
    with page.expect_download() as download:
        page.keyboard.press("d")
    assert download.value.suggested_filename == "dark-corrected.jpg"
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()


def test_reload_warns_of_lost_work(new_page):
    page = new_page()
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.accept()))
    add(page, DARK)
    with page.expect_download():
        page.locator("#download").click()
    idle(page)
    page.reload()  # everything was downloaded
    assert not dialogs
    add(page, DARK)
    page.locator("#option-contrast").check()
    idle(page)
    page.reload()
    assert dialogs == ["beforeunload"]


def test_new_parameter_gets_a_control(new_page):
    """The form has no list of parameters of its own."""

    def prepare(page):
        def add_parameter(route):
            description = route.fetch().json()
            schema = {"type": "number", "minimum": -2, "maximum": 2, "default": 0, "x-unit": "EV"}
            new = {"name": "trim", "description": "a trim", "schema": schema | {"title": "Trim"}}
            for path in ("/api/plan", "/api/correct"):
                description["paths"][path]["post"]["parameters"].append(new)
            route.fulfill(body=json.dumps(description), content_type="application/json")

        page.route("**/api/openapi.json", add_parameter)

    page = new_page(prepare=prepare)
    add(page, DARK)
    page.route("**/api/plan*", lambda route: route.continue_(url=route.request.url.split("?")[0]))
    with page.expect_request(lambda request: "trim=0.5" in request.url):
        slide(page, "trim", 0.5)
    expect(page.locator("label", has_text="Trim").locator("output")).to_have_text("+0.5 EV")
    idle(page)


def test_dropped_and_pasted(new_page):
    page = new_page()
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
    idle(page)


def test_large_photographs_are_shown_pixel_by_pixel(new_page, tmp_path):
    with Image.open(DARK) as image:
        image.resize((3000, 1767)).save(tmp_path / "large.jpg")
    page = new_page()
    add(page, tmp_path / "large.jpg")
    expect(page.locator("#canvas")).to_have_attribute("data-width", "2048")
    page.locator("#zoom-full").click()
    expect(page.locator("#zoom")).to_have_text("100 %")
    expect(page.locator("#canvas")).to_have_attribute("data-width", "3000")
    idle(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_accessibility(new_page, options, scheme):
    page = new_page(**options | {"color_scheme": scheme})
    for filled in (False, True):
        if filled:
            add(page, DARK, BRIGHT)
            page.locator("#advanced summary").click()
        found = axe.Axe().run(page).response["violations"]
        serious = [one for one in found if one["impact"] in ("serious", "critical")]
        assert not serious, [(one["id"], one["nodes"][0]["html"]) for one in serious]
        width, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width <= room


def test_phone(new_page):
    page = new_page(**PHONE)
    expect(page.get_by_role("button", name="Choose or take a photograph")).to_be_visible()
    add(page, DARK)
    stage, download = (page.locator(name).bounding_box() for name in ("#stage", "#download"))
    assert download["y"] + download["height"] <= PHONE["viewport"]["height"]
    assert stage["height"] == pytest.approx(stage["width"] * 377 / 640, abs=2)


def test_keyboard_alone(new_page):
    page = new_page()
    # Listened for early: a dialog that opens right after the first listener can be lost.
    page.on("filechooser", lambda _: None)
    active = "document.activeElement.id || document.activeElement.className"
    page.locator("nav a").focus()  # what is focused first depends on the browser's window
    page.keyboard.press("Tab")
    assert "choose" in page.evaluate(active)
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files([DARK])
    expect(page.locator("#strip img")).to_have_count(1)
    idle(page)
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(active))
    wanted = {"stage", "divider", "pick", "remove", "option-strength", "option-format", "download"}
    assert wanted <= reached


def test_page_is_small_and_loads_nothing_from_elsewhere():
    files = list(static_files.FOLDER.iterdir())
    assert sum(path.stat().st_size for path in files) < 150_000
    for path in files:
        links = re.findall(r"(?:https?:)?//[\w.]+\.\w+", path.read_text("utf-8"))
        assert set(links) <= {"http://www.w3.org"}, path
