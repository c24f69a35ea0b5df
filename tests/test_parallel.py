from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from midtone.batch import parallel
from midtone.batch.parallel import Done, Failed
from midtone.errors import Error, PhotoError, UsageError


def square(number: int) -> int:
    if number == 13:
        raise PhotoError("13: damaged")
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
    outcomes = list(parallel.run(square, range(40), workers=workers))
    (failed,) = [one for one in outcomes if isinstance(one, Failed)]
    assert (failed.item, failed.reason) == (13, "13: damaged")
    done = sorted(one.item for one in outcomes if one == Done(one.item, one.item**2))
    assert done == [n for n in range(40) if n != 13]


@pytest.mark.parametrize("workers", [1, 3])
def test_faults_of_the_program_end_the_run_unless_caught(workers):
    def work(number: int) -> int:
        return 1 // number

    with pytest.raises(ZeroDivisionError):
        list(parallel.run(work, [1, 0, 2], workers=workers))
    outcomes = list(parallel.run(work, [1, 0, 2], workers=workers, catch=(Exception,)))
    (failed,) = [one for one in outcomes if isinstance(one, Failed)]
    assert failed.reason.startswith("ZeroDivisionError: ")
    assert len(outcomes) == 3


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device", "a.jpg"), "a.jpg: No space left on device"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (MemoryError(), "too large for this computer's memory"),
        (Error("a.jpg: damaged"), "a.jpg: damaged"),
    ],
)
def test_reasons_are_one_sentence(error, reason):
    assert Failed("a.jpg", error).reason == reason


def test_items_are_taken_as_they_are_needed():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    outcomes = parallel.run(square, items(), workers=2)
    next(outcomes)
    assert len(taken) <= 8
    outcomes.close()


def test_a_process_that_dies_loses_nothing(tmp_path):
    items = [(number, str(tmp_path)) for number in range(8)]
    outcomes = list(parallel.run(square_or_die, items, workers=2, backend="processes"))
    (failed,) = [one for one in outcomes if isinstance(one, Failed)]
    assert failed.item[0] == 5
    assert "died" in failed.reason
    done = {one.item[0]: one.value for one in outcomes if isinstance(one, Done)}
    assert done == {n: n * n for n in range(8) if n != 5}


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"workers": 0}, "workers"),
        ({"backend": "ray"}, "backend must be one of threads, processes, dask, not ray"),
        ({"address": "tcp://host"}, "Dask"),
    ],
)
def test_wrong_settings_are_refused(settings, word):
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
    outcomes = list(parallel.run(square, range(4), workers=1, backend="processes"))
    assert broken
    assert sorted(one.item for one in outcomes) == list(range(4))
    assert all(one == Done(one.item, one.item**2) for one in outcomes)


def test_stopping_early_leaves_no_process_behind():
    outcomes = parallel.run(square, range(100), workers=2, backend="processes")
    next(outcomes)
    outcomes.close()
    assert not multiprocessing.active_children()


def square_slowly(given: tuple[int, str]) -> int:
    """Number 4 kills its worker the first time."""
    number, folder = given
    mark = Path(folder) / "killed"
    if number == 4 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return number * number


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "127.0.0.1:1", "none://there"])
def test_no_dask_scheduler_is_one_sentence(address, monkeypatch, caplog):
    pytest.importorskip("distributed")
    monkeypatch.setattr(parallel, "_CONNECT_SECONDS", 0.2)
    with pytest.raises(UsageError, match=f"{address}: no Dask scheduler answers"):
        list(parallel.run(square, [1], backend="dask", address=address))
    assert not [one for one in caplog.records if one.levelno < logging.CRITICAL]


@pytest.mark.slow
def test_dask_survives_a_killed_worker(tmp_path):
    pytest.importorskip("distributed")
    items = [(number, str(tmp_path)) for number in range(20)]
    outcomes = list(parallel.run(square_slowly, items, workers=2, backend="dask"))
    assert (tmp_path / "killed").exists()
    assert sorted(one.item[0] for one in outcomes) == list(range(20))
    assert all(one == Done(one.item, one.item[0] ** 2) for one in outcomes)
