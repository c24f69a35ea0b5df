"""Work on many items: threads here, processes here, or the workers of a Dask cluster.

Dask, not Ray: it is pure Python, its ``distributed`` scheduler runs on a laptop, SLURM, Kubernetes
or SSH hosts alike, and a task lost with its worker is run again by the scheduler itself.
"""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from multiprocessing import get_context
from typing import Any, TypeVar

from midtone.errors import UsageError

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")
ENGINES = ("threads", "processes", "dask")
_AHEAD = 2  # items waiting for each worker, so that none is idle and memory is bounded
_TRIES = 3


def run(
    work: Callable[[Item], Outcome],
    items: Iterable[Item],
    *,
    workers: int = 1,
    engine: str = "threads",
    address: str | None = None,
) -> Iterator[tuple[Item, Outcome | BaseException]]:
    """Yield (item, what ``work`` returned or raised) as items are done, in any order.

    engine:  "threads", "processes" (``work`` and items must pickle) or "dask" (they must too; needs
             midtone[dask])
    address: of a running Dask scheduler; by default a cluster of ``workers`` processes is started
    An item whose process dies is tried again, three times in all. Raises UsageError.
    """
    if workers < 1:
        raise UsageError(f"workers must be at least 1, not {workers}")
    if engine not in ENGINES:
        raise UsageError(f"engine must be one of {', '.join(ENGINES)}, not {engine}")
    if engine == "dask":
        yield from _dask(work, items, workers, address)
    elif engine == "processes":
        yield from _processes(work, items, workers)
    elif workers == 1:
        for item in items:
            yield item, _attempt(work, item)
    else:
        with ThreadPoolExecutor(workers) as pool:
            try:
                yield from _flow(pool, work, iter(items), workers)
            finally:
                pool.shutdown(cancel_futures=True)


def _attempt(work: Callable[[Item], Outcome], item: Item) -> Outcome | Exception:
    try:
        return work(item)
    except Exception as error:
        return error


def _flow(
    pool: Executor, work: Callable[[Item], Outcome], items: Iterator[Item], workers: int
) -> Iterator[tuple[Item, Outcome | BaseException]]:
    running: dict[Future[Outcome], Item] = {}
    while True:
        for item in itertools.islice(items, _AHEAD * workers - len(running)):
            try:
                running[pool.submit(work, item)] = item
            except BrokenProcessPool as error:  # broken since the last look at its futures
                yield item, error
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future.exception() or future.result()


def _processes(
    work: Callable[[Item], Outcome], items: Iterable[Item], workers: int
) -> Iterator[tuple[Item, Outcome | BaseException]]:
    """A pool breaks when one of its processes dies; what was in it is tried again, one by one."""
    waiting = iter(items)
    broken = True
    while broken:
        lost: list[Item] = []
        with _pool(workers) as pool:
            try:
                for item, outcome in _flow(pool, work, _until(waiting, lost), workers):
                    if isinstance(outcome, BrokenProcessPool):
                        lost.append(item)
                    else:
                        yield item, outcome
            finally:
                pool.shutdown(cancel_futures=True)
        broken = bool(lost)
        for item in lost:
            yield item, _alone(work, item)


def _pool(workers: int) -> ProcessPoolExecutor:
    # An interrupt is the parent's to answer: a worker that died of it would only add its traceback.
    ignore = (signal.SIGINT, signal.SIG_IGN)
    return ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=signal.signal, initargs=ignore
    )


def _until(items: Iterator[Item], lost: list[Item]) -> Iterator[Item]:
    """Items as long as the pool is whole."""
    for item in items:
        yield item
        if lost:
            return


def _alone(work: Callable[[Item], Outcome], item: Item) -> Outcome | BaseException:
    for _ in range(_TRIES - 1):
        with _pool(1) as pool:
            future = pool.submit(work, item)
            outcome = future.exception() or future.result()
        if not isinstance(outcome, BrokenProcessPool):
            return outcome
    return RuntimeError(f"the process that worked on it died {_TRIES} times")


def _dask(
    work: Callable[[Item], Outcome], items: Iterable[Item], workers: int, address: str | None
) -> Iterator[tuple[Item, Outcome | BaseException]]:
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise UsageError("the Dask engine needs midtone[dask]") from error
    cluster: Any = address or distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=None
    )
    try:
        with distributed.Client(cluster, set_as_default=False) as client:
            rest = iter(items)
            running: dict[str, Any] = {}
            flow = distributed.as_completed([], loop=client.loop)

            def submit(count: int) -> None:
                for item in itertools.islice(rest, count):
                    future = client.submit(work, item, pure=False, retries=0)
                    running[future.key] = item
                    flow.add(future)

            submit(_AHEAD * max(workers, len(client.ncores())))
            for future in flow:
                item = running.pop(future.key)
                yield item, future.exception() or future.result()
                submit(1)
    finally:
        if address is None:
            cluster.close()
