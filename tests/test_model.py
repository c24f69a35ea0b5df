from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from midtone import model, postprocess
from midtone.bilateral_grid import GridConfig
from midtone.errors import ModelError
from midtone.pipeline import choose_pipeline


def test_the_default_model_describes_itself():
    info = model.info("default")
    assert info.config.levels == 4
    assert info.config.size % info.config.multiple == 0
    assert info.made["recipe"]["network"]["levels"] == 4
    assert info.path.stat().st_size <= 28e6
    assert len(info.sha256) == 64
    assert info.name == "default"
    assert [type(step) for step in info.config.postprocess] == [
        type(step) for step in postprocess.DEFAULT
    ]


def test_unknown_and_broken_models_are_named(tmp_path):
    with pytest.raises(ModelError, match="no such model; known are default"):
        model.load("best")
    with pytest.raises(ModelError, match="no such model file"):
        model.load(tmp_path / "none.onnx")
    for name in ("broken.onnx", "broken.safetensors"):
        path = tmp_path / name
        path.write_bytes(b"no model at all")
        with pytest.raises(ModelError, match="not a"):
            model.load(path)


class Gpu:
    """Replaces ONNX Runtime with CUDA; ``starts`` is whether CUDA's libraries are there."""

    def __init__(self, monkeypatch, *, starts: bool):
        real = onnxruntime.InferenceSession
        gpu = self

        class Session:
            def __init__(self, path, options, providers):
                gpu.providers = providers
                self._real = real(path, options, providers=["CPUExecutionProvider"])
                self.get_modelmeta, self.get_inputs = (
                    self._real.get_modelmeta,
                    self._real.get_inputs,
                )

            def get_providers(self):
                return gpu.providers if starts else ["CPUExecutionProvider"]

        names = ["CUDAExecutionProvider", "CPUExecutionProvider"]
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: names)
        monkeypatch.setattr(onnxruntime, "InferenceSession", Session)


@pytest.mark.parametrize(("device", "cuda"), [("auto", True), ("cuda", True), ("cpu", False)])
def test_a_gpu_is_used_unless_the_cpu_is_chosen(monkeypatch, device, cuda):
    gpu = Gpu(monkeypatch, starts=True)
    model.load("default", device)
    assert gpu.providers == ["CUDAExecutionProvider"] * cuda + ["CPUExecutionProvider"]


def test_a_gpu_that_does_not_start_is_an_error_only_if_chosen(monkeypatch):
    Gpu(monkeypatch, starts=False)
    model.load("default", "auto")
    with pytest.raises(ModelError, match="cannot use CUDA"):
        model.load("default", "cuda")


def test_correcting_needs_no_torch_and_importing_nothing_heavy():
    code = (
        "import sys, midtone;"
        "assert not {'torch', 'onnxruntime', 'numpy', 'PIL'} & set(sys.modules);"
        "import numpy; sys.modules['torch'] = None;"
        "assert midtone.correct(numpy.zeros((8, 8, 3), 'uint8')).shape == (8, 8, 3);"
        "assert callable(midtone.correct)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_loading_a_model_reports_nothing_to_anyone(tmp_path):
    """ONNX Runtime keeps its identifier of the device and what it will send in the user's cache."""
    settings = {name: value for name, value in os.environ.items() if name != "CI"}
    there = settings | {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", _LOAD], env=there, check=True)
    assert not list(tmp_path.rglob("*"))


_LOAD = "import midtone.model; midtone.model.load()"


def test_files_of_version_0_1_run_the_papers_pipeline(tmp_path):
    import json

    network = {"levels": 2, "depth": [1, 2], "taps": [0.05, 0.25, 0.4, 0.25, 0.05]}
    header = {
        "midtone_network": json.dumps(network), "midtone_size": "96", "midtone_made": "{}"
    }  # fmt: skip
    config = model._info(tmp_path / "old.onnx", header).config
    assert (config.size, config.finest, config.postprocess) == (96, 1, ())
    assert config.grid == GridConfig()
    del header["midtone_made"]
    with pytest.raises(ModelError, match="not a midtone model"):
        model._info(tmp_path / "old.onnx", header)


def test_the_default_model_has_the_pipeline_of_its_run():
    path = Path(__file__).parents[1] / "runs" / "default.toml"
    config = model.info("default").config
    assert choose_pipeline(config, path) == config
    assert config.postprocess == postprocess.DEFAULT


def test_a_model_that_is_loaded_for_one_photograph_predicts_the_same():
    rng = np.random.default_rng(0)
    levels = [rng.random((2, 3, side, side), np.float32) for side in (64, 32)]
    once, often = (model.load("default", "cpu", once=value) for value in (True, False))
    np.testing.assert_allclose(once.run(levels), often.run(levels), atol=1e-4)
    assert once.info == often.info


def test_fixing_one_photograph_starts_without_what_it_does_not_need(tmp_path):
    Image.new("RGB", (80, 60), (40, 50, 60)).save(tmp_path / "a.jpg")
    code = (
        "import sys; from midtone.cli import main;"
        "main(['fix', sys.argv[1] + '/a.jpg', '-o', sys.argv[1] + '/b.jpg']);"
        "unneeded = {'tqdm', 'multiprocessing', 'torch', 'midtone.commands.train', 'rawpy'};"
        "assert not unneeded & set(sys.modules), unneeded & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert (tmp_path / "b.jpg").exists()
