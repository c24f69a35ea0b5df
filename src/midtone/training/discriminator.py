"""The discriminator of the adversarial loss (Afifi et al. 2021, section 3.3)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from midtone.training.device import average_gradients
from midtone.training.losses import discriminator_loss

SIZE = 256
_WIDTHS = (8, 16, 32, 64, 128, 128, 256)
_NORMALISED = 1  # batch normalisation after the second convolution only, as released
_SLOPE = 0.01


class Discriminator(nn.Module):
    """N x 3 x 256 x 256 in [0, 1] -> N logits, positive for a real photograph; 962,585 parameters.

    Seven 4 x 4 convolutions of stride 2, then one of 2 x 2. The batch normalisation always works
    with the batch's own statistics.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for number, width in enumerate(_WIDTHS):
            layers.append(nn.Conv2d(before, width, 4, stride=2, padding=1))
            if number == _NORMALISED:
                layers.append(nn.BatchNorm2d(width, track_running_stats=False))
            layers.append(nn.LeakyReLU(_SLOPE))
            before = width
        layers.append(nn.Conv2d(before, 1, 2))
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """Classify a batch."""
        return cast(Tensor, self.layers(images)).flatten()


def discriminator_input(images: Tensor, random: torch.Generator) -> Tensor:
    """Resize and flip at random: N x 3 x H x W -> N x 3 x 256 x 256.

    A third of the images each is flipped vertically, horizontally, or left. Differentiable.
    """
    if images.shape[-2:] != (SIZE, SIZE):
        images = nn.functional.interpolate(
            images, (SIZE, SIZE), mode="bicubic", antialias=True, align_corners=False
        )
    flips = torch.randint(3, (len(images), 1, 1, 1), generator=random).to(images.device)
    flipped = torch.where(flips == 1, images.flip(-2), images)
    return torch.where(flips == 2, images.flip(-1), flipped)


def discriminator_step(
    discriminator: Discriminator,
    optimizer: torch.optim.Optimizer,
    real: Tensor,
    fake: Tensor,
    *,
    rate: float,
    world: int = 1,
) -> None:
    """Train the discriminator one step, at a learning rate, on ``discriminator_input``s."""
    discriminator.requires_grad_(True)
    loss = discriminator_loss(discriminator(real), discriminator(fake.detach()))
    optimizer.param_groups[0]["lr"] = rate
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    average_gradients(discriminator, world)
    optimizer.step()
