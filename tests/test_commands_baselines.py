"""`midtone baselines`: the list, importing, training, and errors of one sentence."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from midtone.baselines.learned import catalogue, weights
from midtone.cli import main

torch = pytest.importorskip("torch")

from midtone.baselines.learned.zero_dce import ZeroDCE  # noqa: E402


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path / "mine"))
    return tmp_path / "mine"


def test_the_list_names_every_method_its_source_and_licence(capsys, folder):
    assert main(["baselines"]) == 0
    printed = capsys.readouterr().out
    assert str(folder) in printed
    for method in catalogue.METHODS.values():
        assert f"\n{method.name}: " in printed
        assert method.source in printed
        assert method.licence in printed
    assert "weights are missing; midtone baselines import dped-sony FILES" in printed


def test_importing_prints_source_licence_and_checksum(capsys, tmp_path, folder):
    torch.save(ZeroDCE().state_dict(), tmp_path / "Epoch99.pth")
    assert main(["baselines", "import", "zero-dce", str(tmp_path / "Epoch99.pth")]) == 0
    printed = capsys.readouterr().out
    path = folder / "zero-dce.safetensors"
    info = weights.read_info(path)
    assert printed.startswith(f"{path}: 79,416 values of zero-dce\n")
    assert "CC BY-NC 4.0" in printed
    assert info.made["files"]["Epoch99.pth"] in printed
    assert "are not among those that were checked" in printed
    assert main(["baselines"]) == 0
    assert f"authors' (CC BY-NC 4.0), {path}" in capsys.readouterr().out
    assert main(["baselines", "import", "zero-dce", str(tmp_path / "Epoch99.pth")]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["import", "zero", "a.pth"], 2, "no learned method zero"),
        (["import", "zero-dce", "missing.pth"], 2, "cannot be read"),
        (["train", "hdrcnn-rht", ".", "-o", "x.safetensors"], 2, "cannot be trained"),
        (["train", "zero-dce", ".", "-o", "x.safetensors", "--steps", "0"], 2, "at least 1"),
        (["train", "zero-dce", ".", "-o", "x.safetensors", "--seed", "-1"], 2, "--seed at least 0"),
        (["train", "zero-dce", ".", "-o", "x.safetensors"], 2, "has no photographs"),
        (["train", "dped-sony", "photos", "-o", "x.safetensors"], 2, "--vgg"),
    ],
)
def test_errors_are_one_sentence(capsys, tmp_path, monkeypatch, arguments, code, sentence):
    monkeypatch.chdir(tmp_path)
    if "photos" in arguments:
        (tmp_path / "photos").mkdir()
        Image.new("RGB", (120, 120)).save(tmp_path / "photos" / "a.png")
    assert main(["baselines", *arguments]) == code
    printed = capsys.readouterr().err
    assert sentence in printed
    assert len(printed.splitlines()) == 1


def test_training_leaves_weights_that_can_be_used(capsys, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    noise = np.random.default_rng(0).integers(80, 180, (140, 150, 3), np.uint8)
    Image.fromarray(noise).save(photos / "a.png")
    out = tmp_path / "zero-dce.safetensors"
    command = ["baselines", "train", "zero-dce", str(photos), "-o", str(out)]
    assert main([*command, "--steps", "2", "--batch", "1", "--licence", "CC0-1.0"]) == 0
    assert capsys.readouterr().out.startswith("2: tv ")
    values, info = weights.read(out)
    assert sum(value.size for value in values.values()) == 79_416
    assert info.label == "zero-dce (ours)"
    assert info.licence == "CC0-1.0"
    assert info.made["recipe"]["steps"] == 2
    assert main(command) == 2


def test_weights_are_safetensors(capsys, tmp_path):
    for command in (["train", "zero-dce", "."], ["import", "zero-dce", "Epoch99.pth"]):
        assert main(["baselines", *command, "-o", str(tmp_path / "a.txt")]) == 2
        assert "a.txt: a file of weights ends in .safetensors" in capsys.readouterr().err
