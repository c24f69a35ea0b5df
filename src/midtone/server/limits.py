"""Limits of the server: bytes, pixels, seconds, requests at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Request

from midtone.errors import UsageError
from midtone.server.errors import RequestError

T = TypeVar("T")
_RETRY_SECONDS = 1


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of one server. Raises UsageError for values out of range.

    workers:        photographs corrected at the same time
    queue:          further requests that may wait or be uploading; more get 503
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
    """Runs the work of requests in threads, a few at a time; refuses requests when it is full."""

    def __init__(self, limits: Limits) -> None:
        self._slots = limits.workers + limits.queue
        self._pool = ThreadPoolExecutor(limits.workers, thread_name_prefix="midtone")
        self._running = asyncio.Semaphore(limits.workers)
        self.in_progress = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Held from before the upload to after the work. Raises RequestError (503) if all are."""
        if self.in_progress >= self._slots:
            raise RequestError(503, "the server is busy; try again in a moment", _RETRY_SECONDS)
        self.in_progress += 1
        try:
            yield
        finally:
            self.in_progress -= 1

    async def run(self, request: Request, work: Callable[[], T]) -> T:
        """Run ``work`` in a thread in its turn. RequestError (499) if the client left."""
        async with self._running:
            if await request.is_disconnected():
                raise RequestError(499, "the client closed the connection")
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Wait for running work and cancel the rest."""
        self._pool.shutdown(cancel_futures=True)
