from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from midtone.network import count_parameters  # noqa: E402
from midtone.training.discriminator import (  # noqa: E402
    SIZE,
    Discriminator,
    discriminator_input,
    discriminator_step,
)
from midtone.training.losses import discriminator_loss  # noqa: E402


def test_it_is_the_papers():
    discriminator = Discriminator()
    assert count_parameters(discriminator) == 962_585
    assert discriminator(torch.rand(2, 3, SIZE, SIZE)).shape == (2,)


def test_its_inputs_are_flipped_and_resized():
    random = torch.Generator().manual_seed(0)
    images = torch.rand(40, 3, SIZE, SIZE)
    kinds = [0, 0, 0]
    for one, image in zip(discriminator_input(images, random), images, strict=True):
        flips = (image, image.flip(-2), image.flip(-1))
        kinds[[torch.equal(one, flip) for flip in flips].index(True)] += 1
    assert min(kinds) > 5
    assert discriminator_input(torch.rand(1, 3, 512, 512), random).shape == (1, 3, SIZE, SIZE)


def test_a_step_reduces_its_loss():
    torch.manual_seed(0)
    discriminator = Discriminator()
    adam = torch.optim.Adam(discriminator.parameters())
    real, fake = torch.rand(2, 3, SIZE, SIZE), torch.rand(2, 3, SIZE, SIZE).requires_grad_()

    def loss():
        with torch.no_grad():
            return discriminator_loss(discriminator(real), discriminator(fake))

    before = loss()
    for _ in range(3):
        discriminator_step(discriminator, adam, real, fake, rate=1e-3)
    assert loss() < before
    assert fake.grad is None
