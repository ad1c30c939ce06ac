"""The critic: patches of real crops against patches of swapped ones. Its features also compare pictures."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Critic(nn.Module):
    """(B, 3, S, S) in [0, 1] to (B, 1, s, s) scores, higher for real; a patch critic (Isola et al. 2017)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        channels = [3, width, 2 * width, 4 * width, 8 * width]
        self.layers = nn.ModuleList(
            # bounded by R1 alone: with spectral norms, too, it told nothing apart in the first rehearsals
            nn.Conv2d(a, b, 4, stride=2, padding=1)
            for a, b in itertools.pairwise(channels)
        )
        self.head = nn.Conv2d(channels[-1], 1, 3, padding=1)
        for layer in self.layers:  # as strong behind each layer as before it (He et al. 2015)
            nn.init.kaiming_normal_(layer.get_parameter("weight"), 0.2)

    def features(self, pictures: Tensor) -> list[Tensor]:
        """What each layer sees, from fine to coarse."""
        x, found = pictures * 2 - 1, []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            found.append(x)
        return found

    def score(self, features: list[Tensor]) -> Tensor:
        """The scores of pictures whose ``features`` are known."""
        found: Tensor = self.head(features[-1])
        return found

    def forward(self, pictures: Tensor) -> Tensor:
        return self.score(self.features(pictures))


def critic_loss(critic: Critic, real: Tensor, swapped: Tensor) -> Tensor:
    """Non-saturating logistic loss (Goodfellow et al. 2014)."""
    return F.softplus(critic(swapped)).mean() + F.softplus(-critic(real)).mean()


def r1_penalty(critic: Critic, real: Tensor) -> Tensor:
    """Squared gradient at real pictures (Mescheder et al. 2018), half of it, per picture."""
    real = real.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(real).sum(), real, create_graph=True)
    return 0.5 * gradient.square().sum((1, 2, 3)).mean()
