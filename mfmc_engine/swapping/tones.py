"""How the colour of a photo's skin changes with its brightness, read off that photo.

Skin that is darker is not the same colour times a number: highlights are pale because a lamp is mirrored in them, shade
is warm or, under a blue sky, cold. Chroma over log luma is a curve, narrow on one face in one light and far from
straight in a graded photo (t1.jpg: red over green 1.15 where it is bright, 1.75 in the shade).
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final

import numpy as np
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
    values, weights = chroma[_READ].flatten(2), weights[_READ].flatten(2)
    # of each step (3, B, 1 + C, TONE_STEPS): how much is near it, and of what
    found = _near_steps(_index(luma[_READ]).flatten(1), torch.cat([weights, values * weights], 1))
    shares, firsts, seconds = found[:, :, :1]
    sums, slants = found[:2, :, 1:]
    # A mean of what lies on one side of a step (few pixels are the darkest, most are light) is not the value at it: a
    # straight line through them is (Fan 1992).
    beyond = firsts / (shares + 1e-6)
    spread = seconds / (shares + 1e-6) - beyond.square()
    slope = (slants - beyond * sums) / (shares + 1e-6) / (spread + P.TONE_SPREAD_PRIOR)
    sums = sums - firsts * slope.clamp(-P.TONE_STEEPEST, P.TONE_STEEPEST)
    steps = torch.arange(P.TONE_STEPS, device=luma.device)[:, None]
    # Steps that hardly any skin reaches ask their neighbours, those farther ones, and so on.
    least = P.TONE_PRIOR * weights.sum(2, keepdim=True) + 1e-6
    wide = torch.exp(-(steps - steps.mT).abs() / P.TONE_REACH)
    around = (sums @ wide) / (shares @ wide + 1e-6)
    known = (sums + least * around) / (shares + least)
    return F.interpolate(known, P.TONE_FINE, mode="linear", align_corners=True)


def _near_steps(index: Tensor, values: Tensor) -> Tensor:
    """(3, B, C, TONE_STEPS) sums of ``values`` (B, C, N) by how near to each step the lumas of these pixels lie, whose
    numbers are ``index`` (B, N); by that times how many steps they lie beyond it, and times the square of those."""
    near = _nearness(index.device)
    if fields.on_cpu(index):  # by luma first: a tenth of the work
        numbers, planes = index.numpy(), values.numpy()
        sums = [
            [np.bincount(i, one, P.TONE_FINE) for one in plane]
            for i, plane in zip(numbers, planes, strict=True)
        ]
        return torch.from_numpy(np.array(sums, np.float32)) @ near[:, None].mT
    at_pixels = near.index_select(2, index.flatten()).view(3, P.TONE_STEPS, *index.shape)
    return values @ at_pixels.permute(0, 2, 3, 1)


@cache
def _nearness(device: torch.device) -> Tensor:
    """(3, TONE_STEPS, TONE_FINE) how near each luma that a curve is looked up at is to each step, that times how many
    steps it lies beyond, and times the square of those."""
    with torch.inference_mode(False):
        steps = torch.arange(P.TONE_STEPS, device=device)[:, None]
        beyond = torch.linspace(0, P.TONE_STEPS - 1, P.TONE_FINE, device=device) - steps
        near = torch.exp(beyond.square() * (-0.5 / P.TONE_SMOOTH**2))
        return torch.stack([near, near * beyond, near * beyond.square()])


def at(curve: Tensor, luma: Tensor) -> Tensor:
    """The curve (B or 1, C, TONE_FINE) at log ``luma`` (B, 1, H, W): (B, C, H, W)."""
    index = _index(luma)
    if len(curve) == 1:
        found = curve[0].index_select(1, index.flatten())
        return found.view(-1, *index.shape[:1], *index.shape[2:]).transpose(0, 1)
    found = curve.gather(2, index.flatten(2).expand(-1, curve.shape[1], -1))
    return found.view(*curve.shape[:2], *index.shape[2:])


def _index(luma: Tensor) -> Tensor:
    """Which of the TONE_FINE lumas that a curve is known at each log ``luma`` is nearest to."""
    place = (luma - DARKEST) * ((P.TONE_FINE - 1) / (BRIGHTEST - DARKEST))
    return place.clamp_(0, P.TONE_FINE - 1).add_(0.5).long()
