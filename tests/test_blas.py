from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

from midtone import bilateral_grid
from midtone.bilateral_grid import blas


@pytest.fixture
def threads():
    """The number of OpenBLAS's threads, which is two at the beginning."""
    functions = blas._functions()
    if functions is None:
        pytest.skip("NumPy has another library than OpenBLAS")
    get, set = functions
    before = get()
    set(2)
    if get() != 2:
        pytest.skip("this OpenBLAS has no second thread")
    yield get
    set(before)


def test_the_last_of_many_threads_sets_the_number_back(threads):
    barrier = Barrier(8)

    def work(_: int) -> int:
        with blas.one_blas_thread():
            barrier.wait()
            inside = threads()
            barrier.wait()
        return inside

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [1] * 8
    assert threads() == 2


def test_the_number_is_set_back_after_an_error(threads):
    with pytest.raises(ValueError, match="one or three channels"):
        bilateral_grid.fit(np.zeros((2, 2, 2)), np.zeros((2, 2, 2)))
    assert threads() == 2


def test_fitting_uses_one_thread(threads, monkeypatch):
    seen = []
    for name in ("cholesky", "lstsq"):
        original = getattr(np.linalg, name)

        def watched(*arrays, original=original):
            seen.append(threads())
            return original(*arrays)

        monkeypatch.setattr(np.linalg, name, watched)
    image = np.random.default_rng(0).random((20, 30, 3))
    bilateral_grid.fit(image, image**2, shape=(3, 4, 5))
    assert seen == [1] * (3 * 4 + 1)
    assert threads() == 2


def test_other_libraries_are_left_alone(monkeypatch):
    monkeypatch.setattr(blas, "_functions", lambda: None)
    with blas.one_blas_thread():
        assert blas._LIMIT._users == 0
