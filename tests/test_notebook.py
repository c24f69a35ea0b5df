from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from midtone import Photo, notebook


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((1500, 3000, 3), 200, np.uint8),
        np.full((30, 40, 1), 200 * 257, np.uint16),
        np.full((30, 40, 3), 200 / 255, np.float32),
    ],
    ids=["uint8", "uint16", "float32"],
)
def test_photographs_are_shown_reduced(pixels):
    with Image.open(io.BytesIO(Photo(pixels)._repr_png_())) as shown:
        assert max(shown.size) <= 1024
        assert shown.size[0] / shown.size[1] == pytest.approx(
            pixels.shape[1] / pixels.shape[0], 0.01
        )
        assert shown.getpixel((5, 5)) == (200, 200, 200)


def test_corrections_are_shown_before_and_after(corrector, dark):
    planned = corrector.plan(dark)
    html = planned._repr_html_()
    assert html.count("data:image/png;base64,") == 2
    assert f"{planned.exposure_error:+.2f} EV" in html
    error, confidence = planned.exposure_error, planned.confidence
    assert repr(planned) == f"Correction(exposure_error={error!r}, confidence={confidence!r})"


def test_pngs_are_rounded():
    with Image.open(io.BytesIO(notebook.png(np.full((2, 2, 3), 0.5)))) as image:
        assert image.getpixel((0, 0)) == (128, 128, 128)


def test_a_photograph_is_one_line():
    photo = Photo(np.zeros((30, 40, 3), np.uint8), np.zeros((30, 40), np.uint8), format="PNG")
    assert repr(photo) == "Photo(40 x 30 RGB uint8, PNG, alpha)"
