"""`midtone fix`: every way in goes through the same function."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from midtone import model, photo
from midtone.batch import watch
from midtone.commands import fix as command

from conftest import fix


@pytest.fixture
def shoot(tmp_path, dark) -> Path:
    """Two dark photographs, one that no correction is needed for, one damaged, one other file."""
    folder = tmp_path / "shoot"
    (folder / "sub").mkdir(parents=True)
    Image.fromarray(dark[:100, :150]).save(folder / "a.jpg")
    Image.fromarray(dark[100:200, :150]).save(folder / "sub" / "b.png")
    (folder / "damaged.jpg").write_bytes(b"no image")
    (folder / "notes.txt").touch()
    return folder


def test_the_preview_that_is_begun_is_of_the_size_that_the_default_model_takes():
    assert model.info("default").config.preview_size == command.PREVIEW_SIZE


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def standard_input(monkeypatch, data: bytes) -> io.BytesIO:
    """Give ``data`` to standard input; returns what standard output receives."""
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out))
    return out


def test_a_folder_is_corrected_reported_and_resumed(shoot, tmp_path, capsys):
    out, report = tmp_path / "out", tmp_path / "report.jsonl"
    assert fix(shoot, "-o", out, "--format", "webp", "--report", report, "--workers", 2) == 1
    errors = capsys.readouterr().err
    assert "damaged.jpg: not a readable" in errors
    assert errors.endswith(
        "midtone: 2 corrected, 1 failed; 1 file of another kind passed over (1 .txt)\n"
    )
    assert sorted(line["status"] for line in lines(report)) == ["done", "done", "failed"]
    assert sorted(path.name for path in out.rglob("*.*")) == ["a.webp", "b.webp"]
    report.unlink()
    assert fix(shoot, "-o", out, "--format", "webp", "--report", report, "--skip", "-q") == 1
    assert sorted(line["status"] for line in lines(report)) == ["failed", "skipped", "skipped"]
    assert capsys.readouterr().err.count("\n") == 1


def test_a_dry_run_writes_nothing(shoot, tmp_path, capsys):
    out = tmp_path / "out"
    assert fix(shoot, "-o", out, "--dry-run") == 0
    shown = capsys.readouterr()
    assert f"{shoot}/sub/b.png -> {out}/sub/b.png\n" in shown.out
    assert "3 to be corrected" in shown.err
    assert fix(shoot, "-o", out, "--dry-run", "--min-error", 9) == 1
    shown = capsys.readouterr()
    assert f"{shoot}/a.jpg (left unchanged)\n" in shown.out
    assert "0 to be corrected, 2 left unchanged, 1 failed" in shown.err
    assert not out.exists()


def test_a_folder_onto_itself_is_refused_before_anything_is_written(shoot, capsys):
    before = {path: path.read_bytes() for path in shoot.rglob("*.*")}
    assert fix(shoot, "-o", shoot) == 2
    assert "would replace the input; choose another OUT" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in shoot.rglob("*.*")} == before


def test_lists_and_patterns(shoot, tmp_path, monkeypatch):
    listing = tmp_path / "list.txt"
    listing.write_text(f"{shoot}/a.jpg\n\n{shoot}/sub/b.png\n")
    assert fix("--files-from", listing, "-o", tmp_path / "listed") == 0
    assert {path.name for path in (tmp_path / "listed").iterdir()} == {"a.jpg", "b.png"}
    assert fix(shoot, "-o", tmp_path / "flat", "--no-recursive") == 1
    assert [path.name for path in (tmp_path / "flat").iterdir()] == ["a.jpg"]
    assert fix(shoot / "a*.jpg", "-o", tmp_path / "glob") == 0
    assert fix("-", "--files-from", "-", "-o", "-") == 2


def test_a_report_that_cannot_be_written_ends_the_run_in_one_sentence(shoot, tmp_path, capsys):
    assert fix(shoot / "a.jpg", "-o", tmp_path / "a.jpg", "--report", "/dev/full") == 1
    errors = capsys.readouterr().err
    assert errors == "midtone: /dev/full: cannot be written (No space left on device)\n"


def test_a_table_that_exists_is_refused_before_the_photograph_is_written(shoot, tmp_path, capsys):
    table = tmp_path / "a.cube"
    table.write_text("mine")
    assert fix(shoot / "a.jpg", "-o", tmp_path / "a.jpg", "--lut", table) == 1
    assert "a.cube: exists already; use --overwrite to replace it" in capsys.readouterr().err
    assert (table.read_text(), (tmp_path / "a.jpg").exists()) == ("mine", False)


def test_names_with_control_characters_stay_in_their_line(shoot, tmp_path, capsys):
    (shoot / "a.jpg").rename(shoot / "two\nlines\x1b[2J.jpg")
    assert fix(shoot, "-o", tmp_path / "out", "--dry-run") == 0
    assert f"{shoot}/two\\nlines\\x1b[2J.jpg -> " in capsys.readouterr().out
    assert fix(tmp_path / "no\nne.jpg", "-o", tmp_path / "x.jpg") == 1
    assert fix(tmp_path / "no\nne", "-o", tmp_path / "x.gif") == 1
    assert fix(shoot, "-o", tmp_path / "x\n.jpg") == 2
    assert capsys.readouterr().err.count("\n") == 3


def test_addresses_are_no_files(shoot, tmp_path, capsys):
    address = "https://example.org/b.jpg?size=big"
    assert fix(address, shoot / "a.jpg", "-o", tmp_path / "out") == 1
    errors = capsys.readouterr().err
    assert f"{address}: is an address, not a file; download it first" in errors
    assert "1 corrected, 1 failed" in errors


def test_a_link_to_itself_is_not_called_damaged(shoot, tmp_path, capsys):
    (shoot / "loop.jpg").symlink_to(shoot / "loop.jpg")
    assert fix(shoot / "loop.jpg", "-o", tmp_path / "x.jpg") == 1
    assert "loop.jpg: cannot be read (Too many levels" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.jpg", "-o", "out"], "a.jpg: is no folder to watch"),
        (["none", "-o", "out"], "none: is no folder to watch"),
        ([".", "-o", "."], "--watch needs another folder as OUT"),
    ],
)
def test_what_cannot_be_watched(arguments, message, shoot, capsys, monkeypatch):
    monkeypatch.chdir(shoot)
    assert fix(*arguments, "--watch") == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert "watching" not in errors


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["--only-needed", "9"], "--min-error"),
        (["--no-sign"], "--keep-software-tag"),
        (["--engine", "threads"], "--backend"),
    ],
)
def test_old_names_work_with_a_notice(old, new, shoot, tmp_path, capsys):
    target = tmp_path / "a.jpg"
    assert fix(shoot / "a.jpg", "-o", target, *old) == 0
    assert f"midtone: {old[0]} is now {new};" in capsys.readouterr().err
    if new == "--min-error":
        assert not target.exists()
    else:
        assert (0x0131 in Image.open(target).getexif()) == (new == "--backend")


def test_a_pipe_gives_what_a_file_gives(shoot, tmp_path, monkeypatch):
    source = shoot / "sub" / "b.png"
    assert fix(source, "-o", tmp_path / "b.png") == 0
    out = standard_input(monkeypatch, source.read_bytes())
    assert fix("-", "-o", "-") == 0
    written = photo.read(out.getvalue())
    np.testing.assert_array_equal(written.pixels, photo.read(tmp_path / "b.png").pixels)
    assert photo.read(out.getvalue()).format == "PNG"
    out = standard_input(monkeypatch, b"")
    assert fix(source, "-o", "-", "--format", "jpeg") == 0
    assert photo.read(out.getvalue()).format == "JPEG"


def test_a_pipe_has_all_options(shoot, tmp_path, capsys, monkeypatch):
    data, report = (shoot / "a.jpg").read_bytes(), tmp_path / "report.jsonl"
    for options, status in (
        (["--min-error", 9], "unchanged"),
        (["--dry-run"], "planned"),
        ([], "done"),
        (["--max-megapixels", "0.001"], "failed"),
    ):
        out = standard_input(monkeypatch, data)
        assert fix("-", "-o", "-", "--report", report, *options) == (status == "failed")
        assert lines(report)[-1]["status"] == status
        written = out.getvalue()[:2]
        monkeypatch.undo()
        assert written == {"done": b"\xff\xd8", "planned": b"- "}.get(status, b"")
    errors = capsys.readouterr().err
    assert "0 corrected, 1 left unchanged" in errors
    assert "standard input: 0.015 megapixels are more than the limit" in errors


def test_a_pipe_of_the_shell(shoot):
    command = [sys.executable, "-m", "midtone.cli", "fix", "-", "-o", "-", "--format", "png"]
    data = (shoot / "a.jpg").read_bytes()
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    assert photo.read(done.stdout).size == (150, 100)
    assert not done.stderr


def test_the_watched_folder_may_stand_in_a_list(shoot, tmp_path, capsys, monkeypatch):
    listed = tmp_path / "list.txt"
    listed.write_text(f"{shoot}\n")
    monkeypatch.setattr(watch, "arrivals", lambda folder, plan: [[]])
    assert fix("--files-from", listed, "-o", tmp_path / "out", "--watch") == 0
    assert f"watching {shoot}; interrupt to end" in capsys.readouterr().err


def test_watching_has_all_options(shoot, tmp_path, capsys, monkeypatch):
    def arrivals(folder, plan):
        yield plan().jobs[:1]
        yield plan().jobs[1:]
        raise KeyboardInterrupt

    monkeypatch.setattr(watch, "arrivals", arrivals)
    out, report = tmp_path / "out", tmp_path / "report.jsonl"
    arguments = [shoot, "-o", out, "--watch", "--report", report, "--workers", 2]
    assert fix(*arguments) == 1
    assert sorted(line["status"] for line in lines(report)) == ["done", "done", "failed"]
    shown = capsys.readouterr()
    assert f"{shoot}/a.jpg -> {out}/a.jpg\n" in shown.out
    assert "midtone: 2 corrected, 1 failed\n" in shown.err
    assert fix(shoot, shoot, "-o", out, "--watch") == 2


def test_other_processes_use_the_same_pipeline(shoot, tmp_path):
    for backend in ("threads", "processes"):
        arguments = ["-o", tmp_path / backend, "--backend", backend, "--pipeline", "paper"]
        assert fix(shoot / "a.jpg", shoot / "sub", *arguments, "--format", "png") == 0
    for name in ("a.png", "b.png"):
        one, two = (photo.read(tmp_path / b / name).pixels for b in ("threads", "processes"))
        np.testing.assert_array_equal(one, two)


def test_a_report_that_cannot_be_written_is_one_sentence(shoot, tmp_path, capsys):
    assert fix(shoot, "-o", tmp_path / "out", "--report", tmp_path / "no" / "report") == 2
    assert "report: cannot be written" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
