"""The command as a process: its streams, interruptions and one-line messages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from PIL import Image

from midtone.cli import main


@pytest.fixture
def dark_file(tmp_path, dark):
    path = tmp_path / "dark.jpg"
    Image.fromarray(dark).save(path, quality=95)
    return path


def shell(line: str, **files: object) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `midtone` is the command and $NAME the given files."""
    own = f'set -o pipefail; midtone() {{ "{sys.executable}" -m midtone "$@"; }}; {line}'
    places = {name: str(path) for name, path in files.items()}
    return subprocess.run(
        ["bash", "-c", own], capture_output=True, text=True, env=os.environ | places, timeout=60
    )


@pytest.mark.parametrize("line", ["models", "--version", 'inspect "$DARK"'])
def test_a_closed_pipe_ends_the_command_quietly(line, dark_file):
    """As of `midtone models | head`: 141, as other tools."""
    ended = shell(f"midtone {line} | true", DARK=dark_file)
    assert ended.returncode == 141
    assert ended.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a full device")
@pytest.mark.parametrize("line", ["models", "--version", 'fix "$DARK" -o x.jpg --dry-run'])
def test_a_full_disk_behind_standard_output_is_one_sentence(line, dark_file):
    ended = shell(f"midtone {line} > /dev/full", DARK=dark_file)
    assert ended.returncode == 1
    assert ended.stderr.startswith("midtone: standard output: No space left on device\n")
    assert ended.stderr.count("\n") <= 2


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("midtone models >&-", 1, "standard output: Bad file descriptor"),
        ('midtone fix "$DARK" -o - >&-', 1, "standard output: cannot be written"),
        ('midtone fix - -o "$OUT" <&-', 1, "standard input: an empty file"),
        ("midtone fix none.jpg -o x.jpg 2>&-", 1, ""),
        ('midtone fix "$DARK" -o "$OUT" >&- 2>&- <&-', 0, ""),
    ],
)
def test_closed_streams_are_no_reason_for_a_traceback(line, code, message, dark_file, tmp_path):
    ended = shell(line, DARK=dark_file, OUT=tmp_path / "out.jpg")
    assert ended.returncode == code
    assert message in ended.stderr
    assert ended.stderr.count("\n") == bool(message)
    assert (tmp_path / "out.jpg").exists() == (code == 0)


def test_an_interruption_at_any_moment_is_no_traceback(dark_file, tmp_path):
    """Each 40 ms from the first line on, until the command is done."""
    code = "import midtone; print('started', flush=True); import midtone.__main__ as m; m.run()"
    for step in range(1, 300):
        command = [sys.executable, "-c", code, "fix", dark_file, "-o", tmp_path / f"{step}.jpg"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"started\n"
            try:
                process.wait(step * 0.04)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
            errors = process.stderr.read()
        if process.returncode == 0:
            break
        assert process.returncode in (130, -signal.SIGINT), errors.decode()
        assert errors == (b"midtone: interrupted\n" if process.returncode == 130 else b"")
    else:
        pytest.fail("the command never ended")
    assert not list(tmp_path.glob(".*"))


def test_an_interruption_while_compiled_code_is_loaded(monkeypatch, capsys):
    """pybind11 makes an ImportError of it."""
    from midtone.commands import models

    def interrupted(options: object) -> int:
        raise ImportError("initialization failed") from KeyboardInterrupt()

    monkeypatch.setattr(models, "run", interrupted)
    assert main(["models"]) == 130
    assert capsys.readouterr().err == "midtone: interrupted\n"


def test_a_job_in_the_background_ignores_interruptions(tmp_path):
    """A shell's `midtone ... &` has SIGINT ignored; the command leaves it so."""
    code = textwrap.dedent("""
        import os, signal, sys
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        from midtone import __main__, cli
        cli.main = lambda: os.kill(os.getpid(), signal.SIGINT) or 7
        cli.run()
    """)
    assert subprocess.run([sys.executable, "-c", code]).returncode == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("fix a.jpg -o b.jpg --workers many", "--workers: must be a whole number, not many"),
        ("fix a.jpg -o b.jpg --ev bright", "--ev: must be a number, not bright"),
        ("fix a.jpg -o b.jpg --strength 7O%", "--strength: must be like 0.7 or 70%, not 7O%"),
        ("fix a.jpg -o b.jpg --scales 1;2", "--scales: must be numbers such as 1.5,1,1,1, not 1;2"),
        ("fix a.jpg", "the following arguments are required: -o/--out; see midtone fix --help"),
        ("baselines train", "see midtone baselines train --help"),
        ("fix|a.jpg|-o|", "argument -o/--out: must not be empty"),
        ("fix||-o|b.jpg", "must not be empty"),
        ("", "a command is needed; see midtone --help"),
    ],
)
def test_wrong_flags_are_one_line_in_plain_words(arguments, message, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments.split("|") if "|" in arguments else arguments.split())
    assert end.value.code == 2
    errors = capsys.readouterr().err
    assert errors.startswith("midtone: ")
    assert errors.count("\n") == 1
    assert message in errors
