from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from PIL import Image

import midtone
from midtone.cli import main


@pytest.fixture
def dark_file(tmp_path, dark):
    path = tmp_path / "dark.jpg"
    Image.fromarray(dark).save(path, quality=95)
    return path


def run(*arguments: object) -> int:
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as error:
        return int(error.code or 0)


def test_fix_one_file(dark_file, tmp_path, capsys):
    target = tmp_path / "fixed.jpg"
    assert run("fix", dark_file, "-o", target) == 0
    assert capsys.readouterr() == ("", "")
    assert midtone.read(target).size == midtone.read(dark_file).size
    assert midtone.read(target).pixels.mean() > midtone.read(dark_file).pixels.mean() + 5


def test_fix_a_folder_with_a_bad_file(dark_file, tmp_path, capsys):
    folder = tmp_path / "shoot"
    folder.mkdir()
    (folder / "good.jpg").write_bytes(dark_file.read_bytes())
    (folder / "bad.jpg").write_text("text")
    assert run("fix", folder, "-o", tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert "bad.jpg: not a readable" in error
    assert "1 corrected, 1 failed" in error
    assert (tmp_path / "out" / "good.jpg").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file"), (b"", "an empty file"), (b"text", "not a readable")],
)
def test_bad_input_is_one_sentence_and_exit_1(content, message, tmp_path, capsys):
    source, target = tmp_path / "in.jpg", tmp_path / "out.jpg"
    if content is not None:
        source.write_bytes(content)
    assert run("fix", source, "-o", target) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("midtone: ")
    assert str(source) in error
    assert message in error
    assert not target.exists()


def test_the_input_is_replaced_only_with_overwrite(dark_file, capsys):
    before = dark_file.read_bytes()
    assert run("fix", dark_file, "-o", dark_file) == 2
    assert "use --overwrite to replace it" in capsys.readouterr().err
    assert dark_file.read_bytes() == before
    assert run("fix", dark_file, "-o", dark_file, "--overwrite") == 0
    assert dark_file.read_bytes() != before


@pytest.mark.parametrize(
    "arguments",
    [
        ["fix", "DARK"],
        ["fix", "DARK", "-o", "OUT", "--strength", "2"],
        ["fix", "DARK", "-o", "OUT", "--scales", "a,b"],
        ["fix", "DARK", "-o", "OUT", "--quality", "0"],
        ["fix", "DARK", "-o", "OUT", "--workers", "0"],
        ["fix", "DARK", "DARK", "-o", "out.jpg"],
        ["fix", "FOLDER", "-o", "OUT"],
        ["blur", "DARK"],
        [],
    ],
)
def test_wrong_usage_is_exit_2(arguments, dark_file, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    places = {"DARK": dark_file, "OUT": tmp_path / "out", "FOLDER": tmp_path / "empty"}
    assert run(*(places.get(argument, argument) for argument in arguments)) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_wrong_scales_count_and_unknown_model(dark_file, tmp_path, capsys):
    assert run("fix", dark_file, "-o", tmp_path / "x.jpg", "--scales", "1,1") == 2
    assert "4 pyramid levels" in capsys.readouterr().err
    assert run("fix", dark_file, "-o", tmp_path / "x.jpg", "--model", "best") == 2
    assert "no such model" in capsys.readouterr().err


def test_inspect(dark_file, tmp_path, capsys):
    assert run("inspect", dark_file, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["file"] == str(dark_file)
    assert found["exposure_error"] < -0.2
    (tmp_path / "bad.jpg").write_bytes(b"")
    assert run("inspect", tmp_path) == 1
    shown = capsys.readouterr()
    assert " EV  " in shown.out
    assert "an empty file" in shown.err


def test_models(capsys):
    assert run("models", "--json") == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [about["name"] for about in found] == ["default", "paper"]
    assert run("models") == 0
    shown = capsys.readouterr().out
    assert all(about["sha256"] in shown for about in found)
    for about, text in zip(found, shown.split("# model ")[1:], strict=True):
        assert tomllib.loads(f"# {text}") == about["pipeline"]  # can be given to --pipeline


def test_version_and_help_need_nothing_heavy():
    code = (
        "import sys\nfrom midtone.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'numpy', 'PIL', 'onnxruntime', 'tqdm', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    version = subprocess.run(
        [sys.executable, "-m", "midtone.cli", "--version"], check=True, capture_output=True
    )
    assert version.stdout.decode().startswith(f"midtone {midtone.__version__}, model default ")


def test_the_command_ends_with_its_code_and_its_output(dark_file, tmp_path):
    """It ends without what Python does at the end."""

    def fix(*arguments: object) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "midtone.cli", "fix", "-o", tmp_path / "b.jpg", *arguments]
        return subprocess.run(line, capture_output=True, text=True)

    planned = fix(dark_file, "--dry-run")
    assert (planned.returncode, planned.stdout) == (0, f"{dark_file} -> {tmp_path / 'b.jpg'}\n")
    failed = fix(tmp_path / "none.jpg")
    assert (failed.returncode, failed.stderr.count("no such file")) == (1, 1)
    assert fix().returncode == 2


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_one_sentence(dark_file, tmp_path, capsys):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    assert run("fix", dark_file, "-o", folder / "x.jpg") == 1
    assert "cannot be written" in capsys.readouterr().err


def test_fixed_files_are_the_same_every_time(dark_file, tmp_path):
    for name in ("a.png", "b.png"):
        assert run("fix", dark_file, "-o", tmp_path / name) == 0
    one, two = (np.asarray(Image.open(tmp_path / name)) for name in ("a.png", "b.png"))
    np.testing.assert_array_equal(one, two)
