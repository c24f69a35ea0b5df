from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from midtone.training.calibration import Moments, fit_confidence, table


def moments(size, needed, noise=0.0, seed=0):
    """Corrections of one size each, and the part ``needed`` of them that the target has."""
    rng = np.random.default_rng(seed)
    yy = (0.2 * size) ** 2
    yt = needed * yy
    return Moments(size, yy, yt, needed**2 * yy + noise * rng.random(size.shape) ** 2)


def test_small_corrections_that_are_not_needed_get_no_confidence():
    size = np.linspace(0.01, 4, 2000)
    step = fit_confidence(moments(size, (size > 1.0).astype(float)))
    assert step.half == pytest.approx(1.0, abs=0.15)
    assert step.slope > 5


def test_corrections_that_are_right_are_kept():
    size = np.linspace(0.05, 4, 500)
    step = fit_confidence(moments(size, np.ones(500)))
    assert step.half < 0.05


def test_the_error_is_that_of_the_shrunk_correction():
    rng = np.random.default_rng(2)
    x, y, t = rng.random((3, 50))
    one = Moments(
        *(
            np.array([v])
            for v in (1.0, ((y - x) ** 2).mean(), ((y - x) * (t - x)).mean(), ((t - x) ** 2).mean())
        )
    )
    for share in (0.0, 0.3, 1.0):
        expected = ((x + share * (y - x) - t) ** 2).mean()
        assert one.error(share)[0] == pytest.approx(expected)


def test_the_table_compares_confidence_with_the_best_share():
    size = np.linspace(0.01, 3, 300)
    found = moments(size, np.full(300, 0.5))
    rows = table(found, fit_confidence(found)).splitlines()
    assert rows[0].startswith("| change, EV")
    assert len(rows) == 2 + 7
    assert all(row.split("|")[4].strip() == "0.50" for row in rows[4:])


def test_it_runs_on_a_folder_and_refuses_an_empty_one(tmp_path, astronaut):
    (tmp_path / "none").mkdir()
    (tmp_path / "photos").mkdir()
    Image.fromarray(astronaut).save(tmp_path / "photos/one.png")
    command = [sys.executable, "-m", "midtone.training.calibration", "default"]
    empty = subprocess.run(
        [*command, tmp_path / "none"], capture_output=True, text=True, check=False
    )
    assert empty.returncode == 1
    assert "holds no photographs" in empty.stderr
    ran = subprocess.run(
        [*command, tmp_path / "photos", "--examples", "6"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'step = "shrink_by_confidence"' in ran.stdout
