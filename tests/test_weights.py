from __future__ import annotations

import subprocess
import sys

import pytest

from midtone import weights
from midtone.errors import ModelError


def test_the_default_model_says_what_it_is():
    info = weights.info("default")
    assert info.levels == 4
    assert info.size % info.multiple == 0
    assert info.made["recipe"]["network"]["levels"] == 4
    assert info.path.stat().st_size <= 28e6
    assert len(info.sha256) == 64


def test_unknown_and_broken_models_are_named(tmp_path):
    with pytest.raises(ModelError, match="no such model; known are default"):
        weights.load("best")
    with pytest.raises(ModelError, match="no such model file"):
        weights.load(tmp_path / "none.onnx")
    for name in ("broken.onnx", "broken.safetensors"):
        path = tmp_path / name
        path.write_bytes(b"no model at all")
        with pytest.raises(ModelError, match="not a"):
            weights.load(path)


def test_correcting_needs_no_torch_and_importing_nothing_heavy():
    code = (
        "import sys, midtone;"
        "assert not {'torch', 'onnxruntime', 'numpy', 'PIL'} & set(sys.modules);"
        "import numpy; sys.modules['torch'] = None;"
        "assert midtone.correct(numpy.zeros((8, 8, 3), 'uint8')).shape == (8, 8, 3);"
        "assert callable(midtone.correct)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
