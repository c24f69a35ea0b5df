"""Training DPE (Chen et al., CVPR 2018), from pairs or as a two-way GAN without them (section 5).

The settings are those of the paper: Adam 1e-5, beta1 0.5, batches of 3 images of 512 x 512.
"""

from __future__ import annotations

import copy
from collections import deque
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from midtone.baselines.learned.descent import descend
from midtone.baselines.learned.dpe import DPE, SIDE
from midtone.baselines.learned.tensors import device_of

IDENTITY, CYCLE = 1000.0, 10_000.0
_CRITIC_WIDTHS = (16, 32, 64, 128, 128, 128)
_WINDOW = 50  # steps, of the moving average that steers the gradient penalty


class Supervised:
    """From pairs: the mean squared error. Images are RGB, N x 3 x 512 x 512 in [0, 1]."""

    def __init__(self, network: DPE, learning_rate: float = 1e-5) -> None:
        self.network = network
        self.optimizer = _adam(network, learning_rate)

    def step(self, image: Tensor, target: Tensor) -> dict[str, float]:
        """Learn from images and what they should be."""
        error = functional.mse_loss(_run(self.network, image.flip(1)), target.flip(1))
        return descend(self.optimizer, {"mse": error})


class Critic(nn.Module):
    """Figure 3 (b): halving convolutions with instance normalisation, one value an image."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [3, *_CRITIC_WIDTHS]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 5, 2, padding=2) for a, b in pairwise(sizes))
        self.output = nn.Linear(sizes[-1] * (SIDE >> len(_CRITIC_WIDTHS)) ** 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        """N x 3 x 512 x 512 -> N."""
        x = image
        for conv in self.convs:
            x = functional.instance_norm(functional.leaky_relu(conv(x), 0.2))
        return self.output(x.flatten(1))[:, 0]


class AdaptivePenalty:
    """Section 5.2, adaptive weighting: the penalty's weight follows the gradient's norm."""

    def __init__(self) -> None:
        self.weight = 10.0
        self._norms: deque[float] = deque(maxlen=_WINDOW)

    def update(self, norm: float) -> None:
        """Double the weight while the mean norm is above 1.05, halve it while below 1.001."""
        self._norms.append(norm)
        if len(self._norms) < _WINDOW:
            return
        mean = sum(self._norms) / _WINDOW
        if mean > 1.05:
            self.weight *= 2
        elif mean < 1.001:
            self.weight /= 2
        else:
            return
        self._norms.clear()


class Unpaired:
    """A two-way GAN (section 5.1): photographs to good ones and back.

    A generator that works on a generated image shares the convolutions of the one that works on
    photographs, but has its own batch normalisation (section 5.3).
    """

    def __init__(self, network: DPE, learning_rate: float = 1e-5) -> None:
        device = device_of(network)
        self.network, self.back = network, DPE().to(device)
        self._again = with_own_norms(network), with_own_norms(self.back)
        self.critic, self.critic_back = Critic().to(device), Critic().to(device)
        generators = nn.ModuleList([network, self.back, *self._again])
        self.optimizer = _adam(generators, learning_rate)
        self._second = _adam(nn.ModuleList([self.critic, self.critic_back]), learning_rate)
        self._penalties = AdaptivePenalty(), AdaptivePenalty()

    def step(self, image: Tensor, target: Tensor) -> dict[str, float]:
        """Learn from RGB photographs and from good ones, which need not be of the same scenes."""
        x, y = image.flip(1), target.flip(1)
        good, bad = _run(self.network, x), _run(self.back, y)
        again, back_again = self._again
        terms = {
            "identity": IDENTITY * (functional.mse_loss(good, x) + functional.mse_loss(bad, y)),
            "cycle": CYCLE
            * (
                functional.mse_loss(_run(back_again, good), x)
                + functional.mse_loss(_run(again, bad), y)
            ),
            "adversarial": -(self.critic(good).mean() + self.critic_back(bad).mean()),
        }
        values = descend(self.optimizer, terms)
        errors = {}
        for name, critic, penalty, fake, real in (
            ("critic", self.critic, self._penalties[0], good, y),
            ("critic_back", self.critic_back, self._penalties[1], bad, x),
        ):
            errors[name], norm = critic_loss(critic, fake.detach(), real, penalty.weight)
            penalty.update(float(norm.detach()))
        return values | descend(self._second, errors)


def critic_loss(critic: Critic, fake: Tensor, real: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    """Equation 8: Wasserstein distance with a one-sided gradient penalty, and the mean norm."""
    share = torch.rand(len(fake), 1, 1, 1, device=fake.device)
    between = (share * fake + (1 - share) * real).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    norm = gradient.flatten(1).norm(dim=1)
    distance = critic(fake).mean() - critic(real).mean()
    return distance + weight * functional.relu(norm - 1).mean(), norm.mean()


def with_own_norms(network: DPE) -> DPE:
    """A second network with the same convolutions (shared) and new batch normalisation."""
    twin = copy.deepcopy(network)
    for ours, theirs in zip(twin.modules(), network.modules(), strict=True):
        if isinstance(ours, nn.Conv2d) and isinstance(theirs, nn.Conv2d):
            ours.weight, ours.bias = theirs.weight, theirs.bias
    return twin


def _run(network: DPE, bgr: Tensor) -> Tensor:
    return network(bgr, network.whole_features(bgr))


def _adam(module: nn.Module, learning_rate: float) -> torch.optim.Adam:
    return torch.optim.Adam(module.parameters(), lr=learning_rate, betas=(0.5, 0.999))
