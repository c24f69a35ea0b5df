"""Learned methods as rows of a table: found, named, refused in one sentence."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from midtone.baselines.learned import catalogue, run, weights
from midtone.errors import ModelError

torch = pytest.importorskip("torch")

from midtone.baselines.learned import networks  # noqa: E402
from midtone.baselines.learned.networks import DEFINITIONS, parameters  # noqa: E402

IMAGE = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.setattr(weights, "PACKAGED", tmp_path / "package")
    return tmp_path


def install(
    folder, method: str, origin: str = weights.AUTHORS, kind: str = "", missing: str = ""
) -> None:
    torch.manual_seed(0)
    network = DEFINITIONS[kind or method].build()
    values = {
        name: value.numpy()
        for name, value in parameters(network).items()
        if not missing or not name.startswith(missing)
    }
    path = folder / f"{method}.safetensors"
    info = weights.WeightsInfo(method, origin, "MIT", {"missing": [missing] if missing else []})
    weights.write(path, values, info, overwrite=True)


def test_every_method_of_the_catalogue_is_there_and_pickles():
    methods = run.methods()
    assert list(methods)[: len(catalogue.METHODS)] == list(catalogue.METHODS)
    assert {"dped-iphone-stretch", "dped-sony-stretch"} < set(methods)
    for pair in methods.values():
        pickle.loads(pickle.dumps(pair))


@pytest.mark.parametrize("name", ["dped-sony", "hdrcnn-reinhard", "zero-dce"])
def test_missing_weights_are_one_sentence(name):
    correct, describe = run.methods()[name]
    for ask in (describe, lambda: correct(IMAGE)):
        with pytest.raises(ModelError, match=f"{name}: weights are missing"):
            ask()


def test_a_row_names_its_weights(folder):
    install(folder / "package", "zero-dce", weights.OURS)
    methods = run.methods()
    assert methods["zero-dce"][1]().startswith("ours, sha256 ")
    result = methods["zero-dce"][0](IMAGE)
    assert result.shape == IMAGE.shape
    install(folder, "zero-dce")
    assert methods["zero-dce"][1]().startswith("authors', sha256 ")
    assert methods["zero-dce-ours"][1]().startswith("ours, sha256 ")
    assert (methods["zero-dce-ours"][0](IMAGE) == result).all()


def test_ours_are_those_of_the_package(folder):
    """Whatever file the user has."""
    install(folder / "package", "zero-dce", weights.OURS)
    expected = run.methods()["zero-dce-ours"][1]()
    install(folder, "zero-dce", weights.OURS, missing="e_conv7")
    assert run.methods()["zero-dce-ours"][1]() == expected
    (folder / "zero-dce.safetensors").write_bytes(b"something else")
    assert run.methods()["zero-dce-ours"][1]() == expected
    with pytest.raises(ModelError, match="not a file of a baseline's weights"):
        run.methods()["zero-dce"][1]()


def test_one_of_two_networks_is_said_before_the_run(folder):
    install(folder, "retinexnet", missing="relight")
    with pytest.raises(ModelError, match="lacks the network relight; import all files of retin"):
        run.methods()["retinexnet"][1]()
    install(folder, "hdrcnn-rht", missing="rht")
    with pytest.raises(ModelError, match="lacks the network rht"):
        run.methods()["hdrcnn-rht"][1]()
    assert run.methods()["hdrcnn-reinhard"][1]().startswith("authors', sha256 ")


def test_clip_and_stretch_are_two_methods(folder):
    install(folder, "dped-sony")
    methods = run.methods()
    clipped = methods["dped-sony"][0](IMAGE)
    assert methods["dped-sony-stretch"][0](IMAGE).shape == clipped.shape


def test_a_replaced_file_is_read_again(folder):
    install(folder, "zero-dce")
    correct, describe = run.methods()["zero-dce"]
    before, name = correct(IMAGE), describe()
    path = folder / "zero-dce.safetensors"
    values, info = weights.read(path)
    values["e_conv7.bias"] += 1
    weights.write(path, values, info, overwrite=True)
    assert describe() != name
    assert not np.array_equal(correct(IMAGE), before)


def test_a_file_of_another_method_is_refused(folder):
    install(folder, "zero-dce", kind="dped-sony")
    with pytest.raises(ModelError, match="lacks 14 of 14 values"):
        run.correct("zero-dce", IMAGE)


def test_gpus_do_not_round_to_ten_bits(folder):
    install(folder, "zero-dce")
    method = networks.load(folder / "zero-dce.safetensors")
    seen = []

    def enhance(network, image):
        seen.append(torch.backends.cudnn.allow_tf32)
        return image

    before = torch.backends.cudnn.allow_tf32
    replace(method, enhance=enhance)(IMAGE)
    assert seen == [False]
    assert torch.backends.cudnn.allow_tf32 is before


def test_without_torch_one_sentence(folder):
    install(folder, "zero-dce")
    code = """
import sys
sys.modules["torch"] = None
from importlib.util import find_spec
import numpy as np
from midtone.baselines.learned import run
from midtone.errors import ModelError
assert "zero-dce" in run.methods()
try:
    run.correct("zero-dce", np.zeros((8, 8, 3), np.uint8))
except ModelError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "zero-dce: needs torch: pip install midtone[train]\n"
