from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from midtone.errors import UsageError  # noqa: E402
from midtone.photo import Photo  # noqa: E402
from midtone.preprocess import preprocess  # noqa: E402
from midtone.training.loader import (  # noqa: E402
    DistributedBatchSampler,
    batches,
    input_config,
    prepare,
)
from midtone.training.losses import pyramid_targets  # noqa: E402
from tiny_training import COARSE, NETWORK  # noqa: E402


def test_processes_share_every_batch():
    parts = [list(DistributedBatchSampler(range(3, 5), 4, rank, 2)) for rank in range(2)]
    assert parts == [[12, 13, 16, 17], [14, 15, 18, 19]]
    with pytest.raises(UsageError, match="cannot share a batch of 3"):
        DistributedBatchSampler(range(1), 3, 0, 2)


@pytest.mark.parametrize("finest", [1, 2])
@pytest.mark.parametrize("shape", [(300, 200), (90, 160), (64, 64)])
def test_inputs_are_those_of_a_correction(finest, shape):
    rng = np.random.default_rng(0)
    source, target = rng.integers(0, 256, (2, *shape, 3), np.uint8)
    config = input_config(COARSE, 32, finest)
    levels, targets = prepare(source, target, config)
    expected = preprocess(Photo(source), config)
    for ours, theirs in zip(levels, expected.levels, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs)
    assert targets[0].shape[2] % 8 == 0
    assert len(targets) == len(levels)


def test_batches_have_square_pictures_and_their_targets():
    rng = np.random.default_rng(0)
    pairs = [rng.integers(0, 256, (2, 40, width, 3), np.uint8) for width in (40, 80)]
    config = input_config(NETWORK, 32, 1)
    (batch,) = batches(pairs, DistributedBatchSampler(range(1), 2), config, workers=0)
    levels, targets = batch
    assert [tuple(level.shape) for level in levels] == [(2, 3, 32, 32), (2, 3, 16, 16)]
    for ours, theirs in zip(targets, pyramid_targets(targets[0], 2), strict=True):
        torch.testing.assert_close(ours, theirs)
    wide = targets[0][1]
    torch.testing.assert_close(wide[:, :16], wide.flip(1)[:, :16])  # padded by reflection
