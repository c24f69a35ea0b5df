from __future__ import annotations

import numpy as np

from midtone.evaluation.contact_sheet import Tile, contact_sheet, histogram, shrink


def test_rows_of_different_sizes_make_one_sheet():
    wide, high = np.zeros((40, 100, 3), np.uint8), np.zeros((90, 30, 3), np.uint8)
    rows = [[Tile("a", "1", wide), Tile("b", "2", high)], [Tile("c", "", high)]]
    plain = contact_sheet(rows, 80)
    assert plain.dtype == np.uint8
    assert plain.shape[1] == 80 + 27 + 2 * 6
    assert plain.shape[0] == 2 * (80 + 34 + 6)
    assert contact_sheet(rows, 80, histograms=True).shape[0] == plain.shape[0] + 2 * 40
    assert (plain[34:66, :80] == 0).all()
    assert (plain[34 + 32 : 34 + 80, :80] == 255).all()


def test_small_pictures_are_not_enlarged():
    small = np.zeros((10, 20, 3), np.uint8)
    assert shrink(small, 50).shape == (10, 20, 3)
    assert shrink(small, 10).shape == (5, 10, 3)


def test_a_histogram_shows_its_codes():
    picture = np.zeros((8, 256, 3), np.uint8)
    picture[..., 0] = 200
    drawn = histogram(picture)
    assert drawn.shape == (40, 256, 3)
    columns = np.flatnonzero((drawn != 255).any((0, 2)))
    assert columns.tolist() == [0, 200]
