from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from midtone.data.neutral import NeutralModel, inverse_smoothstep, render_neutral

STILL = NeutralModel(prob=1.0, contrast=0.0, black=0.0, gamma=0.0, saturation=(1.0, 1.0))


@given(st.floats(0, 1))
def test_the_contrast_curve_is_inverted(x):
    y = np.array(3 * x**2 - 2 * x**3)
    assert abs(inverse_smoothstep(np.clip(y, 0, 1)) - x) < 1e-5


def test_without_strength_nothing_changes(astronaut):
    np.testing.assert_array_equal(
        render_neutral(astronaut, STILL, np.random.default_rng(0)), astronaut
    )


@given(st.integers(0, 2**32))
def test_greys_stay_grey_and_in_order(seed):
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2)
    result = render_neutral(ramp, NeutralModel(), np.random.default_rng(seed)).astype(int)
    assert np.ptp(result, axis=2).max() <= 1
    assert (np.diff(result[0, :, 1]) >= 0).all()
    assert result[0, 255, 1] == 255


def test_contrast_and_saturation_fall(astronaut):
    rng = np.random.default_rng(0)
    results = [render_neutral(astronaut, NeutralModel(), rng) for _ in range(20)]
    spread = np.mean([np.std(result) for result in results])
    colour = np.mean([np.ptp(result, axis=2).mean() for result in results])
    assert spread < np.std(astronaut)
    assert colour < np.ptp(astronaut, axis=2).mean()
