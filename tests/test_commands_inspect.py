from __future__ import annotations

import errno
import io
import json
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from midtone.batch.inspect_files import Inspection
from midtone.cli import main
from midtone.commands.inspect import _line


@pytest.fixture
def shoot(tmp_path, dark, astronaut):
    for name, image in (("b.jpg", astronaut), ("a.jpg", dark), ("c.jpg", astronaut[:300])):
        Image.fromarray(image[::3, ::3]).save(tmp_path / name, quality=95)
    (tmp_path / "damaged.jpg").write_bytes(b"")
    (tmp_path / "notes.txt").touch()
    return tmp_path


def test_a_folder(shoot, capsys):
    assert main(["inspect", str(shoot)]) == 1
    shown = capsys.readouterr()
    assert [line.split("  ")[-1] for line in shown.out.splitlines()] == [
        str(shoot / f"{name}.jpg") for name in "abc"
    ]
    assert "damaged.jpg: an empty file" in shown.err
    assert shown.err.endswith(
        "midtone: 3 inspected, 1 failed; 1 file of another kind passed over (1 .txt)\n"
    )


def test_json_sorted_and_filtered(shoot, capsys):
    assert main(["inspect", str(shoot), "--json", "--sort", "-q", "--workers", "2"]) == 1
    shown = capsys.readouterr()
    found = [json.loads(line) for line in shown.out.splitlines()]
    errors = [abs(one["exposure_error"]) for one in found]
    assert errors == sorted(errors, reverse=True)
    assert shown.err.count("\n") == 1
    assert found[0].keys() == {
        "file", "exposure_error", "confidence", "clipped_black", "clipped_white", "action", "model",
        "model_sha256",
    }  # fmt: skip
    main(["inspect", str(shoot), "--min-error", "9"])
    shown = capsys.readouterr()
    assert not shown.out
    assert "3 inspected, 0 off by 9 EV or more, 1 failed" in shown.err


def test_a_folder_that_cannot_be_read_is_a_failure(shoot, capsys, monkeypatch):
    (shoot / "locked").mkdir()
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path) == f"{shoot}/locked":
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert main(["inspect", str(shoot)]) == 1
    errors = capsys.readouterr().err
    assert f"{shoot}/locked: the folder cannot be read (Permission denied)" in errors


def test_no_error_is_shown_as_minus_zero():
    found = Inspection(
        exposure_error=-0.004, confidence=0.0, clipped_black=0.0, clipped_white=0.0,
        action="none", model="default", model_sha256="",
    )  # fmt: skip
    assert _line(Path("a.jpg"), found, json_line=False) == " +0.00 EV  a.jpg"


def test_standard_input(shoot, capsys, monkeypatch):
    data = io.TextIOWrapper(io.BytesIO((shoot / "a.jpg").read_bytes()))
    monkeypatch.setattr(sys, "stdin", data)
    assert main(["inspect", "-"]) == 0
    assert capsys.readouterr().out.endswith(" EV  -\n")


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_names_that_are_not_utf8(shoot, tmp_path_factory):
    import subprocess

    folder = tmp_path_factory.mktemp("odd")
    name = os.fsencode(folder) + b"/\xe9t\xe9.jpg"
    with open(name, "wb") as stream:
        stream.write((shoot / "a.jpg").read_bytes())
    command = [sys.executable, "-m", "midtone.cli", "inspect", name]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout.endswith(b" EV  " + name + b"\n")
