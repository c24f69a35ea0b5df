"""Pixels as strips of rows, which are decoded, changed and encoded side by side.

A photograph of any size then needs the memory of a few strips, and no stage waits for another.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from midtone.jpeg_decoder import rows_of_strip

T = TypeVar("T")
Change = Callable[[int, np.ndarray], np.ndarray]


class Strips:
    """Pixels, H x W x C uint8, that are made strip by strip when they are needed, once.

    read:    (first row, number of rows) -> pixels; calls come in order, one at a time, from any
             thread
    threads: strips worked on side by side; None: one a core
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        read: Callable[[int, int], np.ndarray],
        *,
        threads: int | None = None,
    ) -> None:
        self.shape = shape
        self.dtype = np.dtype(np.uint8)
        self.rows = rows_of_strip(shape[1])
        self._read = read
        self._threads = threads or os.cpu_count() or 1
        self._change: Change | None = None
        self._top = 0
        self._lock = Lock()

    def change(self, change: Change, threads: int | None = None) -> Strips:
        """The same strips after ``change``, which is given each strip's first row and pixels."""
        self._change = change
        self._threads = threads or self._threads
        return self

    def map(self, work: Callable[[np.ndarray], T]) -> list[T]:
        """What ``work`` returns for each strip, from the top. Raises what reading raises."""

        def one(_: int) -> tuple[int, T]:
            top, strip = self._next()
            return top, work(self._change(top, strip) if self._change else strip)

        count = -(-self.shape[0] // self.rows)
        with ThreadPoolExecutor(self._threads) as pool:
            done = list(pool.map(one, range(count)))
        return [result for _, result in sorted(done, key=lambda pair: pair[0])]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of it, which is kept from then on."""
        whole = np.concatenate(self.map(lambda strip: strip))
        self._read, self._change, self._top = _rows_of(whole), None, 0
        return whole.astype(dtype or self.dtype, copy=False)

    def _next(self) -> tuple[int, np.ndarray]:
        with self._lock:
            top = self._top
            strip = self._read(top, min(self.rows, self.shape[0] - top))
            self._top += len(strip)
        return top, strip


def split(pixels: np.ndarray) -> Strips:
    """Strips of pixels that are there already: H x W x C uint8."""
    return Strips(pixels.shape, _rows_of(pixels))


def _rows_of(pixels: np.ndarray) -> Callable[[int, int], np.ndarray]:
    return lambda top, rows: pixels[top : top + rows]
