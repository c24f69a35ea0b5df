from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metadata import DISPLAY_P3
from midtone import photo, pyramid
from midtone.pipeline import PipelineConfig
from midtone.preprocess import at_prediction_size, network_input, preprocess, resize

CONFIG = PipelineConfig(levels=3, multiple=16, size=48)


@given(st.integers(1, 60), st.integers(1, 60), st.booleans(), st.integers(1, 3))
def test_levels_are_those_of_the_padded_image(height, width, rotate, finest):
    image = np.random.default_rng(height).random((height, width, 3), np.float32)
    config = replace(CONFIG, rotate_tta=rotate, finest=finest)
    levels = network_input(image, config)
    assert len(levels) == 4 - finest
    assert all(level.shape[:2] == (1 + rotate, 3) for level in levels)
    sides = [-(-side // 16) * 16 >> (finest - 1) for side in (height, width)]
    assert list(levels[0].shape[2:]) == sides
    if finest == 1:
        whole = pyramid.merge([level[0].transpose(1, 2, 0) for level in levels])
        np.testing.assert_allclose(whole[:height, :width], image, atol=1e-5)
        if rotate:
            turned = pyramid.merge([level[1].transpose(1, 2, 0) for level in levels])
            np.testing.assert_allclose(turned[:height, :width], image[::-1, ::-1], atol=1e-5)


def test_scales_multiply_the_levels_finest_first():
    image = np.random.default_rng(0).random((32, 48, 3), np.float32)
    plain = network_input(image, CONFIG)
    scaled = network_input(image, CONFIG, (2.0, 1.0, 0.5))
    for factor, before, after in zip((2, 1, 0.5), plain, scaled, strict=True):
        np.testing.assert_allclose(after, factor * before)
    coarse = network_input(image, replace(CONFIG, finest=3), (2.0, 1.0, 0.5))
    np.testing.assert_array_equal(coarse[0], scaled[2])


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 3))
def test_the_reference_has_the_size_of_the_prediction(height, width, finest):
    image = np.full((height, width, 3), 0.3, np.float32)
    reference = at_prediction_size(image, replace(CONFIG, finest=finest))
    coarser = max(0, finest - 2)
    assert reference.shape == (-(-height >> coarser), -(-width >> coarser), 3)
    np.testing.assert_allclose(reference, 0.3, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_resizing_keeps_the_aspect_ratio_and_the_range(astronaut, dtype, channels):
    pixels = astronaut[:400, :, :channels].astype(np.float64) / 255
    if dtype != np.float32:
        pixels = np.rint(pixels * np.iinfo(dtype).max)
    small = resize(pixels.astype(dtype), 256)
    assert small.shape == (200, 256, channels)
    assert small.dtype == np.float32
    assert 0 <= small.min() < small.max() <= 1
    expected = resize(astronaut[:400, :, :channels], 256)
    assert np.abs(small - expected).max() <= 3 / 255


def test_grey_and_profiled_photographs_have_a_source_of_their_own(dark):
    grey = preprocess(photo.from_array(dark[..., 1]), CONFIG)
    assert grey.source.shape[2] == 1
    np.testing.assert_array_equal(grey.source, grey.reference[..., :1])
    plain = preprocess(photo.Photo(dark), CONFIG)
    tagged = preprocess(photo.Photo(dark, icc=DISPLAY_P3), CONFIG)
    np.testing.assert_array_equal(tagged.source, plain.source)
    assert np.abs(tagged.reference - plain.reference).max() > 0.01


def test_correcting_training_and_validating_prepare_the_same_network_input(astronaut):
    torch = pytest.importorskip("torch")
    from midtone.corrector import predict
    from midtone.model import ModelInfo
    from midtone.network import CoarseToFine, NetworkConfig
    from midtone.training.loader import input_config, prepare
    from midtone.training.validation import Check, validate

    class Recorder(CoarseToFine):
        """A network that keeps its inputs."""

        def forward(self, *levels, finest=1):
            self.inputs = [level.numpy().copy() for level in levels]
            return super().forward(*levels, finest=finest)

    network = Recorder(NetworkConfig(3, (4, 4, 4), (1, 1, 2)))
    config = input_config(network.config, 32, 1)
    image = astronaut[:320]

    class Model:
        info = ModelInfo(Path("none"), config)

        def run(self, levels):
            self.inputs = levels
            return np.zeros((1, 3, 32, 32), np.float32)

    model = Model()
    predict(model, preprocess(photo.Photo(image), config))
    loaded, _ = prepare(image, image, replace(config, multiple=config.size))
    validate(network, dict(network.named_parameters()), [Check("one", image, image)], config)
    for corrected, trained, validated in zip(model.inputs, loaded, network.inputs, strict=True):
        np.testing.assert_array_equal(trained.numpy(), corrected)
        np.testing.assert_array_equal(validated, corrected)
    assert torch.is_tensor(loaded[0])
