from __future__ import annotations

import subprocess
import sys

import onnxruntime
import pytest

from midtone import model
from midtone.errors import ModelError


def test_the_default_model_says_what_it_is():
    info = model.info("default")
    assert info.levels == 4
    assert info.size % info.multiple == 0
    assert info.made["recipe"]["network"]["levels"] == 4
    assert info.path.stat().st_size <= 28e6
    assert len(info.sha256) == 64


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


class GraphicsCard:
    """Stands in for ONNX Runtime with CUDA; ``starts`` is whether CUDA's libraries are there."""

    def __init__(self, monkeypatch, *, starts: bool):
        real = onnxruntime.InferenceSession
        card = self

        class Session:
            def __init__(self, path, options, providers):
                card.asked = providers
                self._real = real(path, options, providers=["CPUExecutionProvider"])
                self.get_modelmeta, self.get_inputs = (
                    self._real.get_modelmeta,
                    self._real.get_inputs,
                )

            def get_providers(self):
                return card.asked if starts else ["CPUExecutionProvider"]

        names = ["CUDAExecutionProvider", "CPUExecutionProvider"]
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: names)
        monkeypatch.setattr(onnxruntime, "InferenceSession", Session)


@pytest.mark.parametrize(("device", "cuda"), [("auto", True), ("cuda", True), ("cpu", False)])
def test_a_graphics_card_is_used_unless_the_cpu_is_asked_for(monkeypatch, device, cuda):
    card = GraphicsCard(monkeypatch, starts=True)
    model.load("default", device)
    assert card.asked == ["CUDAExecutionProvider"] * cuda + ["CPUExecutionProvider"]


def test_a_graphics_card_that_does_not_start_is_refused_by_name_only(monkeypatch):
    GraphicsCard(monkeypatch, starts=False)
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
