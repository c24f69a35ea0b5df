from __future__ import annotations

import numpy as np
import pytest

from midtone.batch.inspect_files import describe, inspect_file
from midtone.correction import Correction
from midtone.photo import open_file


@pytest.mark.parametrize(
    ("before", "after", "action"),
    [(0.2, 0.5, "brighten"), (0.5, 0.2, "darken"), (0.5, 0.5, "none")],
)
def test_the_action_follows_the_sign_of_the_error(before, after, action, corrector):
    images = (np.full((4, 5, 3), value, np.float32) for value in (before, after))
    error = float(np.sign(before - after))
    found = describe(Correction(*images, np.zeros(0), error), corrector)
    assert found.action == action
    assert np.sign(found.exposure_error) == {"brighten": -1, "darken": 1, "none": 0}[action]


def test_pixels_are_clipped_in_all_channels(corrector):
    image = np.full((10, 10, 3), 0.5, np.float32)
    image[0] = 1
    image[1, :5] = 0
    image[2] = (1, 1, 0)
    found = describe(Correction(image, image, np.zeros(0), 0.0), corrector).to_dict()
    assert (found["clipped_white"], found["clipped_black"]) == (0.1, 0.05)
    assert found["model"] == "default"
    assert len(found["model_sha256"]) == 64


def test_a_file_is_inspected(corrector, dark, tmp_path):
    from PIL import Image

    Image.fromarray(dark).save(tmp_path / "dark.png")
    found = inspect_file(corrector, open_file(tmp_path / "dark.png"))
    assert found.action == "brighten"
    assert found.exposure_error == pytest.approx(corrector.exposure_error(dark))
