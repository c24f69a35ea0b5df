"""A thousand requests of mixed sizes, eight at a time: `python benchmarks/serve.py`.

Starts `midtone serve` in a process of its own and prints how requests ended, latencies, and how
its memory grew over the second half; then the time of a preview's plan.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import random
import re
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

PHOTO = Path(__file__).parents[1] / "examples" / "dark.jpg"
SIDES = (320, 640, 1280, 2400, 4000)


def main() -> int:
    """Print the figures; 1 if a request failed for another reason than a full queue."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--parallel", type=int, default=8)
    options = parser.parse_args()
    bodies = [_jpeg(side) for side in SIDES]
    command = [sys.executable, "-m", "midtone.cli", "serve", "--port", "0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr
        found = re.search(r"http://\S+/", server.stderr.readline())
        if not found:
            raise SystemExit("the server did not start")
        address = found[0]
        rng = random.Random(0)
        jobs = [(rng.choice(bodies), rng.random() < 0.2) for _ in range(options.requests)]
        half = options.requests // 2
        outcomes, memory = [], []
        with ThreadPoolExecutor(options.parallel) as pool:
            for part in (jobs[:half], jobs[half:]):
                outcomes += list(pool.map(lambda job: _send(address, *job), part))
                memory.append(_resident(server.pid))
        statuses = Counter(status for status, _ in outcomes)
        seconds = sorted(taken for status, taken in outcomes if status == 200)
        print(f"{options.requests} requests, {options.parallel} at a time: {dict(statuses)}")
        print(f"latency: median {statistics.median(seconds):.2f} s, ", end="")
        print(f"99th percentile {seconds[int(0.99 * len(seconds))]:.2f} s")
        growth = memory[1] / memory[0] - 1
        print(f"memory after each half: {memory[0]:.0f}, {memory[1]:.0f} MB ({growth:+.1%})")
        plan = json.loads(_post(f"{address}api/plan", bodies[-1])[1])
        reduced = base64.b64decode(plan["reduced"])
        times = []
        for number in range(40):
            started = time.perf_counter()
            _post(f"{address}api/plan?contrast={number % 2}", reduced)
            times.append(1000 * (time.perf_counter() - started))
        print(f"a preview's plan: median {statistics.median(times):.0f}, worst {max(times):.0f} ms")
        return 0 if set(statuses) <= {200, 503} else 1
    finally:
        server.terminate()
        server.wait(20)


def _jpeg(side: int) -> bytes:
    with Image.open(PHOTO) as image:
        large = image.convert("RGB").resize((side, round(side * 0.75)))
    noise = np.random.default_rng(0).normal(0, 3, np.asarray(large).shape)
    stream = io.BytesIO()
    noisy = np.clip(np.asarray(large) + noise, 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(stream, "JPEG", quality=92)
    return stream.getvalue()


def _send(address: str, body: bytes, inspect: bool) -> tuple[int, float]:
    started = time.perf_counter()
    status, _ = _post(f"{address}api/{'inspect' if inspect else 'correct'}", body)
    return status, time.perf_counter() - started


def _post(address: str, body: bytes) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, body), timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def _resident(pid: int) -> float:
    """MB of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    sys.exit(main())
