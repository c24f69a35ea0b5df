"""Work on many items in parallel: in threads, in processes, or on the workers of a Dask cluster.

Dask, not Ray: it is pure Python, its ``distributed`` scheduler runs on a laptop, SLURM, Kubernetes
or SSH hosts alike, and it runs a task again that was lost with its worker.
"""

from __future__ import annotations

import itertools
import logging
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from midtone.errors import Error, UsageError
from midtone.options import BACKENDS

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

Item = TypeVar("Item")
Value = TypeVar("Value")
_AHEAD = 2  # items waiting for each worker, so that none is idle and memory is bounded
_TRIES = 3
_CONNECT_SECONDS = 15


@dataclass(frozen=True)
class Done(Generic[Item, Value]):
    """An item and what ``work`` returned for it."""

    item: Item
    value: Value


@dataclass(frozen=True)
class Failed(Generic[Item]):
    """An item and what ``work`` raised for it."""

    item: Item
    error: Exception

    @property
    def reason(self) -> str:
        """One sentence."""
        error = self.error
        if isinstance(error, OSError) and error.strerror:
            return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        if isinstance(error, MemoryError):
            return "too large for this computer's memory"
        return str(error) if isinstance(error, Error) else f"{type(error).__name__}: {error}"


Outcome: TypeAlias = "Done[Item, Value] | Failed[Item]"
# What users and their computers cause. Anything else is a fault of the program.
EXPECTED: tuple[type[Exception], ...] = (Error, OSError, MemoryError)


class WorkerDiedError(Error):
    """The process that worked on an item died each time."""


def run(
    work: Callable[[Item], Value],
    items: Iterable[Item],
    *,
    workers: int = 1,
    backend: str = "threads",
    address: str | None = None,
    catch: tuple[type[Exception], ...] = EXPECTED,
) -> Iterator[Outcome[Item, Value]]:
    """Yield ``Done`` or ``Failed`` for each item as it is finished, in any order.

    backend: "threads", "processes" (``work`` and items must pickle) or "dask" (they must too; needs
             midtone[dask])
    address: of a running Dask scheduler; by default a cluster of ``workers`` processes is started
    catch:   exceptions of ``work`` that become ``Failed``; others are raised and end the run
    An item whose process dies is tried again, three times in all. Raises UsageError.
    """
    if workers < 1:
        raise UsageError(f"workers must be at least 1, not {workers}")
    if backend not in BACKENDS:
        raise UsageError(f"backend must be one of {', '.join(BACKENDS)}, not {backend}")
    if address is not None and backend != "dask":
        raise UsageError(f"an address is of a Dask scheduler; the backend is {backend}")
    if backend == "dask":
        yield from _dask(work, items, workers, address, catch)
    elif backend == "processes":
        yield from _processes(work, items, workers, catch)
    elif workers == 1:
        for item in items:
            try:
                value = work(item)
            except catch as error:
                yield Failed(item, error)
            else:
                yield Done(item, value)
    else:
        with ThreadPoolExecutor(workers) as pool:
            try:
                for item, future in _submit(pool, work, iter(items), workers):
                    yield _outcome(item, future, catch)
            finally:
                pool.shutdown(cancel_futures=True)


def _outcome(
    item: Item, future: Future[Value], catch: tuple[type[Exception], ...]
) -> Outcome[Item, Value]:
    """Raises what is not to be caught."""
    error = future.exception()
    if error is None:
        return Done(item, future.result())
    if isinstance(error, catch):
        return Failed(item, error)
    raise error


def _submit(
    pool: Executor, work: Callable[[Item], Value], items: Iterator[Item], workers: int
) -> Iterator[tuple[Item, Future[Value]]]:
    """Keep the pool busy; yield finished futures."""
    running: dict[Future[Value], Item] = {}
    while True:
        for item in itertools.islice(items, _AHEAD * workers - len(running)):
            try:
                running[pool.submit(work, item)] = item
            except BrokenExecutor as error:  # a process died after the futures were checked
                failed: Future[Value] = Future()
                failed.set_exception(error)
                yield item, failed
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future


def _processes(
    work: Callable[[Item], Value],
    items: Iterable[Item],
    workers: int,
    catch: tuple[type[Exception], ...],
) -> Iterator[Outcome[Item, Value]]:
    """A pool breaks when one of its processes dies; what was in it is tried again, one by one."""
    waiting = iter(items)
    broken = True
    while broken:
        lost: list[Item] = []
        with _pool(workers) as pool:
            try:
                for item, future in _submit(pool, work, _until(waiting, lost), workers):
                    if isinstance(future.exception(), BrokenExecutor):
                        lost.append(item)
                    else:
                        yield _outcome(item, future, catch)
            finally:
                pool.shutdown(cancel_futures=True)
        broken = bool(lost)
        for item in lost:
            yield _alone(work, item, catch)


def _pool(workers: int) -> ProcessPoolExecutor:
    # Here, because correcting one photograph needs none of it and should start at once.
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # The parent handles interrupts; a worker that died of one would only add its traceback.
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


def _alone(
    work: Callable[[Item], Value], item: Item, catch: tuple[type[Exception], ...]
) -> Outcome[Item, Value]:
    """Try an item in a pool of its own: the first try was in a pool that broke."""
    for _ in range(_TRIES - 1):
        with _pool(1) as pool:
            future = pool.submit(work, item)
            if not isinstance(future.exception(), BrokenExecutor):
                return _outcome(item, future, catch)
    return Failed(item, WorkerDiedError(f"the process that worked on it died {_TRIES} times"))


def _dask(
    work: Callable[[Item], Value],
    items: Iterable[Item],
    workers: int,
    address: str | None,
    catch: tuple[type[Exception], ...],
) -> Iterator[Outcome[Item, Value]]:
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise UsageError("the Dask backend needs midtone[dask]") from error
    cluster: Any = address or distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=None
    )
    try:
        with _client(distributed, cluster) as client:
            rest = iter(items)
            running: dict[str, Any] = {}
            finished = distributed.as_completed([], loop=client.loop)

            def submit(count: int) -> None:
                for item in itertools.islice(rest, count):
                    future = client.submit(work, item, pure=False, retries=0)
                    running[future.key] = item
                    finished.add(future)

            submit(_AHEAD * max(workers, len(client.ncores())))
            for future in finished:
                item = running.pop(future.key)
                if isinstance(future.exception(), distributed.scheduler.KilledWorker):
                    yield Failed(item, WorkerDiedError("each worker that worked on it died"))
                else:
                    yield _outcome(item, future, catch)
                submit(1)
    finally:
        if not address:
            cluster.close()


def _client(distributed: Any, cluster: Any) -> Any:
    """A client of a cluster or of the scheduler at an address. Raises UsageError."""
    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # it would print the tracebacks of each try
    try:
        return distributed.Client(cluster, set_as_default=False, timeout=_CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{cluster}: no Dask scheduler answers; give its address, such as tcp://10.0.0.1:8786"
        ) from error
    finally:
        logger.setLevel(level)
