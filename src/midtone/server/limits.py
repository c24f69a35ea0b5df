"""What the server takes on, and no more: bytes, pixels, seconds, requests at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Request

from midtone.errors import UsageError
from midtone.server.errors import RefusalError

T = TypeVar("T")
_RETRY_SECONDS = 1


@dataclass(frozen=True)
class Limits:
    """What one server takes on. Raises UsageError for what makes no sense.

    workers:        photographs corrected at the same time
    queue:          further requests that may wait or be uploading; more are answered with 503
    max_megabytes:  of an uploaded file (413)
    max_megapixels: of a photograph (413)
    idle_seconds:   that an upload may pause (408)
    upload_seconds: that an upload may take in all (408)
    """

    workers: int = 2
    queue: int = 16
    max_megabytes: float = 200.0
    max_megapixels: float = 200.0
    idle_seconds: float = 20.0
    upload_seconds: float = 300.0

    def __post_init__(self) -> None:
        for name, least in (("workers", 1), ("queue", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} must be at least {least}, not {getattr(self, name)}")
        for name in ("max_megabytes", "max_megapixels", "idle_seconds", "upload_seconds"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} must be positive, not {getattr(self, name):g}")


class Queue:
    """Runs the work of requests in threads, a few at a time, and refuses what is too much."""

    def __init__(self, limits: Limits) -> None:
        self._places = limits.workers + limits.queue
        self._pool = ThreadPoolExecutor(limits.workers, thread_name_prefix="midtone")
        self._running = asyncio.Semaphore(limits.workers)
        self.taken = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place from before the upload to after the answer. Raises RefusalError (503) if full."""
        if self.taken >= self._places:
            raise RefusalError(503, "the server is busy; try again in a moment", _RETRY_SECONDS)
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    async def run(self, request: Request, work: Callable[[], T]) -> T:
        """Do ``work`` in a thread when its turn has come, unless the client has left by then."""
        async with self._running:
            if await request.is_disconnected():
                raise RefusalError(499, "the client closed the connection")
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Wait for what is running, drop the rest."""
        self._pool.shutdown(cancel_futures=True)
