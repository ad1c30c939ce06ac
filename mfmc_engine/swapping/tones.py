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
from mfmc_engine.swapping import fields

DARKEST: Final = math.log(P.TONE_OFFSET)
BRIGHTEST: Final = math.log(1 + P.TONE_OFFSET)
_READ: Final = (..., slice(None, None, P.TONE_EVERY), slice(None, None, P.TONE_EVERY))  # pixels of a picture


def log(values: Tensor) -> Tensor:
    """Logarithm of colours or brightness in [0, 1], tamed near black."""
    return fields.log(values.clamp(min=0) + P.TONE_OFFSET)


def fit(luma: Tensor, chroma: Tensor, weights: Tensor) -> Tensor:
    """(B, C, TONE_FINE) mean ``chroma`` (B, C, H, W) at log lumas from ``DARKEST`` to ``BRIGHTEST``, of pixels of log
    ``luma`` (B, 1, H, W) that count by ``weights`` (B, 1, H, W). Beyond those, the curve goes on as it ended; it is
    linear between the TONE_STEPS at which it is known."""
    return fit_near(nearness(luma), chroma, weights)


def nearness(luma: Tensor) -> Tensor:
    """(3, B, TONE_STEPS, N) how near log ``luma`` (B, 1, H, W) is to each step at the N pixels that are read, that
    times how many steps they lie beyond it, and times the square of those."""
    steps = torch.arange(P.TONE_STEPS, device=luma.device)[:, None]
    beyond = _place(luma[_READ], P.TONE_STEPS).flatten(2) - steps
    near = fields.exp(beyond.square() * (-0.5 / P.TONE_SMOOTH**2))
    return torch.stack([near, near * beyond, near * beyond.square()])


def fit_near(near: Tensor, chroma: Tensor, weights: Tensor) -> Tensor:
    """``fit`` by the ``nearness``, for those who fit one picture with several weights."""
    values, weights = chroma[_READ].flatten(2), weights[_READ].flatten(2)
    # of each step (3, B, 1 + C, TONE_STEPS): how much is near it, and of what
    found = torch.cat([weights, values * weights], 1) @ near.mT
    shares, firsts, seconds = found[:, :, :1]
    sums, slants = found[:2, :, 1:]
    # A mean of what lies on one side of a step (few pixels are the darkest, most are light) is not the value at it: a
    # straight line through them is (Fan 1992).
    beyond = firsts / (shares + 1e-6)
    spread = seconds / (shares + 1e-6) - beyond.square()
    slope = (slants - beyond * sums) / (shares + 1e-6) / (spread + P.TONE_SPREAD_PRIOR)
    sums = sums - firsts * slope.clamp(-P.TONE_STEEPEST, P.TONE_STEEPEST)
    steps = torch.arange(P.TONE_STEPS, device=near.device)[:, None]
    # Steps that hardly any skin reaches ask their neighbours, those farther ones, and so on.
    least = P.TONE_PRIOR * weights.sum(2, keepdim=True) + 1e-6
    wide = torch.exp(-(steps - steps.mT).abs() / P.TONE_REACH)
    around = (sums @ wide) / (shares @ wide + 1e-6)
    known = (sums + least * around) / (shares + least)
    return F.interpolate(known, P.TONE_FINE, mode="linear", align_corners=True)


def at(curve: Tensor, luma: Tensor) -> Tensor:
    """The curve (B or 1, C, TONE_FINE) at log ``luma`` (B, 1, H, W): (B, C, H, W)."""
    index = _place(luma, P.TONE_FINE).add_(0.5).long()
    if len(curve) == 1:
        found = curve[0].index_select(1, index.flatten())
        return found.view(-1, *index.shape[:1], *index.shape[2:]).transpose(0, 1)
    found = curve.gather(2, index.flatten(2).expand(-1, curve.shape[1], -1))
    return found.view(*curve.shape[:2], *index.shape[2:])


def _place(luma: Tensor, steps: int) -> Tensor:
    return ((luma - DARKEST) * ((steps - 1) / (BRIGHTEST - DARKEST))).clamp_(0, steps - 1)
