from __future__ import annotations

import numpy as np
import pytest

from midtone.data import align


def test_alignment_measures_the_shift(astronaut):
    other = np.rint(255 * (astronaut / 255) ** 0.6).astype(np.uint8)
    assert align.problem(astronaut, other) == ""
    far, alike = align.shift(astronaut, np.roll(other, 8, 1))
    assert far == pytest.approx(6, abs=1)  # of 384
    assert alike > 0.8
    assert "shifted by" in align.problem(astronaut, np.roll(other, 8, 1))
    assert "does not show the same" in align.problem(astronaut, other[::-1]) or "shifted" in (
        align.problem(astronaut, other[::-1])
    )
