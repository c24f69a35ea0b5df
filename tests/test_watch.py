from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path

import pytest

from midtone.batch import inputs, watch
from midtone.errors import UsageError


class Enough(Exception):
    pass


def watched(folder: Path, out: Path, steps: list[dict[str, bytes]]) -> list[list[tuple[str, int]]]:
    """What arrives, as name and size, while each step writes files between two looks."""
    left = iter(steps)
    seen: list[list[tuple[str, int]]] = []

    def pause(_: float) -> None:
        step = next(left, None)
        if step is None:
            raise Enough
        for name, data in step.items():
            (folder / name).write_bytes(data)

    with contextlib.suppress(Enough):
        for jobs in watch.arrivals(folder, partial(inputs.plan, [folder], out), pause=pause):
            seen.append([(job.target.name, job.source.stat().st_size) for job in jobs])
    return seen


def test_files_arrive_when_they_are_complete(tmp_path):
    (folder := tmp_path / "shoot").mkdir()
    half, whole, other = {"a.jpg": b"1"}, {"a.jpg": b"123", "b.jpg": b""}, {"a.jpg": b"1234"}
    steps = [{}, half, whole, {}, {}, other, {}, {"b.jpg": b"1", "c.jpg": b"1"}, {}, {}]
    expected = [[("a.jpg", 3)], [("a.jpg", 4)], [("b.jpg", 1), ("c.jpg", 1)]]
    assert watched(folder, tmp_path / "out", steps) == expected


def test_files_with_a_result_are_not_yielded(tmp_path):
    (folder := tmp_path / "shoot").mkdir()
    (out := tmp_path / "out").mkdir()
    (folder / "a.jpg").write_bytes(b"1")
    (out / "a.jpg").write_bytes(b"1")
    assert watched(folder, out, [{}, {}]) == []
    assert watched(folder, out, [{}, {"a.jpg": b"12"}, {}]) == []
    (out / "a.jpg").unlink()
    assert watched(folder, out, [{}, {}]) == [[("a.jpg", 2)]]


def test_errors_other_than_an_empty_folder_are_raised(tmp_path):
    with pytest.raises(UsageError, match="no folder to watch"):
        watched(tmp_path / "none", tmp_path / "out", [])
    (folder := tmp_path / "shoot").mkdir()
    with pytest.raises(UsageError, match="would replace"):
        watched(folder, folder, [{"a.jpg": b"1"}, {}])
