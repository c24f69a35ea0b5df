"""Files of weights: where they are found, what they say, and those in the package."""

from __future__ import annotations

import numpy as np
import pytest

from midtone.baselines.learned import catalogue, weights
from midtone.errors import Error, ModelError, UsageError

pytest.importorskip("safetensors")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path / "mine"))
    return tmp_path / "mine"


def info(origin: str = weights.AUTHORS) -> weights.WeightsInfo:
    return weights.WeightsInfo("zero-dce", origin, "MIT", {"source": "somewhere"})


VALUES = {"a.weight": np.arange(6, dtype=np.float16).reshape(2, 3)}


def test_what_is_written_is_read(folder):
    path = folder / "zero-dce.safetensors"
    weights.write(path, VALUES, info())
    values, found = weights.read(path)
    assert found == info()
    assert values["a.weight"].dtype == np.float32
    np.testing.assert_array_equal(values["a.weight"], VALUES["a.weight"])
    assert [p.name for p in folder.iterdir()] == [path.name]


def test_nothing_is_overwritten_unless_asked(folder):
    path = folder / "zero-dce.safetensors"
    weights.write(path, VALUES, info())
    with pytest.raises(UsageError, match="exists already"):
        weights.write(path, VALUES, info(weights.OURS))
    weights.write(path, VALUES, info(weights.OURS), overwrite=True)
    assert weights.read_info(path).label == "zero-dce (ours)"


def test_the_users_file_comes_first(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "PACKAGED", tmp_path / "package")
    assert weights.find("zero-dce") is None
    packaged = tmp_path / "package" / "zero-dce.safetensors"
    weights.write(packaged, VALUES, info(weights.OURS))
    assert weights.find("zero-dce") == packaged
    own = folder / "zero-dce.safetensors"
    weights.write(own, VALUES, info())
    assert weights.find("zero-dce") == own


def test_the_folder_is_the_users_data_folder(monkeypatch, tmp_path):
    monkeypatch.delenv(weights.FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert weights.folder() == tmp_path / "midtone" / "baselines"


@pytest.mark.parametrize(
    "content", [b"", b"\x10\0\0\0\0\0\0\0{}", b"\xff" * 20, b"\x02\0\0\0\0\0\0\0{}"]
)
def test_other_files(folder, tmp_path, content):
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not a file of a baseline's weights"):
        weights.read_info(path)
    with pytest.raises(ModelError, match="cannot be read"):
        weights.read_info(tmp_path / "missing.safetensors")


def test_a_truncated_file(folder):
    path = folder / "zero-dce.safetensors"
    weights.write(path, VALUES, info())
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="is damaged"):
        weights.read(path)


def test_the_packaged_weights_are_ours_and_small():
    files = sorted(weights.PACKAGED.glob("*.safetensors"))
    assert sum(path.stat().st_size for path in files) < 6e6
    for path in files:
        found = weights.read_info(path)
        assert found.method == path.stem
        assert found.method in catalogue.METHODS
        assert found.origin == weights.OURS
        assert found.licence == "Apache-2.0"
        assert found.made["recipe"]["steps"] > 0


def test_a_full_disk_is_one_sentence(folder, monkeypatch):
    numpy_files = pytest.importorskip("safetensors.numpy")

    from safetensors import SafetensorError

    def full(*_):
        raise SafetensorError("I/O error: No space left on device")

    monkeypatch.setattr(numpy_files, "save_file", full)
    with pytest.raises(Error, match=r"cannot be written .*No space left"):
        weights.write(folder / "a.safetensors", VALUES, info())
