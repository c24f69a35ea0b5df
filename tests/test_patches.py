from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from midtone.data.patches import (
    Examples,
    Photographs,
    WindowModel,
    cut_window,
    find_photos,
    fit,
    hold_out,
    pad_square,
)


@pytest.fixture
def folder(tmp_path, astronaut):
    for number in range(5):
        Image.fromarray(np.roll(astronaut[:300], 40 * number, 1)).save(tmp_path / f"{number}.png")
    (tmp_path / "note.txt").write_text("no photograph")
    return tmp_path


def test_examples_depend_on_their_number_alone(folder):
    examples = Examples(Photographs(find_photos(folder), 200), 64, seed=3)
    forwards = [examples[number] for number in range(7)]
    backwards = [examples[number] for number in reversed(range(7))][::-1]
    for one, two in zip(forwards, backwards, strict=True):
        np.testing.assert_array_equal(one, two)
    assert all(part.shape == (64, 64, 3) for pair in forwards for part in pair)


def test_every_photograph_is_seen_once_an_epoch(folder):
    photographs = Photographs(find_photos(folder), 200)
    for place, image in enumerate(photographs.images):
        image[:] = 40 * place
    examples = Examples(photographs, 16, seed=0)
    for epoch in range(3):
        means = [round(examples[5 * epoch + n][1].mean() / 40) for n in range(5)]
        assert sorted(means) == [0, 1, 2, 3, 4]


def test_windows_lie_within_the_photograph(astronaut):
    rng = np.random.default_rng(0)
    for _ in range(50):
        window = cut_window(astronaut[:200, :333], WindowModel(), rng)
        assert window.shape[0] <= 200
        assert window.shape[1] <= 333
        assert window.shape[0] >= 0.8 * 200 - 1


@pytest.mark.parametrize("shape", [(10, 300), (300, 10), (64, 64), (1, 1), (500, 333)])
def test_whatever_shape_becomes_a_square(shape):
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    assert pad_square(fit(image, 64)).shape == (64, 64, 3)


def test_held_out_photographs_are_not_trained_on(folder):
    training, validation = hold_out(find_photos(folder), 3)
    assert len(training) == 4
    assert len(validation) == 1
    assert not set(training) & set(validation)


def test_photographs_are_kept_small(folder):
    assert Photographs(find_photos(folder), 100).images[0].shape == (59, 100, 3)
