"""Which pixels of a face are bare skin: a colour model learnt from the face's own cheeks.

Colours are log ratios to green, which light and shadow leave alone (Finlayson's log-chromaticity); brightness is
judged against the smooth light on the face, so that a shaded cheek is skin and dark hair is not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.swapping import fields, outlines
from mfmc_engine.types import FloatArray


def likelihood(crops: Tensor, landmarks: Sequence[FloatArray]) -> Tensor:
    """(B, 1, H, W) in [0, 1] from (B, 3, H, W) in [0, 1]; brows, eyes, lips and nostrils come out as "not skin"."""
    device, size = crops.device, (crops.shape[-2], crops.shape[-1])
    # Half the resolution is plenty for a soft mask and a quarter of the work.
    smooth = fields.gaussian(fields.reduce(crops, 2), P.SKIN_PRESMOOTH)
    logs = torch.log(smooth + P.SKIN_LOG_OFFSET)
    chroma = torch.cat([logs[:, :1] - logs[:, 1:2], logs[:, 2:] - logs[:, 1:2]], 1)
    light = torch.log(fields.luminance(smooth) + P.SKIN_LOG_OFFSET)
    seeds, region, features = (
        fields.reduce(fields.rasterise(outline, landmarks, device, size), 2)
        for outline in (outlines.cheeks, outlines.region, outlines.features)
    )
    inside = region * (1 - features)
    weights = seeds * inside + 1e-4 * inside
    # Robust start: hair or a hand over one cheek must not become the model. Reweight the seeds twice.
    colour = torch.cat([chroma, light], 1)
    for _ in range(P.SKIN_SEED_ROUNDS):
        weights = (
            seeds * inside * _agreement(colour, fields.mean(colour, weights), weights, P.SKIN_SEED_TOLERANCE)
        )
        weights = weights + 1e-4 * inside
    # The local model follows coloured side light; the global one keeps it from following a wall.
    plausible = _plausible(chroma, light, weights)
    wide = fields.spread(colour, weights, P.SKIN_WIDE_SIGMAS)
    probability = plausible * _agreement(colour, wide, weights, P.SKIN_TOLERANCE)
    for _ in range(P.SKIN_GROW_ROUNDS):
        weights = inside * probability + 1e-4 * seeds
        local = fields.spread(colour, weights, P.SKIN_LOCAL_SIGMAS)
        probability = plausible * _agreement(colour, local, weights, P.SKIN_TOLERANCE)
    return fields.enlarge(probability, size)


def certainty(likelihood: Tensor) -> Tensor:
    """Weights for reading light off skin: doubtful pixels say nothing, not a little (they may be all there is)."""
    return ((likelihood - P.SKIN_DOUBT) / (1 - P.SKIN_DOUBT)).clamp(min=0).square()


def _plausible(chroma: Tensor, light: Tensor, seeds: Tensor) -> Tensor:
    """Whether chroma is anywhere near the seeds' mean, in [0, 1].

    Skin in the shade is more saturated: how much more is read off the seeds, and allowed for where it is dark.
    """
    departure = chroma - fields.mean(chroma, seeds)
    depth = light - fields.mean(light, seeds)
    slope = fields.mean(departure * depth, seeds) / (fields.mean(depth**2, seeds) + P.SKIN_SLOPE_PRIOR)
    departure = departure - slope * depth.clamp(-P.SKIN_SLOPE_REACH, P.SKIN_SLOPE_REACH)
    departure = departure.square().sum(1, keepdim=True).sqrt()
    return torch.sigmoid((P.SKIN_FARTHEST_CHROMA - departure) / P.SKIN_CHROMA_SOFTNESS)


def _agreement(colour: Tensor, expected: Tensor, weights: Tensor, tolerance: tuple[float, float]) -> Tensor:
    """How well (B, 3, H, W) chroma and light agree with what is ``expected`` there, in [0, 1].

    Chroma is judged in units of its own spread on the face, light by fixed bounds: ``tolerance`` is how much
    darker and brighter (log units) bare skin may be.
    """
    departure = colour - expected
    light = departure[:, 2:]
    # Shaded skin is more saturated, overexposed skin paler: expect chroma to change along with light.
    slope = fields.mean(departure[:, :2] * light, weights) / (
        fields.mean(light**2, weights) + P.SKIN_SLOPE_PRIOR
    )
    departure = departure[:, :2] - slope * light
    spread = fields.mean(departure**2, weights).sqrt().clamp(*P.SKIN_CHROMA_SPREAD)
    distance = ((departure / spread) ** 2).sum(1, keepdim=True)
    probability = torch.exp(-0.5 * (distance - P.SKIN_FREE_DISTANCE).clamp(min=0))
    darker = torch.sigmoid((light + tolerance[0]) / P.SKIN_LIGHT_SOFTNESS)
    brighter = torch.sigmoid((tolerance[1] - light) / P.SKIN_LIGHT_SOFTNESS)
    return probability * darker * brighter
