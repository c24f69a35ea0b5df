"""Stopping a run between two steps: Ctrl+C, SIGTERM, or the end of a time limit."""

from __future__ import annotations

import re
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

import torch

from midtone.errors import UsageError
from midtone.training.device import Worker

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
TIME_LIMIT = -1


class StopRequest:
    """Records requests to stop while the ``with`` block runs.

    worker: this process; the processes of a run stop at the same step
    limit:  seconds after which the run stops, or None

    A second signal ends the process at once, as it would without this class.
    """

    def __init__(self, worker: Worker, limit: float | None = None) -> None:
        self.worker = worker
        self.deadline = time.monotonic() + limit if limit is not None else None
        self.signal = 0
        self._former: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._former = {number: signal.signal(number, self._receive) for number in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def check(self) -> int:
        """The signal that stopped the run, ``TIME_LIMIT`` at the end of the time, or 0."""
        reason = self.signal
        if not reason and self.deadline is not None and time.monotonic() >= self.deadline:
            reason = TIME_LIMIT
        if self.worker.world > 1:
            reasons = torch.tensor([reason, -reason], device=self.worker.device)
            torch.distributed.all_reduce(reasons, torch.distributed.ReduceOp.MAX)
            largest, smallest = int(reasons[0]), -int(reasons[1])
            reason = largest or smallest
        return reason

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        for each, handler in self._former.items():
            signal.signal(each, handler)


def parse_duration(text: str) -> float:
    """Seconds of a duration: "90s", "5m", "1.5h"; a bare number is in seconds.

    Raises UsageError.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if not match or not float(match[1]):
        raise UsageError(f"{text}: not a duration; write 90s, 5m or 2h")
    return float(match[1]) * _SECONDS[match[2] or "s"]


def format_duration(seconds: float) -> str:
    """A duration for people: "45 s", "12 min", "3 h 05 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
