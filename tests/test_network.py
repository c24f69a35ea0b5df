from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from midtone import model as model_files  # noqa: E402
from midtone import pyramid  # noqa: E402
from midtone.network import (  # noqa: E402
    CoarseToFine,
    NetworkConfig,
    SubNetwork,
    count_parameters,
    save_network,
)

SMALL = NetworkConfig(levels=2, channels=(4, 6), depth=(2, 3))


def test_parameters_are_the_papers():
    assert count_parameters(CoarseToFine()) == 7_015_449
    assert [count_parameters(SubNetwork(d, c, 0.2)) for d, c in ((4, 24), (3, 24), (3, 16))] == [
        4_365_915,
        1_083_675,
        482_067,
    ]


@pytest.mark.parametrize(
    "config",
    [NetworkConfig(levels=1, channels=(8,), depth=(2,)), SMALL, NetworkConfig()],
    ids=lambda config: f"{config.levels} levels",
)
def test_shapes_follow_the_pyramid(config):
    network = CoarseToFine(config)
    height, width = config.multiple, 2 * config.multiple
    levels = pyramid.split(torch.rand(2, 3, height, width), config.levels)
    results = network(*levels)
    sizes = [tuple(result.shape[2:]) for result in results]
    assert sizes[0] == (height, width)
    assert sizes[1:] == [(height >> n, width >> n) for n in range(config.levels - 1)]
    for finest in range(1, config.levels + 1):
        part = network(*levels[finest - 1 :], finest=finest)
        assert len(part) == config.levels - finest + 1
        for ours, theirs in zip(part, results[finest - 1 :], strict=True):
            torch.testing.assert_close(ours, theirs)


def test_the_residual_is_added_to_the_coarser_result_alone():
    network = CoarseToFine(SMALL)
    for subnetwork in network.subnetworks:
        torch.nn.init.zeros_(subnetwork.head.weight)
        torch.nn.init.constant_(subnetwork.head.bias, 0.25)
    levels = pyramid.split(torch.rand(1, 3, 32, 32), 2)
    result, coarser = network(*levels)
    torch.testing.assert_close(result, coarser + 0.25)


def test_settings_survive_a_file(tmp_path):
    network = CoarseToFine(SMALL)
    path = tmp_path / "small.safetensors"
    config = model_files.network_layout(SMALL.to_dict()).override({"size": 64})
    save_network(path, network, model_files.header(SMALL.to_dict(), config, {"note": "test"}))
    model = model_files.load(path, "cpu")
    assert model.info.config.multiple == SMALL.multiple == 16
    assert model.info.made == {"note": "test"}
    levels = pyramid.split(np.random.default_rng(0).random((32, 48, 3), np.float32), 2)
    levels = [level.transpose(2, 0, 1)[None] for level in levels]
    with torch.inference_mode():
        expected = network(*map(torch.from_numpy, map(np.ascontiguousarray, levels)))[0]
    np.testing.assert_allclose(model.run(levels), expected.numpy(), atol=1e-6)
    assert NetworkConfig.from_dict(json.loads(json.dumps(SMALL.to_dict()))) == SMALL


def test_wrong_configurations_are_refused():
    with pytest.raises(ValueError, match="one entry for each"):
        NetworkConfig(levels=3)
    with pytest.raises(ValueError, match="expected levels 1 to 2"):
        CoarseToFine(SMALL)(torch.rand(1, 3, 16, 16))


@pytest.mark.parametrize("reset", [1, 2, 3])
def test_levels_with_zero_heads_return_the_coarser_result(reset):
    config = NetworkConfig(channels=(4, 4, 4, 4), depth=(1, 1, 1, 1))
    network = CoarseToFine(config)
    levels = pyramid.split(torch.rand(1, 3, 32, 32), 4)
    before = network(*levels)
    network.zero_residual_heads(reset)
    after = network(*levels)
    for coarse in range(reset, 4):
        torch.testing.assert_close(after[coarse], before[coarse])
    enlarged = after[reset].repeat_interleave(2 ** (reset - 1), -1)
    torch.testing.assert_close(after[0], enlarged.repeat_interleave(2 ** (reset - 1), -2))


def test_feature_maps_are_dropped_in_training_alone():
    network = CoarseToFine(SMALL)
    levels = pyramid.split(torch.rand(2, 3, 32, 32), 2)
    with torch.no_grad():
        whole = network(*levels)[0]
        network.set_spatial_dropout(0.3)
        assert (network(*levels)[0] - whole).abs().max() > 1e-3
        torch.testing.assert_close(network.eval()(*levels)[0], whole)
