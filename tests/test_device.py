from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from midtone.errors import UsageError  # noqa: E402
from midtone.training import device  # noqa: E402
from midtone.training.device import Worker  # noqa: E402

CPU = torch.device("cpu")


def test_a_missing_gpu_is_an_error_only_if_it_is_chosen(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device.select_device("auto") == device.select_device("cpu") == CPU
    with pytest.raises(UsageError, match="no CUDA device"):
        device.select_device("cuda")


def test_each_process_has_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert device.select_device("auto") == torch.device("cuda", 3)
    assert device.select_device("cpu") == CPU


@pytest.mark.parametrize(
    ("precision", "fast", "expected"),
    [("auto", True, True), ("auto", False, False), ("bfloat16", False, True),
     ("float32", True, False)],
)  # fmt: skip
def test_the_precision(precision, fast, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: fast)
    assert device.use_bfloat16(torch.device("cuda"), precision) == expected


def test_one_process_needs_no_group():
    network = torch.nn.Linear(1, 1)
    assert device.wrap_ddp(network, Worker(CPU), unused_parameters=False) is network
    network.weight.grad = torch.ones(1, 1)
    device.average_gradients(network, world=1)
    assert network.weight.grad == 1


def test_tensors_are_channels_last():
    (moved,) = device.to_device([torch.rand(2, 3, 4, 5)], CPU)
    assert moved.is_contiguous(memory_format=torch.channels_last)


def test_denormals_are_flushed_only_within():
    tiny = torch.tensor([1e-40])
    with device.flush_denormals():
        assert (tiny * 1 == 0).all()
    assert (tiny * 1 != 0).all()
