from __future__ import annotations

import pytest

from midtone.evaluation.results import Row, Score, csv_columns


@pytest.mark.parametrize("ev", [None, -1.5])
def test_a_row_survives_the_csv_file(ev):
    score = Score(12.5, 0.25)
    row = Row(
        method="m",
        image="i",
        scene="s",
        ev=ev,
        group="under",
        scores={"a": score, "b": score},
        niqe=3.5,
        ma=None,
        milliseconds=1.5,
    )
    assert list(row.to_csv()) == csv_columns("ab")
    assert Row.from_csv(row.to_csv(), "ab") == row
    assert row.mean == score
