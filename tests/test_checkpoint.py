from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from midtone.errors import Error, ModelError, UsageError  # noqa: E402
from midtone.network import CoarseToFine, save_network  # noqa: E402
from midtone.training import checkpoint as checkpoints  # noqa: E402
from midtone.training.checkpoint import (  # noqa: E402
    CHECKPOINT,
    State,
    find_checkpoint,
    find_start,
    load_weights,
    stored_recipe,
)
from tiny_training import COARSE, NETWORK, TINY, one_stage  # noqa: E402

CPU = torch.device("cpu")


def step(state):
    """One optimiser step on random gradients."""
    for parameter in (*state.network.parameters(), *state.discriminator.parameters()):
        parameter.grad = torch.rand_like(parameter)
    state.adam.step()
    state.discriminator_adam.step()
    state.update_ema(0.9)
    state.step += 1


def contents(state):
    return [
        *state.network.parameters(),
        *state.discriminator.parameters(),
        *state.ema.values(),
        *(value for p in state.network.parameters() for value in state.adam.state[p].values()),
    ]


def test_a_loaded_state_is_the_saved_one(tmp_path):
    state, other = State.new(TINY, CPU), State.new(TINY, CPU)
    step(state)
    path = tmp_path / CHECKPOINT
    state.save(path, TINY)
    other.load(path, TINY)
    assert other.step == 1
    for one, two in zip(contents(state), contents(other), strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)
    step(state)
    step(other)
    assert stored_recipe(path) == TINY
    assert find_checkpoint(tmp_path) == path == find_start(str(tmp_path))


def test_the_average_follows_the_weights():
    state = State.new(TINY, CPU)
    for value in state.ema.values():
        value.zero_()
    state.step = 1000
    state.update_ema(0.9)
    for name, parameter in state.network.named_parameters():
        torch.testing.assert_close(state.ema[name], 0.1 * parameter.detach())
    state.update_ema(0.0)
    for name, parameter in state.network.named_parameters():
        torch.testing.assert_close(state.ema[name], parameter.detach())


def test_other_settings_are_refused(tmp_path):
    path = tmp_path / CHECKPOINT
    State.new(TINY, CPU).save(path, TINY)
    with pytest.raises(ModelError, match="other settings"):
        State.new(TINY, CPU).load(path, replace(TINY, seed=7))
    path.write_bytes(b"no checkpoint")
    with pytest.raises(ModelError, match="not a checkpoint"):
        State.new(TINY, CPU).load(path, TINY)
    with pytest.raises(UsageError, match="no training run"):
        find_checkpoint(tmp_path / "none")


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / CHECKPOINT
    state = State.new(TINY, CPU)
    state.save(path, TINY)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "save_file", fail)
    with pytest.raises(Error, match=r"step 0 cannot be written.*No space left"):
        state.save(path, TINY)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == [CHECKPOINT]


def test_a_run_starts_from_a_checkpoint_and_from_a_model(tmp_path):
    state = State.new(TINY, CPU)
    step(state)
    path, model = tmp_path / CHECKPOINT, tmp_path / "model.safetensors"
    state.save(path, TINY)
    network = CoarseToFine(NETWORK)
    network.load_state_dict(state.ema)
    from midtone.model import header, network_layout

    config = network_layout(NETWORK.to_dict())
    save_network(model, network, header(NETWORK.to_dict(), config, {}))
    for source in (path, model):
        other = State.new(replace(TINY, seed=5), CPU)
        other.start_from(source, 0)
        for name, parameter in other.network.named_parameters():
            torch.testing.assert_close(parameter.detach(), state.ema[name], rtol=0, atol=0)
            torch.testing.assert_close(other.ema[name], state.ema[name], rtol=0, atol=0)


def test_reset_levels_begin_without_effect(tmp_path):
    state = State.new(TINY, CPU)
    path = tmp_path / CHECKPOINT
    state.save(path, TINY)
    other = State.new(TINY, CPU)
    other.start_from(path, 1)
    levels = [torch.rand(1, 3, 32, 32), torch.rand(1, 3, 16, 16)]
    result, coarser = other.network(*levels)
    torch.testing.assert_close(result, coarser)
    torch.testing.assert_close(coarser, state.network(*levels)[1])


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / CHECKPOINT
    State.new(TINY, CPU).save(path, TINY)
    with pytest.raises(ModelError, match="another layout"):
        State.new(one_stage(COARSE), CPU).start_from(path, 0)
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"broken\.onnx: not an ONNX model"):
        load_weights(tmp_path / "broken.onnx")
