from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from midtone import pyramid  # noqa: E402
from midtone.corrector import predict  # noqa: E402
from midtone.data.synthesize import ErrorModel  # noqa: E402
from midtone.data.targets import TargetModel  # noqa: E402
from midtone.model import ModelInfo  # noqa: E402
from midtone.network import CoarseToFine  # noqa: E402
from midtone.photo import Photo  # noqa: E402
from midtone.preprocess import preprocess  # noqa: E402
from midtone.training.loader import input_config  # noqa: E402
from midtone.training.recipe import VALIDATION_EVS  # noqa: E402
from midtone.training.validation import (  # noqa: E402
    Check,
    _TrainedNetwork,
    contact_sheet,
    from_photographs,
    validate,
)
from tiny_training import COARSE  # noqa: E402


class Speckled(torch.nn.Module):
    """Returns the input with noise that no grid passes."""

    def __init__(self):
        super().__init__()
        self.config = COARSE
        self.weight = torch.nn.Parameter(torch.tensor(0.2))

    def forward(self, *levels, finest):
        picture = pyramid.merge(levels, self.config.taps)
        return (picture + self.weight * (torch.rand(picture.shape) - 0.5),)


def test_it_measures_the_prediction_after_the_grid():
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (8, 6, 3), np.uint8)).resize((48, 64))
    source = (np.asarray(smooth).astype(float) * 200 / 255).astype(np.uint8)
    network = Speckled()
    checks = [Check("one", source, source)]
    config = input_config(COARSE, 64, 1)
    scores = validate(network, dict(network.named_parameters()), checks, config)
    assert scores.psnr["one"] == scores.psnr["mean"] > 34  # the noise alone: 25 dB
    assert scores.pictures[0].shape == (64, 3 * 48, 3)


@pytest.mark.parametrize("finest", [1, 2])
def test_its_network_input_is_that_of_a_correction(astronaut, finest):
    network = CoarseToFine(COARSE).eval()
    config = input_config(COARSE, 40, finest)
    inputs = preprocess(Photo(astronaut[:300]), config)
    model = _TrainedNetwork(network, dict(network.named_parameters()), ModelInfo(Path(), config))
    with torch.no_grad():
        expected = network(*map(torch.from_numpy, inputs.levels), finest=finest)[0]
    got = predict(model, inputs)
    assert got.shape == inputs.reference.shape
    height, width = got.shape[:2]
    wanted = expected[0, :, :height, :width].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)


def test_checks_have_the_evs_in_turn(astronaut):
    images = [astronaut[::8, ::8]] * 7
    checks = from_photographs(images, ErrorModel(), TargetModel(), seed=1)
    assert [check.group for check in checks[:6]] == [f"{ev:+.1f}" for ev in VALIDATION_EVS]
    assert checks[6].group == checks[0].group
    means = [check.input.mean() for check in checks[:6]]
    assert means == sorted(means)
    again = from_photographs(images, ErrorModel(), TargetModel(), seed=1)
    np.testing.assert_array_equal(checks[3].input, again[3].input)


def test_contact_sheets_stack_pictures_of_any_width():
    pictures = [np.full((2, width, 3), 9, np.uint8) for width in (3, 6, 4)]
    sheet = contact_sheet(pictures, rows=2)
    assert sheet.shape == (4, 6, 3)
    assert sheet[0, 3:].max() == 0
