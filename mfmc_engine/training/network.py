"""Target crop and identity to swapped crop and mask.

In the line of SimSwap (Chen et al. 2020), which puts an identity into a picture by adaptive instance normalisation in
residual blocks, and FaceShifter (Li et al. 2020), which hands the target's own features to the decoder at every
resolution and lets a learned gate choose between identity and attribute. Small enough to ship: under 8 M parameters.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

IDENTITY = 128  # numbers, dlib's embedding
STYLE = 256


class Swapper(nn.Module):
    """(B, 3, S, S) crops in [0, 1] and (B, 128) identities to (B, 3, S, S) pictures and (B, 1, S, S) masks in [0, 1].

    The result is ``picture * mask + crop * (1 - mask)``: what the network does not touch stays as it was.
    """

    def __init__(self, width: int = 32, blocks: int = 6) -> None:
        super().__init__()
        w = (width, 2 * width, 4 * width, 6 * width)  # at full, half, quarter and eighth resolution
        self.style = nn.Sequential(
            nn.Linear(IDENTITY, STYLE), nn.LeakyReLU(0.2), nn.Linear(STYLE, STYLE), nn.LeakyReLU(0.2)
        )
        self.stem = nn.Conv2d(5, w[0], 3, padding=1)
        self.down = nn.ModuleList(_Down(a, b) for a, b in itertools.pairwise(w))
        self.middle = nn.ModuleList(_IdentityBlock(w[-1]) for _ in range(blocks))
        self.up = nn.ModuleList(_Up(a, b) for a, b in zip(reversed(w[1:]), reversed(w[:-1]), strict=True))
        self.head = nn.Conv2d(w[0], 4, 3, padding=1)
        with (
            torch.no_grad()
        ):  # starts as half the network's picture, half the crop: both have something to learn from
            self.head.weight[3].zero_()
            self.head.bias[3] = 0.0  # type: ignore[index]

    def forward(self, crops: Tensor, identities: Tensor) -> tuple[Tensor, Tensor]:
        style = self.style(F.normalize(identities, dim=1) * IDENTITY**0.5)
        features = [F.leaky_relu(self.stem(torch.cat([crops * 2 - 1, _places(crops)], 1)), 0.2)]
        for layer in self.down:
            features.append(layer(features[-1]))
        x = features[-1]
        for block in self.middle:
            x = block(x, style)
        for layer, skip in zip(self.up, reversed(features[:-1]), strict=True):
            x = layer(x, skip, style)
        out = self.head(x)
        return torch.sigmoid(out[:, :3]), torch.sigmoid(out[:, 3:])


def _places(crops: Tensor) -> Tensor:
    """(B, 2, S, S) x and y of every pixel from -1 to 1 (Liu et al. 2018): in canonical crops, where is what."""
    batch, _, height, width = crops.shape
    ys, xs = (torch.linspace(-1, 1, n, device=crops.device, dtype=crops.dtype) for n in (height, width))
    places = torch.stack([xs.expand(height, -1), ys[:, None].expand(-1, width)])
    return places.expand(batch, -1, -1, -1)


def swap(network: nn.Module, crops: Tensor, identities: Tensor) -> tuple[Tensor, Tensor]:
    """The composed pictures (B, 3, S, S) and the masks of one pass."""
    pictures, mask = network(crops, identities)
    return pictures * mask + crops * (1 - mask), mask


def parameters(network: nn.Module) -> int:
    """How many numbers a network has."""
    return sum(tensor.numel() for tensor in network.parameters())


class _Down(nn.Module):
    """Half the resolution, then one residual convolution."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(a, b, 4, stride=2, padding=1)
        self.refine = nn.Conv2d(b, b, 3, padding=1)
        self.norm = nn.GroupNorm(b // 16, b)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.norm(self.reduce(x)), 0.2)
        return x + F.leaky_relu(self.refine(x), 0.2)


class _Modulation(nn.Module):
    """Adaptive instance normalisation (Huang and Belongie 2017): a style sets every channel's mean and spread."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.affine = nn.Linear(STYLE, 2 * channels)
        with torch.no_grad():
            self.affine.weight.mul_(0.1)
            self.affine.bias.zero_()

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        scale, shift = self.affine(style)[:, :, None, None].chunk(2, 1)
        # in full precision, and not F.instance_norm, which copies channels-last tensors to and fro
        spread, mean = torch.var_mean(x.float(), (2, 3), correction=0, keepdim=True)
        return ((x - mean) * (spread + 1e-5).rsqrt() * (1 + scale) + shift).to(x.dtype)


class _IdentityBlock(nn.Module):
    """A residual block whose normalisations are set by the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.modulations = nn.ModuleList(_Modulation(channels) for _ in range(2))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        first, second = self.convolutions
        norm, last = self.modulations
        y = F.leaky_relu(norm(first(x), style), 0.2)
        return x + last(second(y), style)


class _Up(nn.Module):
    """Twice the resolution; a gate picks, pixel by pixel, the target's own feature or the identity's."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(a, b, 3, padding=1)
        self.modulation = _Modulation(b)
        self.gate = nn.Conv2d(2 * b, 1, 3, padding=1)
        self.refine = nn.Conv2d(b, b, 3, padding=1)

    def forward(self, x: Tensor, skip: Tensor, style: Tensor) -> Tensor:
        # fewer channels first: four times less work than after the enlargement
        x = F.leaky_relu(self.modulation(self.reduce(x), style), 0.2)
        x = F.interpolate(x, scale_factor=2, mode="nearest")
        share = torch.sigmoid(self.gate(torch.cat([x, skip], 1)))
        x = x * share + skip * (1 - share)
        return x + F.leaky_relu(self.refine(x), 0.2)
