from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from midtone import pyramid  # noqa: E402
from midtone.network import CoarseToFine  # noqa: E402
from midtone.pyramid import BURT_ADELSON  # noqa: E402
from midtone.training.discriminator import Discriminator, discriminator_input  # noqa: E402
from midtone.training.losses import (  # noqa: E402
    adversarial_loss,
    adversarial_term,
    discriminator_loss,
    grid_term,
    image_loss,
    pyramid_loss,
    pyramid_targets,
    reconstruction_loss,
)
from tiny_training import NETWORK  # noqa: E402


def test_perfect_results_have_no_loss():
    target = torch.rand(2, 3, 64, 64)
    targets = pyramid_targets(target, 4)
    assert reconstruction_loss(target, target) == 0
    assert pyramid_loss(targets[1:], targets[1:]) == 0
    assert image_loss(targets, targets, 1.0) == 0


def test_pyramid_loss_has_the_papers_weights():
    targets = pyramid_targets(torch.rand(1, 3, 64, 64), 4)
    for level in (2, 3, 4):
        results = [t + 0.1 if n == level else t for n, t in enumerate(targets[1:], start=2)]
        pixels = (64 >> (level - 2)) ** 2
        expected = 2 ** (level - 2) * 0.1 * pixels / 64**2
        assert pyramid_loss(results, targets[1:]).item() == pytest.approx(expected, rel=1e-4)
        part = pyramid_loss(results[level - 2 :], targets[level - 1 :], level)
        assert part.item() == pytest.approx(expected, rel=1e-4)


def test_targets_are_enlarged_gaussian_levels():
    image = torch.rand(1, 3, 32, 48)
    one, two, three = pyramid_targets(image, 3)
    coarse = pyramid.gaussian(image, 3)
    torch.testing.assert_close(one, image)
    torch.testing.assert_close(two, pyramid.up(coarse[1], (32, 48)))
    torch.testing.assert_close(three, pyramid.up(coarse[2], (16, 24)))
    for finest in (1, 2, 3):
        for part, whole in zip(
            pyramid_targets(image, 3, finest=finest), (one, two, three)[finest - 1 :], strict=True
        ):
            torch.testing.assert_close(part, whole)


def test_without_the_pyramid_loss_only_the_image_counts():
    results = [torch.rand(1, 3, 8, 8) for _ in range(3)]
    targets = [torch.rand(1, 3, 8, 8) for _ in range(3)]
    assert image_loss(results, targets, 0.0) == reconstruction_loss(results[0], targets[0])
    assert image_loss(results, targets, 1.0) > image_loss(results, targets, 0.0)


def test_adversarial_losses_are_cross_entropies():
    logits = torch.tensor([-2.0, 0.5, 3.0])
    real = torch.sigmoid(logits)
    torch.testing.assert_close(adversarial_loss(logits), -real.log().mean())
    expected = -real.log().mean() - (1 - real).log().mean()
    torch.testing.assert_close(discriminator_loss(logits, logits), expected)


def test_the_adversarial_gradient_reaches_the_network_alone():
    network, discriminator = CoarseToFine(NETWORK), Discriminator()
    results = network(*pyramid.split(torch.rand(2, 3, 64, 64), 2))
    fake = discriminator_input(results[0], torch.Generator().manual_seed(0))
    adversarial_term(1.0, discriminator, fake).backward()
    gradients = [p.grad.abs().max() for p in network.parameters() if p.grad is not None]
    assert len(gradients) == len(list(network.parameters()))
    assert min(gradients) > 0
    assert all(parameter.grad is None for parameter in discriminator.parameters())


def test_an_unweighted_grid_term_is_zero():
    result = torch.rand(1, 3, 8, 8, requires_grad=True)
    assert grid_term(0.0, [], result, result, BURT_ADELSON) == 0
