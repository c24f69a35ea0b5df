"""Files that belong together, through `correct_tree` and `midtone fix --together`."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import midtone
from metadata import camera_exif
from midtone.batch.sequences import natural_sort_key
from midtone.colour import expose
from midtone.options import CorrectionOptions, FileOptions, OutputOptions
from test_sequence import brightness

from conftest import fix


@pytest.fixture(scope="module")
def lapse(astronaut, tmp_path_factory) -> Path:
    """A time lapse in the order of capture, not of names; of mixed sizes; one file is damaged."""
    folder = tmp_path_factory.mktemp("lapse")
    scene = np.asarray(Image.fromarray(astronaut[:256]).resize((160, 80))) / 255
    flicker = np.random.default_rng(3).uniform(-0.4, 0.4, 10)
    for number, ev in enumerate(flicker):
        image = Image.fromarray(np.rint(255 * expose(scene, ev - 1.5)).astype(np.uint8))
        if number == 4:
            image = image.resize((300, 150))
        when = camera_exif(when="2026:11:26 18:30:00", fraction=f"{number:02}")
        image.save(folder / f"{9 - number}.jpg", quality=95, exif=when)
    (folder / "damaged.jpg").write_bytes(b"no image")
    (folder / "clip.mp4").touch()
    return folder


def pixels(folder: Path) -> list[np.ndarray]:
    return [np.asarray(Image.open(folder / f"{9 - number}.jpg")) for number in range(10)]


def test_smooth_in_the_order_of_capture(lapse, tmp_path, corrector, capsys):
    out = tmp_path / "out"
    assert fix(lapse, "-o", out, "--together", "smooth", "--workers", 2) == 1
    errors = capsys.readouterr().err
    assert "damaged.jpg: not a readable JPEG" in errors
    assert "10 corrected, 1 failed; 1 file of another kind passed over (1 .mp4)" in errors
    frames = pixels(out)
    levels = [brightness(frame) for frame in frames]
    single = [brightness(corrector(frame)) for frame in pixels(lapse)]
    assert np.abs(np.diff(levels)).mean() < 0.25 * np.abs(np.diff(single)).mean()
    assert frames[4].shape == (150, 300, 3)
    same = corrector.correct_sequence(pixels(lapse), together="smooth")
    for one, other in zip(frames, same, strict=True):
        assert np.abs(one.astype(int) - other).mean() < 2  # but for JPEG
    assert midtone.read(out / "9.jpg").metadata.exif


@pytest.mark.parametrize("together", ["same", "smooth"])
def test_a_resumed_run_gives_the_pictures_of_a_single_run(lapse, tmp_path, corrector, together):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for out in (whole, parts):
        report = midtone.correct_tree(lapse, out, corrector=corrector, together=together)
        assert [result.status for result in report.results].count("done") == 10
    for number in (2, 3, 7):
        (parts / f"{number}.jpg").unlink()
    (parts / ".3.jpg-x.partial").touch()
    options = FileOptions(output=OutputOptions("resume"))
    report = midtone.correct_tree(
        lapse, parts, corrector=corrector, options=options, together=together
    )
    found = [result.status for result in report.results]
    assert sorted(found) == ["done"] * 3 + ["failed"] + ["skipped"] * 7
    for one, other in zip(pixels(whole), pixels(parts), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not list(parts.glob(".*"))
    again = midtone.correct_tree(
        lapse, parts, corrector=corrector, options=FileOptions(), together=together
    )
    assert {result.status for result in again.results} == {"failed"}
    assert "exists already" in again.results[0].error


def test_each_folder_is_a_sequence_of_its_own(lapse, tmp_path, corrector, astronaut):
    top = tmp_path / "in"
    for name, ev in (("day", 0.8), ("night", -2)):
        (top / name).mkdir(parents=True)
        image = Image.fromarray(np.rint(255 * expose(astronaut[:90, :120] / 255, ev)).astype("u1"))
        image.save(top / name / "a.png")
    together, single = tmp_path / "together", tmp_path / "single"
    midtone.correct_tree(top, together, corrector=corrector, together="smooth")
    midtone.correct_tree(top, single, corrector=corrector)
    for name in ("day", "night"):
        one, other = (np.asarray(Image.open(out / name / "a.png")) for out in (together, single))
        assert np.abs(one.astype(int) - other).mean() < 6


def test_dry_runs_and_min_error(lapse, tmp_path, corrector, capsys):
    out = tmp_path / "out"
    assert fix(lapse, "-o", out, "--together", "--dry-run") == 0
    assert capsys.readouterr().out.count("->") == 11
    assert fix(lapse, "-o", out, "--together", "--dry-run", "--min-error", 9) == 1
    assert capsys.readouterr().out.count("(left unchanged)") == 10
    (out / "3.jpg").parent.mkdir()
    (out / "3.jpg").touch()
    dry = (lapse, "-o", out, "--together", "--dry-run", "--skip", "--min-error", 0.01)
    assert fix(*dry) == 1
    shown = capsys.readouterr().out
    assert shown.count("->") == 9
    assert shown.count("(skipped because the result exists)") == 1
    shutil.rmtree(out)
    options = FileOptions(CorrectionOptions(min_error=9))
    report = midtone.correct_tree(lapse, out, corrector=corrector, options=options, together="same")
    assert [result.status for result in report.results].count("unchanged") == 10
    assert not out.exists()


@pytest.mark.parametrize("flag", [["--watch"], ["--shard", "1/2"], ["--backend", "processes"]])
def test_flags_that_exclude_together_are_refused(lapse, tmp_path, capsys, flag):
    assert fix(lapse, "-o", tmp_path / "out", "--together", "same", *flag) == 2
    assert "--together needs all files at once" in capsys.readouterr().err


def test_a_pipe_is_no_sequence(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert fix("-", "-o", "-", "--together") == 2
    assert "a sequence is made of files" in capsys.readouterr().err


def test_numbers_in_names_count_as_numbers():
    names = ["frame2.jpg", "frame10.jpg", "frame010b.jpg", "frame9.jpg", "10.jpg"]
    assert sorted(names, key=natural_sort_key) == [
        "10.jpg", "frame2.jpg", "frame9.jpg", "frame10.jpg", "frame010b.jpg",
    ]  # fmt: skip
