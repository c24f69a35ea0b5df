from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from midtone.data.augment import Augmentation  # noqa: E402
from midtone.data.crops import CropModel  # noqa: E402
from midtone.data.local_light import LocalLight  # noqa: E402
from midtone.data.neutral import NeutralModel  # noqa: E402
from midtone.data.synthesize import NO_ERRORS, expose  # noqa: E402
from midtone.data.targets import TargetModel, keep_whites, normalize_target  # noqa: E402
from midtone.errors import UsageError  # noqa: E402
from midtone.preprocess import pad, resize  # noqa: E402
from midtone.training.device_examples import DeviceExamples, DevicePhotographs  # noqa: E402
from midtone.training.loader import input_config  # noqa: E402
from midtone.training.recipe import Stage  # noqa: E402
from midtone.training.recipes import RECIPES  # noqa: E402
from tiny_training import NETWORK  # noqa: E402

CPU = torch.device("cpu")
WHOLE = CropModel(coverage=(1.0, 1.0), square_share=0.0, vertical_flip_prob=0.0)
STAGE = Stage(size=64, batch=2, steps=1, crops=WHOLE, errors=NO_ERRORS, longest_side=64)


def draw(image, stage=STAGE, count=6, seed=0):
    photographs = DevicePhotographs.upload([image], [True], CPU)
    source, target = DeviceExamples(photographs, stage, seed).batch(count)
    assert source.shape == target.shape == (count, 3, stage.size, stage.size)
    for batch in (source, target):
        assert batch.min() >= 0
        assert batch.max() <= 1
    return (255 * source).numpy().transpose(0, 2, 3, 1), (255 * target).numpy().transpose(
        0, 2, 3, 1
    )


@pytest.fixture
def image(astronaut):
    """A photograph of 64 x 48 px."""
    return np.ascontiguousarray(astronaut[:384:8, ::8])


def of(ev, **settings):
    return replace(NO_ERRORS, bands=((1.0, ev, ev),), **settings)


@pytest.mark.parametrize("ev", [-3.0, -1.5, 0.0, 1.0])
def test_errors_are_those_of_the_measured_curves(image, ev):
    sources, targets = draw(image, replace(STAGE, errors=of(ev)))
    for source, target in zip(sources, targets, strict=True):
        exact = np.rint(target).astype(np.uint8)
        assert np.abs(source - expose(exact, ev)).max() <= 1.01


def test_pictures_are_placed_and_padded_as_by_the_loader(image):
    _, targets = draw(image)
    expected = 255 * pad(resize(image, 64), input_config(NETWORK, 64, 1))
    expected = np.pad(expected, ((0, 64 - expected.shape[0]), (0, 0), (0, 0)), "symmetric")
    for target in targets:
        difference = min(np.abs(target - e).max() for e in (expected, expected[:, ::-1]))
        assert difference <= 1.01


@pytest.mark.parametrize("ev", [-3.0, -2.0, 0.5])
def test_targets_are_normalised_as_by_the_loader(image, ev):
    model = TargetModel(levels_part=0.5, brightness_part=(0.2, 0.5))
    flat = (50 + image // 2).astype(np.uint8)
    _, targets = draw(flat, replace(STAGE, errors=of(ev), targets=model))
    expected = normalize_target(flat, model, ev)
    for target in targets:
        assert abs(target[:48].mean() - expected.mean()) < 2
        assert abs(target[:48].std() - expected.std()) < 2


def test_whites_are_kept_as_by_the_loader(image):
    stage = replace(STAGE, errors=of(1.5))
    floor = replace(stage, targets=TargetModel(white_floor=0.985))
    for source, plain, target in zip(*draw(image, stage), draw(image, floor)[1], strict=True):
        codes, exact = (np.rint(one).astype(np.uint8) for one in (source, plain))
        assert np.abs(target - keep_whites(exact, codes, 0.985)).max() <= 1.01
        assert (target > plain + 2).any()


def test_unchanged_inputs_are_their_target(image):
    stage = replace(
        STAGE, errors=of(-3.0, unchanged_prob=1.0), targets=TargetModel(brightness_part=(1, 1))
    )
    sources, targets = draw(image, stage)
    np.testing.assert_array_equal(sources, targets)


def test_other_photographs_are_their_targets_in_a_band_of_exposures(image):
    photographs = DevicePhotographs.upload([image], [False], CPU)
    stage = replace(STAGE, errors=of(-3.0, unchanged_ev=1.0), unchanged_others=True)
    source, target = DeviceExamples(photographs, stage, 0).batch(16)
    assert torch.equal(source, target)
    means = 255 * target.mean((1, 2, 3))
    assert means.min() < image.mean() < means.max() - 20
    with pytest.raises(UsageError, match="well exposed"):
        DeviceExamples(photographs, STAGE, 0)


@pytest.mark.parametrize("ev", [-1.5, 1.5])
@pytest.mark.parametrize(
    "part",
    [
        {"neutral": NeutralModel(prob=1.0)},
        {"light": LocalLight(region_prob=1.0)},
        {"light": LocalLight(spot_prob=1.0, spot_ev=2.0)},
        {"camera_prob": 1.0},
        {"noise_prob": 1.0, "shot": 0.02},
        {"balance": 0.1},
        {"contrast": 0.2},
    ],
    ids=lambda part: next(iter(part)),
)
def test_each_part_of_the_errors_changes_the_input_alone(image, part, ev):
    sources, targets = draw(image, replace(STAGE, errors=of(ev, **part)))
    for source, target in zip(sources, targets, strict=True):
        plain = expose(np.rint(target).astype(np.uint8), ev)
        assert np.abs(source - plain).max() > 1.5
    originals = draw(image)[1]
    assert min(np.abs(targets[0] - original).max() for original in originals) <= 1.01


def test_black_is_pulled_down_and_lights_stay_bright(image):
    plain, pulled = (draw(image, replace(STAGE, errors=of(1.5, black_prob=p)))[0] for p in (0, 1))
    assert (pulled <= plain + 1).all()
    assert pulled[image_is_black(plain)].mean() < plain[image_is_black(plain)].mean() - 5
    plain, lit = (
        draw(image, replace(STAGE, errors=of(-3.0, bright_lights_prob=p)))[0] for p in (0, 1)
    )
    assert (lit >= plain - 1).all()
    assert lit.max() > plain.max() + 20


def image_is_black(picture):
    return picture <= np.quantile(picture, 0.05)


@pytest.mark.parametrize(
    "part",
    [
        {"saturation": (0.5, 0.6)},
        {"balance": 0.2},
        {"gamma": 0.3},
        {"channel_shuffle_prob": 1.0},
        {"collage_prob": 1.0},
    ],
    ids=lambda part: next(iter(part)),
)
def test_input_and_target_are_augmented_alike(image, part):
    stage = replace(STAGE, augmentation=Augmentation(**part))
    photographs = DevicePhotographs.upload([image, 255 - image], [True, True], CPU)
    source, target = DeviceExamples(photographs, stage, 0).batch(8)
    assert (source - target).abs().max() <= 1.01 / 255
    plain = {tuple(one.flatten()[:500].tolist()) for one in draw(image, count=8)[1] / 255}
    assert any(tuple(one.permute(1, 2, 0).flatten()[:500].tolist()) not in plain for one in target)


def test_examples_are_reproducible_with_every_part_on(astronaut):
    stage = replace(RECIPES["default"].stages[-1], longest_side=80, size=64)
    for one, two in zip(
        draw(astronaut[::4, ::6], stage), draw(astronaut[::4, ::6], stage), strict=True
    ):
        np.testing.assert_array_equal(one, two)
        assert np.isfinite(one).all()
    other = draw(astronaut[::4, ::6], stage, seed=1)[0]
    assert np.abs(other - draw(astronaut[::4, ::6], stage)[0]).max() > 10


def test_the_papers_patches_are_cut_without_a_resize(image):
    stage = replace(STAGE, size=16, crops=None, longest_side=None)
    parts = np.lib.stride_tricks.sliding_window_view(image, (16, 16), (0, 1))
    for target in np.rint(draw(image, stage)[1]).astype(np.uint8):
        patch = target.transpose(2, 0, 1)
        assert any((parts == flip).all((2, 3, 4)).any() for flip in (patch, patch[..., ::-1]))


def test_photographs_that_are_too_small_are_refused(image):
    with pytest.raises(
        UsageError, match="no photograph of the pack is well exposed and at least 64"
    ):
        draw(image, replace(STAGE, crops=None))
    with pytest.raises(UsageError, match="no photographs"):
        DevicePhotographs.upload([], [], CPU)
