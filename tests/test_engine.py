from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from midtone.batch import parallel
from midtone.errors import UsageError


def square(number: int) -> int:
    if number == 13:
        raise ValueError("unlucky")
    return number * number


def square_or_die(given: tuple[int, str]) -> int:
    """Dies the first time with number 3, always with number 5."""
    number, folder = given
    mark = Path(folder) / str(number)
    if number == 5 or (number == 3 and not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


@pytest.mark.parametrize("workers", [1, 3])
def test_threads_do_each_item_once(workers):
    done = dict(parallel.run(square, range(40), workers=workers))
    assert isinstance(done.pop(13), ValueError)
    assert done == {n: n * n for n in range(40) if n != 13}


def test_items_are_taken_as_they_are_needed():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    flow = parallel.run(square, items(), workers=2)
    next(flow)
    assert len(taken) <= 8
    flow.close()


def test_a_process_that_dies_loses_nothing(tmp_path):
    items = [(number, str(tmp_path)) for number in range(8)]
    done = list(parallel.run(square_or_die, items, workers=2, engine="processes"))
    assert sorted(item[0] for item, _ in done) == list(range(8))
    results = {item[0]: outcome for item, outcome in done}
    assert "died" in str(results.pop(5))
    assert results == {n: n * n for n in range(8) if n != 5}


@pytest.mark.parametrize(
    ("settings", "word"), [({"workers": 0}, "workers"), ({"engine": "ray"}, "engine")]
)
def test_nonsense_is_refused(settings, word):
    with pytest.raises(UsageError, match=word):
        list(parallel.run(square, [1], **settings))


def test_a_pool_found_broken_at_the_next_item_loses_nothing(monkeypatch):
    broken = []

    def submit(pool, *arguments):
        if not broken:
            broken.append(arguments)
            raise BrokenProcessPool
        return original(pool, *arguments)

    original = ProcessPoolExecutor.submit
    monkeypatch.setattr(ProcessPoolExecutor, "submit", submit)
    done = list(parallel.run(square, range(4), workers=1, engine="processes"))
    assert broken
    assert sorted(done) == [(n, n * n) for n in range(4)]


def test_stopping_early_leaves_no_process_behind():
    flow = parallel.run(square, range(100), workers=2, engine="processes")
    next(flow)
    flow.close()
    assert not multiprocessing.active_children()


def square_slowly(given: tuple[int, str]) -> int:
    """Number 4 kills its worker the first time."""
    import time

    number, folder = given
    mark = Path(folder) / "killed"
    if number == 4 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return number * number


@pytest.mark.slow
def test_dask_survives_a_killed_worker(tmp_path):
    pytest.importorskip("distributed")
    items = [(number, str(tmp_path)) for number in range(20)]
    done = list(parallel.run(square_slowly, items, workers=2, engine="dask"))
    assert (tmp_path / "killed").exists()
    assert sorted(item[0] for item, _ in done) == list(range(20))
    assert {item[0]: outcome for item, outcome in done} == {n: n * n for n in range(20)}
