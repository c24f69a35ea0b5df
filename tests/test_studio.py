"""Pictures with a plain ground."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtone.data.studio import StudioModel, draw_studio, on_ground, on_page

WHITE, BLACK = np.ones(3), np.zeros(3)


def _picture(height: int = 60, width: int = 90) -> np.ndarray:
    return np.random.default_rng(1).integers(60, 190, (height, width, 3)).astype(np.uint8)


def test_without_probabilities_nothing_is_composed() -> None:
    assert draw_studio(_picture(), StudioModel(), np.random.default_rng(0)) is None


@given(seed=st.integers(0, 2**32 - 1), height=st.integers(1, 70), width=st.integers(1, 70))
def test_the_size_stays_and_the_same_numbers_give_the_same_picture(
    seed: int, height: int, width: int
) -> None:
    picture, model = _picture(height, width), StudioModel(0.4, 0.3, 0.3)
    one, again = (draw_studio(picture, model, np.random.default_rng(seed)) for _ in range(2))
    assert one is not None
    assert again is not None
    assert one.shape == picture.shape
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, again)


@given(seed=st.integers(0, 2**32 - 1))
def test_the_subject_keeps_its_values_and_the_ground_is_plain(seed: int) -> None:
    picture = _picture()
    made = on_ground(picture, BLACK, np.random.default_rng(seed))
    ground, kept = (made == 0).all(-1), (made == picture).all(-1)
    assert ground.any()
    assert kept.any()
    assert (made <= picture).all()  # between the two only the soft outline


def test_a_white_ground_is_the_brightest_part() -> None:
    made = on_ground(_picture(), WHITE, np.random.default_rng(4))
    assert made.max() == 255
    assert made.mean() > _picture().mean()


@pytest.mark.parametrize("seed", range(4))
def test_a_page_is_mostly_paper_with_dark_strokes(seed: int) -> None:
    made = on_page(_picture(120, 90), WHITE, np.random.default_rng(seed))
    assert (made == 255).all(-1).mean() > 0.3
    assert made.min() < 100
