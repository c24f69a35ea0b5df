from __future__ import annotations

import json
import signal
from dataclasses import asdict

import pytest
from PIL import Image

pytest.importorskip("torch")

from midtone.cli import main
from midtone.training import loop
from tiny_training import NETWORK, one_stage


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(asdict(one_stage(NETWORK))))
    return str(path)


def test_train_export_and_fix(photos, tmp_path, recipe, capsys):
    run, model, fixed = tmp_path / "run", tmp_path / "model.safetensors", tmp_path / "fixed.png"
    call = ["train", str(photos), "-o", str(run), "--recipe", recipe, "--workers", "0"]
    assert main(call) == 0
    errors = capsys.readouterr().err
    assert "cpu, " in errors
    assert "2 steps" in errors
    assert "stage 1: 2 steps, 2 pictures of 32 px, levels 1 to 2, rate 0.001, 5 examples" in errors
    assert f"midtone export {run} -o model.onnx" in errors
    assert main(["export", str(run), "-o", str(model)]) == 0
    assert main(["fix", str(photos / "0.png"), "-o", str(fixed), "--model", str(model)]) == 0
    with Image.open(fixed) as image:
        assert image.size == (120, 90)


def test_a_stopped_run_prints_how_to_continue(photos, tmp_path, recipe, capsys, monkeypatch):
    call = ["train", str(photos), "-o", str(tmp_path / "run"), "--workers", "0"]
    with monkeypatch.context() as patch:
        patch.setattr(loop.StopRequest, "check", lambda _: signal.SIGTERM)
        assert main([*call, "--recipe", recipe]) == 128 + signal.SIGTERM
    errors = capsys.readouterr().err
    assert "saved at step 1 of 2; continue with midtone train" in errors
    assert main([*call, "--resume"]) == 0  # with the run's own recipe


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (["train", "none", "-o", "run"], "none: no such folder"),
        (["train", ".", "-o", "run", "--recipe", "none"], "unknown recipe none"),
        (["train", ".", "-o", "run", "--for", "soon"], "soon: not a duration"),
        (["train", ".", "-o", "run", "--workers", "-1"], "--workers must be at least 0"),
        (["train", ".", "-o", "run", "--start", "none"], "none: no training run"),
        (["train", ".", "-o", "run"], "holds neither photographs nor pairs"),
        (["export", "none", "-o", "model.onnx"], "none: no training run"),
        (["export", "none", "-o", "model.txt"], "ends in .onnx or .safetensors"),
    ],
)
def test_unusable_calls_are_refused(call, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(call) == 2
    assert message in capsys.readouterr().err
