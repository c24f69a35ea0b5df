from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import midtone  # noqa: E402
from midtone import Corrector  # noqa: E402
from midtone.data.crops import CropModel  # noqa: E402
from midtone.training.checkpoint import load_weights  # noqa: E402
from midtone.training.gpu_run import main  # noqa: E402
from midtone.training.pack import write_pack  # noqa: E402
from midtone.training.recipe import Stage  # noqa: E402
from tiny_training import COARSE, one_stage  # noqa: E402

RECIPE = one_stage(COARSE, finest=2, crops=CropModel(), grid_loss=0.2, warmup=2)
RECIPE = replace(RECIPE, stages=(RECIPE.stages[0], replace(RECIPE.stages[0], rate=1e-4)))


@pytest.fixture
def call(tmp_path, astronaut):
    images = [np.ascontiguousarray(astronaut[n::8, ::8]) for n in range(6)]
    write_pack(images, [True] * 6, tmp_path / "photographs.pack")
    (tmp_path / "recipe.json").write_text(json.dumps(asdict(RECIPE)))
    paths = [str(tmp_path / "photographs.pack"), "-o", str(tmp_path / "out")]
    return [*paths, "--recipe", str(tmp_path / "recipe.json"), "--device", "cpu", "--batch", "1"]


def test_a_run_of_five_steps_writes_a_model_and_a_log(call, tmp_path, capsys):
    assert main([*call, "--steps", "5"]) == 0
    out = tmp_path / "out"
    first, last = map(json.loads, (out / "log.jsonl").read_text().splitlines())
    assert first["step"] == last["step"] == 5
    assert first["examples_per_second"] > 0
    assert set(last["psnr"]) == {"-3.0", "-1.5", "-1.0", "+0.0", "+1.0", "+1.5", "mean"}
    weights = out / "weights.safetensors"
    assert weights.stat().st_size < 16 * 2**20
    corrector = Corrector(weights)
    assert (corrector.config.finest, corrector.config.size) == (2, 32)
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    assert corrector(image).shape == image.shape
    # A second run goes on from these weights, not from random ones of its seed.
    (tmp_path / "recipe.json").write_text(json.dumps(asdict(replace(RECIPE, seed=5))))
    again = ["--start", str(weights), "--steps", "1", "-o", str(tmp_path / "again")]
    assert main([*call, *again]) == 0
    before, after = (
        load_weights(path) for path in (weights, tmp_path / "again/weights.safetensors")
    )
    name = "subnetworks.2.head.weight"
    assert (before[name] - after[name]).abs().max() < 0.01


def test_the_papers_stages_run_on_the_device(call, tmp_path, astronaut):
    stage = Stage(size=32, batch=1, epochs=2, halve_every=1, crops=None, longest_side=None)
    stages = (stage, replace(stage, adversarial=0.1, adversarial_after=1))
    recipe = replace(RECIPE, stages=stages, reset_optimizer=True)
    (tmp_path / "recipe.json").write_text(json.dumps(asdict(recipe)))
    assert main([*call, "--steps", "4"]) == 0


def test_a_time_limit_ends_a_run(call):
    assert main([*call, "--for", "0.5s"]) == 0


def test_unusable_calls_are_refused(call, tmp_path, capsys):
    assert main([*call, "--recipe", "none"]) == 2
    assert "unknown recipe" in capsys.readouterr().err
    (tmp_path / "photographs.pack").write_bytes(b"")
    assert main(call) == 2
    assert "not a pack" in capsys.readouterr().err


def test_it_needs_torch_numpy_pillow_and_safetensors_only():
    absent = ("imagecodecs", "tifffile", "onnx", "onnxruntime", "tqdm", "scipy", "pillow_heif")
    code = f"import sys\nfor name in {absent}:\n    sys.modules[name] = None\n"
    code += "from midtone.training import gpu_run\ngpu_run.main(['--help'])"
    source = Path(midtone.__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": str(source)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "photographs" in done.stdout or "pack" in done.stdout
