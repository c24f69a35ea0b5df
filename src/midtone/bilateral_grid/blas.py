"""One thread for the linear algebra of small systems.

Threads of OpenBLAS, NumPy's usual linear algebra, wait for each other by spinning. A grid's systems
are so small that the wait costs several times the work, and most when photographs are corrected in
several threads. OpenBLAS has one number of threads for the whole process.
"""

from __future__ import annotations

import ctypes
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

_PTHREADS = 1  # what openblas_get_parallel() says of a library with a thread pool of its own


class _Limit:
    """Its first user sets the number of threads to one, its last user sets it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before = 1

    def enter(self, get_threads: Callable[[], int], set_threads: Callable[[int], object]) -> None:
        with self._lock:
            if not self._users:
                self._before = get_threads()
                set_threads(1)
            self._users += 1

    def leave(self, set_threads: Callable[[int], object]) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                set_threads(self._before)


_LIMIT = _Limit()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """NumPy's linear algebra runs in the calling threads alone, in the whole process.

    Where NumPy has another library than OpenBLAS nothing changes.
    """
    functions = _functions()
    if functions is None:
        yield
        return
    get_threads, set_threads = functions
    _LIMIT.enter(get_threads, set_threads)
    try:
        yield
    finally:
        _LIMIT.leave(set_threads)


@lru_cache(maxsize=1)
def _functions() -> tuple[Callable[[], int], Callable[[int], object]] | None:
    """How the OpenBLAS that NumPy has loaded gets and sets its number of threads."""
    # Looking a name up in a module finds those of the libraries it is linked with, but on Windows.
    linalg = getattr(np.linalg, "_umath_linalg", None)
    bundled = (Path(np.__file__).parents[1] / "numpy.libs").glob("*openblas*.dll")
    for path in (*([linalg.__file__] if linalg else []), *bundled):
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        for prefix, suffix in itertools.product(("scipy_", ""), ("64_", "")):
            names = (f"{prefix}openblas_{what}{suffix}" for what in _NAMES)
            found: list[Any] = [getattr(library, name, None) for name in names]
            if all(found):
                parallel, get_threads, set_threads = found
                return (get_threads, set_threads) if parallel() == _PTHREADS else None
    return None


_NAMES = ("get_parallel", "get_num_threads", "set_num_threads")
