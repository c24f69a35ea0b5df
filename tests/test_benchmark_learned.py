"""benchmarks/learned.py on small made-up sets."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
pytest.importorskip("tqdm")

import learned


def test_the_sets_become_one_table(tmp_path, astronaut, monkeypatch):
    monkeypatch.setattr(learned.learned, "methods", dict)
    good, dark = astronaut[:64, :96], astronaut[:64, :96] // 3
    files = {
        "fivek/input/a.png": dark,
        "fivek/reference/a.png": good,
        "fivek/theirs/a.png": good,
        "brackets/input/a_under.png": dark,
        "brackets/reference/a.png": good,
        "kodak/a.png": good,
    }
    for name, pixels in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / name)
    (tmp_path / "brackets/pairs.csv").write_text("input,reference,kind\na_under.png,a.png,under\n")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in learned.quality(tmp_path, tmp_path / "out", 1).splitlines()
    ]
    columns = ["fivek (1)", "brackets under (1)", "kodak over (1)", "kodak under (1)"]
    assert rows[0] == ["method", *columns]
    assert [row[0] for row in rows[2:]] == ["midtone", "input", "theirs"]
    assert rows[4][1:] == ["50.00 / 1.000", "-", "-", "-"]
    assert rows[3][1] == rows[3][2]
    assert (tmp_path / "out/kodak.jpg").exists()
