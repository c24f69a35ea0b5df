from __future__ import annotations

import midtone
from midtone import model
from midtone.bilateral_grid import slice as slicing
from midtone.cli import main
from midtone.photo import FORMATS


def test_the_version_names_the_model(capsys):
    assert main(["--version"]) == 0
    sha256 = model.info("default").sha256
    assert capsys.readouterr().out == f"midtone {midtone.__version__}, model default {sha256[:8]}\n"


def test_verbose_names_libraries_and_formats(capsys, monkeypatch):
    assert main(["--version", "--verbose"]) == 0
    shown = capsys.readouterr().out
    assert f"sha256 {model.info('default').sha256}\n" in shown
    for word in ("ONNX Runtime ", "NumPy ", "Pillow ", "imagecodecs ", "writes: JPEG, PNG"):
        assert word in shown
    for format in FORMATS.values():
        assert format.title in shown
    assert ("slicing: compiled" in shown) == slicing.COMPILED
    monkeypatch.setattr(slicing, "COMPILED", False)
    assert main(["--version", "--verbose"]) == 0
    assert "slicing: NumPy, 13 times slower" in capsys.readouterr().out


def test_a_slow_installation_is_reported_once(tmp_path, dark, capsys, monkeypatch):
    from PIL import Image

    (tmp_path / "in").mkdir()
    for name in "ab":
        Image.fromarray(dark[:50, :60]).save(tmp_path / "in" / f"{name}.png")
    monkeypatch.setattr(slicing, "COMPILED", False)
    assert main(["fix", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().err.count("13 times slower") == 1
