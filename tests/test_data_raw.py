from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("rawpy", reason="needs midtone[raw]")

from midtone.data.raw import develop


def test_a_developed_scene_is_the_one_that_was_photographed(raws, astronaut):
    developed = develop((raws / "scene0.dng").read_bytes())
    assert developed.light.dtype == np.uint16
    small = np.asarray(Image.fromarray(astronaut).resize((240, 160))) / 255
    wanted = np.where(small <= 0.04045, small / 12.92, ((small + 0.055) / 1.055) ** 2.4) * 2**-1.5
    got = developed.light / 65535
    inner = np.s_[8:-8, 8:-8]
    means = got[inner].mean((0, 1)) / wanted[inner].mean((0, 1))
    np.testing.assert_allclose(means, 1, atol=0.05)  # white balance and colour
    brighter, darker = (developed.render(ev).pixels.mean() for ev in (1, -1))
    assert darker < developed.render(0).pixels.mean() < brighter
    assert developed.render(0, 16).pixels.dtype == np.uint16
