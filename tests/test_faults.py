"""Disks that are full, folders that are locked, files that vanish: one sentence, nothing half."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from midtone import photo
from midtone.batch import correct_files, inputs
from midtone.batch.correct_one import correct_one
from midtone.batch.results import Result
from midtone.options import file_options


@pytest.fixture
def dark(tmp_path) -> Path:
    source = tmp_path / "dark.jpg"
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 90, (60, 80, 3), np.uint8)).save(source)
    return source


def one(corrector, source: Path, target: Path, **options) -> Result:
    return correct_one(corrector, file_options(options), inputs.Job(source, target))


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk(corrector, dark, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=False
    ).returncode:
        pytest.skip("cannot mount a tmpfs here")
    try:
        (disk / "filler").write_bytes(bytes(60_000))
        result = one(corrector, dark, disk / "out.tif")
        assert "No space left" in result.error
        assert result.status == "failed"
        assert [path.name for path in disk.iterdir()] == ["filler"]
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_file_that_vanishes(corrector, dark, tmp_path):
    jobs = inputs.plan([dark], tmp_path / "out").jobs
    dark.unlink()
    (result,) = correct_files.correct_jobs(jobs, corrector)
    assert "no such file" in result.error
    assert not (tmp_path / "out").exists()


def test_nothing_is_left_when_encoding_fails(corrector, dark, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("broken pipe")

    jpeg = dataclasses.replace(photo.FORMATS["JPEG"], encode=fail)
    monkeypatch.setitem(photo.FORMATS, "JPEG", jpeg)
    result = one(corrector, dark, tmp_path / "out.jpg")
    assert "cannot be encoded" in result.error
    assert [path.name for path in tmp_path.iterdir()] == ["dark.jpg"]


@pytest.mark.parametrize("size", [(1, 300), (300, 1), (1, 1), (7, 30_000)])
def test_odd_sizes(corrector, size, tmp_path):
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 99, (*size, 3), np.uint8)).save(source)
    assert one(corrector, source, target).error is None
    with Image.open(target) as written:
        assert written.size == size[::-1]


def test_wrong_suffixes_do_not_matter(corrector, dark, tmp_path):
    wrong = tmp_path / "really_a_jpeg.png"
    dark.rename(wrong)
    assert one(corrector, wrong, tmp_path / "out.png").error is None


def test_large_pictures_are_refused_before_they_are_decoded(corrector, tmp_path):
    bomb = tmp_path / "bomb.png"
    Image.new("1", (30_000, 30_000)).save(bomb)
    result = one(corrector, bomb, tmp_path / "out.png")
    assert "900 megapixels are more than the limit of 500" in result.error


@pytest.mark.parametrize(
    ("count", "broken", "rounds"),
    [(24, 4, 2), pytest.param(500, 25, 10, marks=pytest.mark.slow)],
)
def test_killed_and_resumed(count, broken, rounds, tmp_path):
    source, out, report = tmp_path / "in", tmp_path / "out", tmp_path / "report.jsonl"
    source.mkdir()
    rng = np.random.default_rng(3)
    for number in range(count):
        path = source / f"{number:03}.jpg"
        Image.fromarray(rng.integers(0, 80, (80, 120, 3), np.uint8)).save(path)
        if number % (count // broken) == 0:
            path.write_bytes(path.read_bytes()[:300])
    command = [sys.executable, "-m", "midtone.cli", "fix", source, "-o", out, "--resume",
               "--report", report, "--workers", "2"]  # fmt: skip
    chance = random.Random(1)
    written: dict[Path, int] = {}
    for _ in range(rounds):
        run = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        goal = len(written) + chance.randint(1, max(2, count // rounds // 2))
        deadline = time.monotonic() + 60
        while len(list(out.glob("*.jpg"))) < goal and run.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
        run.wait()
        for path in out.glob("*.jpg"):
            written.setdefault(path, path.stat().st_mtime_ns)
    last = subprocess.run(command, capture_output=True, text=True, check=False)
    assert last.returncode == 1
    assert last.stderr.count("damaged or incomplete") == len(range(0, count, count // broken))
    results = sorted(out.iterdir())
    assert len(results) == count - len(range(0, count, count // broken))
    assert all(path.suffix == ".jpg" for path in results)
    assert all(path.stat().st_mtime_ns == moment for path, moment in written.items())
    for path in results:
        assert photo.read(path).size == (120, 80)
