"""Chromium for the tests of the pages: how it is started, and what a test does on a page."""

from __future__ import annotations

import atexit
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")

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
TIMEOUT = 300_000  # ms; a loaded machine is slow, not broken


@contextmanager
def launched(*flags: str) -> Iterator:
    """A browser that reaches this computer only."""
    playwright.expect.set_options(timeout=TIMEOUT)
    browser = _driver().chromium.launch(
        executable_path=CHROMIUM, args=[*FLAGS, *flags], timeout=TIMEOUT
    )
    yield browser
    browser.close()


@cache
def _driver():
    """Playwright, started once: a process can hold one only."""
    driver = playwright.sync_playwright().start()
    atexit.register(driver.stop)
    return driver


def opened(browser, address: str, faults: list[str], prepare=lambda page: None, **options):
    """A page in a context of its own. Failing scripts and other hosts' addresses are ``faults``."""
    origin = re.match("https?://[^/]+", address).group()
    context = browser.new_context(**options or DESKTOP)
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "request",
        lambda request: (
            request.url.startswith((origin, "blob:", "data:")) or faults.append(request.url)
        ),
    )
    prepare(page)
    page.goto(address)
    return page


def expect(locator):
    return playwright.expect(locator)


def idle(page):
    """Wait until nothing is under way and the layout is done."""
    expect(page.locator("#view")).to_have_attribute("aria-busy", "false")
    page.evaluate("() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")


def add(page, *files):
    page.set_input_files("#files", files)
    expect(page.locator("#strip img")).to_have_count(len(files))
    idle(page)
