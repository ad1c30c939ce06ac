"""How the colour of a photo's skin changes with its brightness, read off that photo.

Skin that is darker is not the same colour times a number: highlights are pale because a lamp is mirrored in them, shade
is warm or, under a blue sky, cold. Chroma over log luma is a curve, narrow on one face in one light and far from
straight in a graded photo (t1.jpg: red over green 1.15 where it is bright, 1.75 in the shade).
"""

from __future__ import annotations

import math
from typing import Final

import torch
import torch.nn.functional as F
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
    every = (..., slice(None, None, P.TONE_EVERY), slice(None, None, P.TONE_EVERY))
    luma, chroma, weights = luma[every], chroma[every], weights[every]
    steps = torch.arange(P.TONE_STEPS, device=luma.device)[:, None]
    off = _place(luma, P.TONE_STEPS).flatten(2) - steps
    near = torch.exp(off.square() * (-0.5 / P.TONE_SMOOTH**2)) * weights.flatten(2)
    values = chroma.flatten(2)
    sums, shares = values @ near.mT, near.sum(2)[:, None]
    means, middle = sums / (shares + 1e-6), (near * off).sum(2)[:, None] / (shares + 1e-6)
    # A mean of what lies on one side of a step (few pixels are the darkest, most are light) is not the value at it: a
    # straight line through them is (Fan 1992).
    spread = (near * off.square()).sum(2)[:, None] / (shares + 1e-6) - middle.square()
    along = values @ (near * off).mT / (shares + 1e-6) - middle * means
    slope = (along / (spread + P.TONE_SPREAD_PRIOR)).clamp(-P.TONE_STEEPEST, P.TONE_STEEPEST)
    sums = shares * (means - middle * slope)
    # Steps that hardly any skin reaches ask their neighbours, those farther ones, and so on.
    least = P.TONE_PRIOR * weights.sum((2, 3))[..., None] + 1e-6
    wide = torch.exp(-(steps - steps.mT).abs() / P.TONE_REACH)
    around = (sums @ wide) / (shares @ wide + 1e-6)
    return (sums + least * around) / (shares + least)


def at(curve: Tensor, luma: Tensor) -> Tensor:
    """The curve (B or 1, C, TONE_STEPS) at log ``luma`` (B, 1, H, W), linear between its steps: (B, C, H, W)."""
    fine = F.interpolate(curve, P.TONE_FINE, mode="linear", align_corners=True)
    index = _place(luma, P.TONE_FINE).add_(0.5).long()
    if len(fine) == 1:
        found = fine[0].index_select(1, index.flatten())
        return found.view(-1, *index.shape[:1], *index.shape[2:]).transpose(0, 1)
    found = fine.gather(2, index.flatten(2).expand(-1, fine.shape[1], -1))
    return found.view(*fine.shape[:2], *index.shape[2:])


def _place(luma: Tensor, steps: int) -> Tensor:
    return ((luma - DARKEST) * ((steps - 1) / (BRIGHTEST - DARKEST))).clamp_(0, steps - 1)
