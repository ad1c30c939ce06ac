"""How the colour of a photo's skin changes with its brightness, read off that photo.

Skin that is darker is not the same colour times a number: highlights are pale because a lamp is mirrored in them, shade
is warm or, under a blue sky, cold. Chroma over log luma is a curve, narrow on one face in one light and far from
straight in a graded photo (t1.jpg: red over green 1.15 where it is bright, 1.75 in the shade).
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from mfmc_engine import parameters as P

DARKEST: Final = math.log(P.TONE_OFFSET)
BRIGHTEST: Final = math.log(1 + P.TONE_OFFSET)


def log(values: Tensor) -> Tensor:
    """Logarithm of colours or brightness in [0, 1], tamed near black."""
    return torch.log(values.clamp(min=0) + P.TONE_OFFSET)


def fit(luma: Tensor, chroma: Tensor, weights: Tensor) -> Tensor:
    """(B, C, TONE_STEPS) mean ``chroma`` (B, C, H, W) at log lumas from ``DARKEST`` to ``BRIGHTEST``, of pixels of log
    ``luma`` (B, 1, H, W) that count by ``weights`` (B, 1, H, W). Beyond those, the curve goes on as it ended."""
    place = _place(luma).flatten(2)
    steps = torch.arange(P.TONE_STEPS, device=luma.device)[:, None]
    near = torch.exp((place - steps).square() * (-0.5 / P.TONE_SMOOTH**2)) * weights.flatten(2)
    values = chroma.flatten(2)
    sums, shares = values @ near.mT, near.sum(2)[:, None]
    # Steps that hardly any skin reaches ask their neighbours, those farther ones, and so on.
    least = P.TONE_PRIOR * weights.sum((2, 3))[..., None] + 1e-6
    wide = torch.exp(-(steps - steps.mT).abs() / P.TONE_REACH)
    around = (sums @ wide) / (shares @ wide + 1e-6)
    return (sums + least * around) / (shares + least)


def at(curve: Tensor, luma: Tensor) -> Tensor:
    """The curve (B, C, TONE_STEPS) at log ``luma`` (B or 1, 1, H, W), linear between its steps: (B, C, H, W)."""
    place = _place(luma)
    low = place.floor().clamp(max=P.TONE_STEPS - 2)
    index = low.long().flatten(1)[:, None]
    batch, channels = max(len(curve), len(luma)), curve.shape[1]
    index = index.expand(batch, channels, -1)
    curve = curve.expand(batch, -1, -1)
    first, second = curve.gather(2, index), curve.gather(2, index + 1)
    return torch.lerp(first, second, (place - low).flatten(2)).view(batch, channels, *luma.shape[2:])


def _place(luma: Tensor) -> Tensor:
    return ((luma - DARKEST) * ((P.TONE_STEPS - 1) / (BRIGHTEST - DARKEST))).clamp(0, P.TONE_STEPS - 1)
