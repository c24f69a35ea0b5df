from __future__ import annotations

import numpy as np
import pytest

from midtone import contrast_stretch
from midtone.postprocess import ContrastStretch

from conftest import DATA

REFERENCE = np.load(DATA / "histogram_stretch.npz")


@pytest.mark.parametrize("case", ["h3", "flat"])
def test_stretch_equals_the_reference(case):
    image = REFERENCE[f"{case}_input"]
    image = image / 255 if image.dtype == np.uint8 else image
    limits = contrast_stretch.limits(image)
    np.testing.assert_allclose(limits, REFERENCE[f"{case}_limits"], rtol=0, atol=1e-12)
    stretched = contrast_stretch.stretch(image, *limits[:, 0])
    np.testing.assert_allclose(stretched, REFERENCE[f"{case}_output"], rtol=0, atol=1e-6)


def test_contrast_stretch_fills_the_range_without_a_colour_cast(astronaut):
    dull = 0.3 + 0.4 * astronaut / 255
    result = ContrastStretch()(dull, dull)
    assert result.min() < 0.01
    assert result.max() > 0.99
    inside = ((result > 0.01) & (result < 0.99)).all(2)
    slope = np.ptp(result[inside], axis=1) / np.maximum(np.ptp(dull[inside], axis=1), 1e-9)
    spread = slope[np.ptp(dull[inside], axis=1) > 0.05]
    assert np.ptp(spread) < 1e-6
