"""A real server under bad clients: the right status, still alive, nothing left on disk."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image

from midtone import Corrector
from midtone.server.application import create_app
from midtone.server.limits import Limits
from serving import serving

EXAMPLES = Path(__file__).parents[1] / "examples"
DARK = (EXAMPLES / "dark.jpg").read_bytes()
LIMITS = Limits(
    workers=1, queue=3, max_megabytes=4, max_megapixels=4, idle_seconds=0.4, upload_seconds=1.5
)
KNOWN = {200, 413, 415, 422}


@pytest.fixture(scope="module")
def address(corrector):
    with serving(create_app(corrector, LIMITS)) as address:
        yield address


@pytest.fixture(autouse=True)
def idle_and_clean_afterwards(address, tmp_path, monkeypatch):
    """After each test the server is well, idle and has written nothing."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    deadline = time.monotonic() + 5
    while (health := httpx.get(f"{address}/api/health").json())["in_progress"]:
        assert time.monotonic() < deadline, health
        time.sleep(0.02)
    assert health["status"] == "ok"
    assert not list(tmp_path.iterdir())


def raw_connection(address: str) -> socket.socket:
    parts = urlsplit(address)
    assert parts.hostname
    assert parts.port
    return socket.create_connection((parts.hostname, parts.port), timeout=5)


def head(length: int | None) -> bytes:
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return f"POST /api/correct HTTP/1.1\r\nHost: 127.0.0.1\r\n{size}\r\n\r\n".encode()


def status_of(connection: socket.socket) -> int:
    return int(connection.recv(4096).split(b" ", 2)[1])


def test_fuzzed_uploads(address):
    rng = np.random.default_rng(9)
    with httpx.Client() as client:
        for number in range(200):
            data = bytearray(DARK)
            for place in rng.integers(0, len(data) if number % 2 else 600, rng.integers(1, 12)):
                data[place] = rng.integers(256)
            if number % 5 == 0:
                del data[rng.integers(len(data)) :]
            target = f"{address}/api/{('correct', 'inspect', 'plan')[number % 3]}"
            if number % 2:
                response = client.post(target, content=bytes(data))
            else:
                response = client.post(target, files={"file": ("../../a\0.jpg", bytes(data))})
            assert response.status_code in KNOWN, response.text
            if response.status_code != 200:
                assert "\n" not in response.json()["error"]


def test_fuzzed_multipart(address):
    rng = np.random.default_rng(10)
    body = (
        b"--x\r\nContent-Disposition: form-data; name=strength\r\n\r\n1\r\n"
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        + DARK[:300]
        + b"\r\n--x--\r\n"
    )
    with httpx.Client() as client:
        for _ in range(100):
            data = bytearray(body)
            for place in rng.integers(0, 180, rng.integers(1, 6)):
                data[place] = rng.integers(256)
            kind = {"Content-Type": "multipart/form-data; boundary=x"}
            response = client.post(f"{address}/api/correct", content=bytes(data), headers=kind)
            assert response.status_code in KNOWN, response.text


def bomb() -> bytes:
    """A PNG of 40,000 x 40,000 pixels in a few hundred bytes."""
    small = io.BytesIO()
    Image.new("1", (8, 8)).save(small, "PNG")
    data = bytearray(small.getvalue())
    data[16:24] = (40_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


def test_decompression_bomb(address):
    response = httpx.post(f"{address}/api/correct", content=bomb(), timeout=60)
    assert response.status_code == 413
    assert "1600 megapixels" in response.json()["error"]


@pytest.mark.parametrize("declared", [True, False])
def test_too_many_bytes(address, declared):
    with raw_connection(address) as connection:
        connection.sendall(head(4_100_000 if declared else None))
        if not declared:
            with contextlib.suppress(OSError):  # the server need not read on
                for _ in range(63):
                    connection.sendall(b"10000\r\n" + bytes(65536) + b"\r\n")
        assert status_of(connection) == 413


def test_stalled_upload(address):
    with raw_connection(address) as connection:
        connection.sendall(head(1000) + b"abc")
        assert status_of(connection) == 408


def test_slow_upload(address):
    with raw_connection(address) as connection:
        connection.sendall(head(1000))
        connection.settimeout(0.1)
        status = None
        for _ in range(900):  # never idle, and never complete
            connection.sendall(b"a")
            with contextlib.suppress(TimeoutError):
                status = status_of(connection)
                break
        assert status == 408


def test_aborted_uploads(address):
    for length in (0, 1, 5000):
        with raw_connection(address) as connection:
            connection.sendall(head(len(DARK)) + DARK[:length])
    with raw_connection(address) as connection:
        connection.sendall(head(len(DARK)) + DARK)  # and gone before the response


def test_full_queue(corrector):
    patient = dataclasses.replace(LIMITS, idle_seconds=60, upload_seconds=60)
    with serving(create_app(corrector, patient)) as address:
        held = [raw_connection(address) for _ in range(patient.workers + patient.queue)]
        for connection in held:
            connection.sendall(head(1000))
        while httpx.get(f"{address}/api/health", timeout=60).json()["in_progress"] < len(held):
            time.sleep(0.01)
        response = httpx.post(f"{address}/api/correct", content=DARK, timeout=60)
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) >= 1
        assert response.json() == {"error": "the server is busy; try again in a moment"}
        for connection in held:
            connection.close()


def test_concurrent_requests(address):
    def post(_: int) -> int:
        while True:
            response = httpx.post(f"{address}/api/inspect", content=DARK, timeout=60)
            if response.status_code != 503:
                return response.status_code
            time.sleep(0.05)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(post, range(24))) == {200}


def test_event_loop_is_not_blocked(address, monkeypatch):
    """While a photograph is corrected, the server responds."""
    begun, released = threading.Event(), threading.Event()
    original = Corrector.plan

    def plan(*arguments: object) -> object:
        begun.set()
        assert released.wait(60)
        return original(*arguments)

    monkeypatch.setattr(Corrector, "plan", plan)
    with ThreadPoolExecutor(1) as pool:
        posted = pool.submit(httpx.post, f"{address}/api/correct", content=DARK, timeout=60)
        assert begun.wait(60)
        try:
            assert httpx.get(f"{address}/api/health", timeout=60).json()["in_progress"] == 1
        finally:
            released.set()
        assert posted.result().status_code == 200


def test_command_stops_on_interrupt():
    command = [sys.executable, "-m", "midtone.cli", "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stderr
        found = re.search(r"http://127\.0\.0\.1:\d+/", process.stderr.readline())
        assert found
        assert httpx.get(f"{found[0]}api/health").json()["status"] == "ok"
        process.send_signal(2)
        assert process.wait(10) in (0, 130)
        assert "Traceback" not in process.stderr.read()
