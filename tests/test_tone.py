from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midtone.data.synthesize import linear_curve
from midtone.evaluation import tone


def gained(image: np.ndarray, ev: float) -> np.ndarray:
    return np.rint(linear_curve(ev)).astype(np.uint8)[image]


@given(st.floats(-1.5, 1.5))
def test_a_gain_in_linear_light_changes_the_exposure_by_its_ev(ev):
    image = np.arange(60, 120, dtype=np.uint8).reshape(1, 20, 3)
    assert tone.exposure_change(image, gained(image, ev)) == pytest.approx(ev, abs=0.02)


def test_weights_choose_what_is_measured():
    image = np.full((4, 6, 3), 100, np.uint8)
    after = image.copy()
    after[:, 3:] = gained(image, 1.0)[:, 3:]
    left = np.zeros((4, 6))
    left[:, :3] = 1
    lift = tone.measure_lift(image, after, left)
    assert lift.dark == 0
    assert lift.bright == pytest.approx(1, abs=0.02)
    assert tone.exposure_change(image, after) == pytest.approx(0.5, abs=0.02)
    assert tone.mean_change(image, after) == pytest.approx((int(after[0, 5, 0]) - 100) / 2)


def test_black_is_no_infinite_change():
    black, dark = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 1, np.uint8)
    assert tone.exposure_change(black, dark) == pytest.approx(0)


@pytest.fixture
def blown() -> np.ndarray:
    """Grey with a white square."""
    image = np.full((80, 120, 3), 100, np.uint8)
    image[20:60, 30:90] = 255
    return image


def test_white_that_stays_white(blown):
    white = tone.measure_white(blown, blown)
    assert white is not None
    assert white.share == pytest.approx(0.25)
    assert (white.median, white.low, white.top) == pytest.approx((255, 255, 255), abs=0.01)
    assert white.rim == 0
    assert white.cast == pytest.approx(0, abs=0.01)


def test_white_that_turns_grey_with_a_cast_and_a_rim(blown):
    after = blown.copy()
    after[20:60, 30:90] = (230, 220, 200)
    after[20:60, 30] = after[20:60, 89] = after[20, 30:90] = after[59, 30:90] = 90
    white = tone.measure_white(blown, after)
    assert white is not None
    assert white.median == pytest.approx(0.299 * 230 + 0.587 * 220 + 0.114 * 200, abs=0.1)
    assert white.low == pytest.approx(90, abs=0.1)
    assert white.cast > 5
    assert white.rim == pytest.approx(4, abs=1)  # L* of 100 against 90


def test_few_white_pixels_are_no_white_part(blown):
    assert tone.measure_white(np.minimum(blown, 249), blown) is None
    blown[20:60, 30:90] = 100
    blown[:10, :19] = 255  # 190
    assert tone.measure_white(blown, blown) is None


@pytest.fixture
def window() -> np.ndarray:
    """A dark room with a bright window; noise makes the parts overlap a little."""
    rng = np.random.default_rng(0)
    image = np.full((120, 160, 3), 40.0)
    image[20:90, 60:130] = 200
    return np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)


def test_the_dark_part_follows_edges(window):
    mask = tone.dark_part(window)
    assert mask.shape == window.shape[:2]
    assert mask[22:88, 62:128].max() < 0.2
    assert mask[:18].min() > 0.8
    assert mask[:, :58].min() > 0.8


def test_darkening_leaves_the_rest(window):
    mask = tone.dark_part(window)
    darker = tone.darken(window, mask, -1.5)
    lift = tone.measure_lift(window, darker, mask)
    assert lift.dark < -1
    assert abs(lift.bright) < 0.1
    assert np.array_equal(tone.darken(window, np.zeros_like(mask), -1.5), window)


def test_a_light_background_becomes_white():
    rng = np.random.default_rng(0)
    image = np.full((60, 80, 3), (210.0, 200.0, 180.0))
    image[20:40, 30:50] = (60, 90, 30)
    image = np.clip(image + rng.normal(0, 3, image.shape), 0, 255).astype(np.uint8)
    white = (tone.whiten_background(image) >= 250).all(2)
    assert white[:15].mean() > 0.9
    assert not white[22:38, 32:48].any()
    black = np.zeros((4, 4, 3), np.uint8)
    assert np.array_equal(tone.whiten_background(black), black)


LIGHT, TAN, DARK = (236, 200, 178), (190, 140, 110), (98, 66, 50)


def face(skin: tuple[int, int, int]) -> np.ndarray:
    """A face of one colour with dark eyes and glare, on blue."""
    image = np.full((100, 100, 3), (40, 60, 160), np.uint8)
    image[15:95, 20:80] = skin
    image[40:46, 30:45] = image[40:46, 55:70] = 10
    image[60:64, 48:52] = 255
    return image


@pytest.mark.parametrize(("skin", "group"), [(LIGHT, "light"), (TAN, "tan"), (DARK, "dark")])
def test_skin_is_found_and_grouped(skin, group):
    image = face(skin)
    mask = tone.skin_mask(image, (20, 10, 60, 85))
    assert mask.sum() > 300
    assert (image[mask] == skin).all()
    assert tone.skin_group(tone.typology_angle(image, mask)) == group


def test_typology_angle_by_hand():
    import cv2

    lab = np.float32([[[70, 10, 20]]])
    colour = np.rint(255 * cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)).astype(np.uint8)
    angle = tone.typology_angle(colour, np.ones((1, 1), bool))
    assert angle == pytest.approx(45, abs=1.5)
    assert [tone.skin_group(a) for a in (60, 41, 40, 28, 10, 9, -30, -89)] == [
        *("light", "light", "intermediate", "intermediate", "tan", "brown", "brown", "dark")
    ]


def test_a_face_without_skin_has_an_empty_mask():
    assert not tone.skin_mask(np.full((50, 50, 3), (0, 200, 0), np.uint8), (5, 5, 40, 40)).any()
