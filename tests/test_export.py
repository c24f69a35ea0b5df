from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors import SafetensorError  # noqa: E402

from midtone import Corrector, pyramid  # noqa: E402
from midtone import model as model_files  # noqa: E402
from midtone.cli import main  # noqa: E402
from midtone.errors import Error, ModelError, UsageError  # noqa: E402
from midtone.network import CoarseToFine, NetworkConfig  # noqa: E402
from midtone.training import export as exporting  # noqa: E402
from midtone.training.checkpoint import CHECKPOINT, State, load_weights  # noqa: E402
from midtone.training.export import export, from_checkpoint, parity, to_onnx  # noqa: E402
from tiny_training import COARSE, one_stage  # noqa: E402


@pytest.fixture(scope="module")
def coarse(tmp_path_factory):
    """A checkpoint of a random network of three levels, two of which run, and its .onnx file."""
    path = tmp_path_factory.mktemp("coarse") / CHECKPOINT
    recipe = one_stage(COARSE, finest=2)
    state = State.new(recipe, torch.device("cpu"))
    torch.manual_seed(0)
    for value in state.ema.values():
        value.add_(0.01 * torch.randn_like(value))
    state.save(path, recipe)
    model = path.with_name("coarse.onnx")
    assert export(path, model, half=False) <= 1e-4
    return path, model


def test_onnx_equals_torch(tiny_run, tmp_path):
    path = tmp_path / "model.onnx"
    assert export(tiny_run / CHECKPOINT, path) <= 1e-4
    model = model_files.load(path, "cpu")
    assert model.info.config.size == 32
    assert model.info.config.postprocess == ()
    assert model.info.made["step"] == 6
    network, _ = from_checkpoint(tiny_run / CHECKPOINT)
    network.half().float()
    for batch, height, width in ((1, 16, 8), (3, 8, 40)):
        levels = pyramid.split(torch.rand(batch, 3, height, width), 2)
        with torch.inference_mode():
            expected = network(*levels)[0].numpy()
        result = model.run([level.numpy() for level in levels])
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-4)


def test_a_model_that_differs_is_not_written(tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "to_onnx", lambda *_, **__: None)
    monkeypatch.setattr(exporting, "parity", lambda *_: 0.5)
    with pytest.raises(ModelError, match="differ"):
        export(tiny_run / CHECKPOINT, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_a_model_of_coarse_levels_alone_corrects_photographs(coarse, tmp_path):
    checkpoint, onnx = coarse
    export(checkpoint, tmp_path / "coarse.safetensors")
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    pictures = []
    for path in (tmp_path / "coarse.safetensors", onnx):
        corrector = Corrector(path)
        assert (corrector.config.finest, corrector.config.size) == (2, 32)
        pictures.append(corrector(image))
        assert pictures[-1].shape == image.shape
    assert np.abs(pictures[0].astype(int) - pictures[1]).max() <= 1
    weights = load_weights(tmp_path / "coarse.safetensors")
    stored = load_weights(onnx)  # without the level that does not run
    assert not any(name.startswith("subnetworks.0.") for name in stored)
    for name, weight in stored.items():
        torch.testing.assert_close(weight, weights[name].detach())


def test_a_model_is_exported_again_with_another_pipeline(coarse, tmp_path):
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    (tmp_path / "pipeline.toml").write_text("size = 40\nrotate_tta = true\n")
    export(coarse[0], first)
    export(first, second, pipeline=tmp_path / "pipeline.toml")
    config = model_files.info(second).config
    assert (config.size, config.rotate_tta, config.finest) == (40, True, 2)
    for name, weight in load_weights(first).items():
        torch.testing.assert_close(weight, load_weights(second)[name])


def test_a_run_starts_from_a_model_of_coarse_levels_alone(coarse):
    state = State.new(one_stage(COARSE, finest=1), torch.device("cpu"))
    state.start_from(coarse[1], 0)
    levels = pyramid.split(torch.rand(1, 3, 32, 32), 3)
    result, coarser, _ = state.network(*levels)
    torch.testing.assert_close(result, coarser)


def test_a_model_is_replaced_only_with_overwrite(coarse, tmp_path, capsys):
    out = tmp_path / "new" / "model.safetensors"
    call = ["export", str(coarse[0].parent), "-o", str(out)]
    assert main(call) == 0
    assert main(call) == 2
    assert "exists already; use --overwrite to replace it" in capsys.readouterr().err
    assert main([*call, "--overwrite"]) == 0


@pytest.mark.parametrize("suffix", [".onnx", ".safetensors"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(coarse, tmp_path, monkeypatch, suffix):
    def full(*_):
        raise SafetensorError("I/O error: No space left on device")

    def full_too(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "save_network", full)
    monkeypatch.setattr(type(tmp_path), "write_bytes", full_too)
    with pytest.raises(Error, match=r"cannot be written .*No space left on device"):
        export(coarse[0], tmp_path / f"model{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_the_finest_level_can_be_chosen(coarse, tmp_path):
    for finest in (3, 0):
        with pytest.raises(UsageError, match=f"must lie within 2 and 2, not {finest}"):
            from_checkpoint(coarse[0], finest=finest)
    recipe = one_stage(COARSE)
    path = tmp_path / CHECKPOINT
    State.new(recipe, torch.device("cpu")).save(path, recipe)
    _, header = from_checkpoint(path, finest=2)
    assert header["midtone_finest"] == "2"


@pytest.mark.slow
@pytest.mark.parametrize("config", [NetworkConfig(), NetworkConfig(1, (4,), (2,))])
def test_other_networks_in_onnx_equal_torch(config):
    network = CoarseToFine(config).eval()
    settings = config.to_dict()
    header = model_files.header(settings, model_files.network_layout(settings), {})
    assert parity(network, to_onnx(network, header, half=False)) <= 1e-4
