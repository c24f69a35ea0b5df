from __future__ import annotations

import os
import signal

import pytest

torch = pytest.importorskip("torch")

from midtone.errors import UsageError  # noqa: E402
from midtone.training.device import Worker  # noqa: E402
from midtone.training.stopping import (  # noqa: E402
    TIME_LIMIT,
    StopRequest,
    format_duration,
    parse_duration,
)

WORKER = Worker(torch.device("cpu"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_recorded_and_the_next_one_acts_as_before(number):
    before = signal.getsignal(number)
    with StopRequest(WORKER) as stop:
        assert stop.check() == 0
        os.kill(os.getpid(), number)
        assert stop.check() == number
        assert signal.getsignal(number) == before
    assert signal.getsignal(number) == before


def test_a_time_limit_is_noticed():
    with StopRequest(WORKER, limit=0.0) as stop:
        assert stop.check() == TIME_LIMIT
    with StopRequest(WORKER, limit=1000.0) as stop:
        assert stop.check() == 0


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("1.5h", 5400), ("20", 20)]
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "two hours", "-5m", "0m", "5d"])
def test_other_words_are_no_durations(text):
    with pytest.raises(UsageError, match="not a duration; write 90s, 5m or 2h"):
        parse_duration(text)


def test_durations_for_people():
    shown = [format_duration(seconds) for seconds in (45, 720, 11_100)]
    assert shown == ["45 s", "12 min", "3 h 05 min"]
