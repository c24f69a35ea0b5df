from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from midtone import bilateral_grid, lut
from midtone.cli import main
from midtone.correction import Correction
from midtone.errors import PhotoError
from midtone.options import CorrectionOptions

NOTHING = np.zeros(0)


def correction(grid: np.ndarray) -> Correction:
    return Correction(NOTHING, NOTHING, grid, 0.0)


def test_the_identity():
    table = lut.lookup_table(correction(bilateral_grid.identity()))
    assert table.shape == (33, 33, 33, 3)
    ramp = np.linspace(0, 1, 33)
    np.testing.assert_allclose(table[0, 0, :, 0], ramp, atol=1e-6)  # red is the fastest
    np.testing.assert_allclose(table[0, :, 0, 1], ramp, atol=1e-6)
    np.testing.assert_allclose(table[:, 0, 0, 2], ramp, atol=1e-6)


def test_a_table_holds_the_mean_over_the_plane():
    grid = bilateral_grid.identity((4, 5, 8))
    grid[:2] *= 0.5
    grid[2:] *= 0.25
    table = lut.lookup_table(correction(grid))
    np.testing.assert_allclose(table[-1, -1, -1], 0.375, atol=1e-6)
    np.testing.assert_allclose(lut.lookup_table(correction(grid), 0)[-1, -1, -1], 1, atol=1e-6)


def test_a_grey_correction_is_one_curve():
    grid = bilateral_grid.identity((4, 5, 8), channels=1) * 0.5
    table = lut.lookup_table(correction(grid), size=5)
    np.testing.assert_allclose(table[0, 0, :, 0], np.linspace(0, 0.5, 5), atol=1e-6)
    np.testing.assert_allclose(table[0, 2, 4], (0.5, 0.25, 0), atol=1e-6)


def test_other_programs_read_the_file(corrector, dark, tmp_path):
    """Pillow applies the table; where the correction is global, it is the correction."""
    planned = corrector.plan(dark, CorrectionOptions(ev=0.5))
    planned = correction(np.broadcast_to(planned.grid.mean((0, 1)), planned.grid.shape))
    lut.write_cube(lut.lookup_table(planned), tmp_path / "a.cube", title="test")
    lines = (tmp_path / "a.cube").read_text().splitlines()
    assert lines[1] == "LUT_3D_SIZE 33"
    values = [tuple(map(float, line.split())) for line in lines[4:]]
    assert len(values) == 33**3
    table = ImageFilter.Color3DLUT(33, values)
    by_table = np.asarray(Image.fromarray(dark).filter(table)).astype(int)
    difference = np.abs(by_table - corrector.apply(planned, dark))
    assert difference.mean() < 0.5
    with pytest.raises(PhotoError, match="exists already"):
        lut.write_cube(lut.lookup_table(planned), tmp_path / "a.cube", title="test")


def test_on_the_command_line(dark, tmp_path, capsys):
    Image.fromarray(dark).save(tmp_path / "dark.jpg")
    out, cube = tmp_path / "fixed.jpg", tmp_path / "a.cube"
    assert main(["fix", str(tmp_path / "dark.jpg"), "-o", str(out), "--lut", str(cube)]) == 0
    assert cube.read_text().startswith('TITLE "midtone ')
    assert main(["fix", str(tmp_path), "-o", str(tmp_path / "out"), "--lut", str(cube)]) == 2
    assert "--lut is of one photograph" in capsys.readouterr().err
