"""Losses against the authors' values or formulas written again, and training steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from conftest import DATA

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402

from midtone.baselines.learned import (  # noqa: E402
    deep_upe,
    dpe,
    dpe_training,
    dped,
    hdrcnn,
    networks,
    retinexnet,
    rht,
    train,
    vgg,
    zero_dce,
)
from midtone.errors import UsageError  # noqa: E402


@pytest.fixture(scope="session")
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    """A dark and a bright 48 x 48 picture."""
    stored = np.load(DATA / "learned.npz")
    low, high = (torch.from_numpy(stored[key]).permute(2, 0, 1)[None] for key in ("low", "high"))
    return low, high


def test_deep_upe_losses_equal_the_authors(pair):
    stored = np.load(DATA / "learned.npz")
    illumination = torch.from_numpy(stored["upe_loss_illumination"]).permute(2, 0, 1)[None]
    terms = deep_upe.losses(*pair, illumination)
    values = [float(terms[name]) for name in ("l2", "tv", "cos")]
    np.testing.assert_allclose(values, stored["upe_losses"], rtol=1e-5)


def test_zero_dce_losses_are_their_formulas(pair):
    """The authors' values need the authors' weights, and were compared by hand."""
    low, high = pair
    curves = torch.cat([low, high] * 4, 1)
    terms = zero_dce.losses(low, high, curves)
    a, x, y = curves[0].double().numpy(), low[0].double().numpy(), high[0].double().numpy()
    down, across = (np.square(np.diff(a, axis=axis)).sum() / (47 * 48) for axis in (1, 2))
    assert float(terms["tv"]) == pytest.approx(200 * 2 * (down + across), rel=1e-5)

    def blocks(image: np.ndarray, side: int) -> np.ndarray:
        return image.mean(0).reshape(48 // side, side, 48 // side, side).mean((1, 3))

    change = np.pad(blocks(x, 4) - blocks(y, 4), 1)
    total = sum(
        np.square(change[1:-1, 1:-1] - np.roll(change, shift, axis)[1:-1, 1:-1])
        for axis in (0, 1)
        for shift in (-1, 1)
    )
    assert float(terms["spa"]) == pytest.approx(total.mean(), rel=1e-5)
    r, g, b = y.mean((1, 2))
    colour = np.sqrt((r - g) ** 4 + (r - b) ** 4 + (b - g) ** 4)
    assert float(terms["col"]) == pytest.approx(5 * colour, rel=1e-5)
    exposure = np.square(blocks(y, 16) - 0.6).mean()
    assert float(terms["exp"]) == pytest.approx(10 * exposure, rel=1e-5)


def test_retinex_losses_are_their_formulas(pair):
    low, high = pair
    torch.manual_seed(0)
    network = retinexnet.DecomNet().requires_grad_(False)
    terms = retinexnet.decom_losses(network, low, high)
    r_low, i_low = retinexnet.split(network(low))
    r_high, i_high = retinexnet.split(network(high))
    assert float(terms["mutual_high"]) == pytest.approx(
        float((r_low * i_high - high).abs().mean()), rel=1e-6
    )
    assert float(terms["equal_R"]) == pytest.approx(float((r_low - r_high).abs().mean()), rel=1e-6)
    illumination, grey = i_low[0, 0].numpy(), r_low[0].numpy().transpose(1, 2, 0)
    expected = _smoothness(illumination, grey @ np.float32([0.2989, 0.5870, 0.1140]))
    assert float(terms["smooth_low"]) == pytest.approx(expected, rel=1e-4)


def _smoothness(illumination: np.ndarray, grey: np.ndarray) -> float:
    total = 0.0
    for turn in (lambda image: image, lambda image: image.T):
        light, edges = (
            np.abs(np.pad(turn(image), (0, 1))[1:, 1:] - np.pad(turn(image), (0, 1))[1:, :-1])
            for image in (illumination, grey)
        )
        valid = np.pad(np.ones_like(edges), 1)
        padded = np.pad(edges, 1)
        size = edges.shape
        shifts = [(y, x) for y in range(3) for x in range(3)]
        sums, counts = (
            sum(array[y : y + size[0], x : x + size[1]] for y, x in shifts)
            for array in (padded, valid)
        )
        total += float((light * np.exp(-10 * sums / counts)).mean())
    return total


def test_dped_losses(pair):
    low, high = (functional.interpolate(image, (dped.PATCH, dped.PATCH)) for image in pair)
    torch.manual_seed(0)
    features, discriminator = vgg.VGG(), dped.Discriminator()
    with torch.no_grad():
        same = dped.losses(high, high, discriminator, features)
        other = dped.losses(low, high, discriminator, features)
    assert float(same["content"]) == float(same["colour"]) == 0
    assert float(other["content"]) > 0
    assert float(other["colour"]) > 0
    assert float(same["texture"]) < 0
    expected = sum(np.square(np.diff(high.numpy(), axis=axis)).mean() for axis in (2, 3))
    assert float(same["tv"]) == pytest.approx(2000 * expected, rel=1e-4)


def test_hdr_cnn_loss_counts_clipped_pixels_only():
    torch.manual_seed(0)
    network = hdrcnn.HDRCNN().eval().requires_grad_(False)
    dark = torch.rand(1, 3, 32, 32) * 0.9
    assert float(sum(hdrcnn.losses(network, dark, dark.square()).values())) == 0
    bright = dark.clone()
    bright[..., :8, :8] = 1
    assert float(sum(hdrcnn.losses(network, bright, 4 * bright).values())) > 0


def test_virtual_camera_clips_the_brightest():
    torch.manual_seed(0)
    image, linear = hdrcnn.virtual_camera(torch.rand(2, 3, 64, 64))
    share = float((linear > 1).float().mean())
    assert 0.05 <= share <= 0.15
    unclipped = linear < 1
    assert (image[~unclipped] == 1).all()
    torch.testing.assert_close(image[unclipped].square(), linear[unclipped], atol=0.005, rtol=0.05)


def test_hdr_cnn_begins_as_an_enlarging_of_its_skips():
    network = hdrcnn.HDRCNN()
    hdrcnn.initialise(network, None)
    flat = torch.ones(1, 128, 8, 8)
    up = network.up[4].conv
    torch.testing.assert_close(
        functional.conv_transpose2d(flat, up.weight, None, 2, 1)[..., 2:-2, 2:-2],
        torch.ones(1, 64, 12, 12),
    )
    both = torch.rand(1, 128, 4, 4)
    torch.testing.assert_close(network.fuse[4](both), both[:, :64] + both[:, 64:])


def test_the_penalty_of_dpe_follows_the_norm():
    penalty = dpe_training.AdaptivePenalty()
    for _ in range(50):
        penalty.update(1.2)
    assert penalty.weight == 20
    for _ in range(100):
        penalty.update(0.9)
    assert penalty.weight == 5
    for _ in range(50):
        penalty.update(1.02)
    assert penalty.weight == 5


def test_the_second_network_of_dpe_shares_convolutions_only():
    network = dpe.DPE()
    twin = dpe_training.with_own_norms(network)
    assert twin.encoder[0].conv.weight is network.encoder[0].conv.weight
    assert twin.encoder[0].norm.weight is not network.encoder[0].norm.weight


def photographs() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    coarse = rng.integers(60, 200, (4, 8, 8, 3), np.uint8)
    return [np.kron(image, np.ones((20, 20, 1), np.uint8)) for image in coarse]


def darker(image: np.ndarray, ev: float) -> np.ndarray:
    return np.asarray(image * 2.0 ** min(ev, 0), np.uint8)


SMALL = train.Recipe(
    steps=4,
    batch=2,
    crop=48,
    longest_side=None,
    lowest_ev=-1.5,
    highest_ev=-0.5,
    learning_rate=1e-3,
)


@pytest.mark.parametrize("method", ["zero-dce", "retinexnet", "deep-upe"])
def test_a_few_steps_lower_the_loss(method):
    torch.manual_seed(0)
    network = networks.DEFINITIONS[method].build()
    recipe = replace(SMALL, steps=16, crop=64)
    batch = next(train.crops(photographs(), recipe, darker))
    training = train.start(method, network, recipe, None)
    sums = [sum(training.step(*batch).values()) for _ in range(8)]
    assert sums[-1] < sums[0]


def test_dped_makes_a_step():
    torch.manual_seed(0)
    network = dped.DPED()
    before = network.convs[0].weight.clone()
    features = vgg.VGG((1, 1, 1, 1, 1)).requires_grad_(False)
    training = train.start("dped-sony", network, train.RECIPES["dped-sony"], features)
    recipe = replace(SMALL, steps=1, crop=dped.PATCH, highest_ev=1.5, learning_rate=5e-4)
    terms = training.step(*next(train.crops(photographs(), recipe, darker)))
    assert set(terms) == {"content", "colour", "texture", "tv", "discriminator"}
    assert all(np.isfinite(value) for value in terms.values())
    assert not torch.equal(before, network.convs[0].weight)
    with pytest.raises(UsageError, match="--vgg"):
        train.start("dped-sony", network, recipe, None)


def test_hdr_cnn_makes_a_step():
    torch.manual_seed(0)
    network = rht.HDRCNNAlone()
    training = train.start("hdrcnn-reinhard", network, SMALL, None)
    bright = torch.rand(2, 3, 32, 32)
    before = network.hdrcnn.output_fuse.weight.clone()
    terms = training.step(bright, bright)
    assert all(np.isfinite(value) for value in terms.values())
    assert not torch.equal(before, network.hdrcnn.output_fuse.weight)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["dpe-sfivek", "dpe-ufivek"])
def test_dpe_makes_a_step(method):
    torch.manual_seed(0)
    network = dpe.DPE()
    training = train.start(method, network, train.RECIPES[method], None)
    before = network.output.weight.clone()
    terms = training.step(*torch.rand(2, 1, 3, dpe.SIDE, dpe.SIDE))
    assert all(np.isfinite(value) for value in terms.values())
    assert not torch.equal(before, network.output.weight)


def test_crops_are_pairs_that_repeat_with_the_seed():
    first, second = (next(train.crops(photographs(), SMALL, darker)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    image, target = first
    assert image.shape == target.shape == (2, 3, 48, 48)
    assert (image <= target).all()


def test_the_rate_falls_to_a_tenth_and_means_are_reported():
    class Recorded:
        def __init__(self) -> None:
            self.optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
            self.rates: list[float] = []

        def step(self, image, target) -> dict[str, float]:
            self.rates.append(self.optimizer.param_groups[0]["lr"])
            return {"loss": float(len(self.rates))}

    reports = []
    training = Recorded()
    train.run(
        training,
        train.crops(photographs(), SMALL, darker),
        SMALL,
        report=lambda step, means: reports.append((step, means["loss"])),
        every=3,
    )
    assert training.rates[-1] == pytest.approx(1e-4)
    assert training.rates == sorted(training.rates, reverse=True)
    assert reports == [(3, 2.0), (4, 4.0)]


def test_photographs_must_be_large_enough():
    recipe = replace(SMALL, crop=500)
    with pytest.raises(UsageError, match="500 pixels"):
        next(train.crops(photographs(), recipe, darker))
