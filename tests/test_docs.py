"""The code in docs/ runs as it stands."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from midtone import model
from midtone.corrector import predict
from midtone.preprocess import NetworkInput, at_prediction_size, network_input

ROOT = Path(__file__).parents[1]


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text("utf-8")
    found = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The current folder, with the examples in it."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_model_is_used_without_midtone(folder):
    shutil.copy(model.find("default"), folder / "default.onnx")
    (block,) = blocks("model.md", "python")
    namespace: dict = {}
    exec(compile(block, "model.md", "exec"), namespace)
    assert (folder / "corrected.png").exists()
    loaded = model.load("default", "cpu", 1)
    config = dataclasses.replace(loaded.info.config, rotate_tta=False, padding="symmetric")
    image = namespace["image"]
    reference = at_prediction_size(image, config)
    expected = predict(loaded, NetworkInput(network_input(image, config), reference, reference))
    np.testing.assert_allclose(namespace["corrected"], expected, atol=1e-5)
