"""Which pixels of a face are bare skin: a colour model learnt from the face's own cheeks.

Colours are log ratios to green, which light and shadow leave alone (Finlayson's log-chromaticity) where a photo is not
graded; what they change by with brightness on this face is read off as a curve and left out (tones.py). Brightness is
judged against the smooth light on the face, so that a shaded cheek is skin and dark hair is not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.swapping import fields, outlines, tones
from mfmc_engine.types import FloatArray


def likelihood(crops: Tensor, landmarks: Sequence[FloatArray]) -> Tensor:
    """(B, 1, H, W) in [0, 1] from (B, 3, H, W) in [0, 1]; brows, eyes, lips and nostrils come out as "not skin"."""
    device, size = crops.device, (crops.shape[-2], crops.shape[-1])
    # Half the resolution is plenty for a soft mask and a quarter of the work.
    smooth = fields.gaussian(fields.reduce(crops, 2), P.SKIN_PRESMOOTH)
    logs = tones.log(smooth)
    chroma = torch.cat([logs[:, :1] - logs[:, 1:2], logs[:, 2:] - logs[:, 1:2]], 1)
    light = tones.log(fields.luminance(smooth))
    seeds, region, features = (
        fields.reduce(fields.rasterise(outline, landmarks, device, size), 2)
        for outline in (outlines.cheeks, outlines.region, outlines.features)
    )
    inside = region * (1 - features)
    curve = _curve(light, chroma, inside * (seeds + P.SKIN_TONE_ELSEWHERE))
    # Chroma beside the one that goes with the brightness: of skin in the light and in the shade alike
    colour = torch.cat([chroma - tones.at(curve, light), light], 1)
    weights = seeds * inside + 1e-4 * inside
    # Robust start: hair or a hand over one cheek must not become the model. Reweight the seeds twice.
    for _ in range(P.SKIN_SEED_ROUNDS):
        weights = (
            seeds * inside * _agreement(colour, fields.mean(colour, weights), weights, P.SKIN_SEED_TOLERANCE)
        )
        weights = weights + 1e-4 * inside
    # The local model follows coloured side light; the global one keeps it from following a wall.
    departure = (colour[:, :2] - fields.mean(colour[:, :2], weights)).square().sum(1, keepdim=True).sqrt()
    plausible = torch.sigmoid((P.SKIN_FARTHEST_CHROMA - departure) / P.SKIN_CHROMA_SOFTNESS)
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


def _curve(light: Tensor, chroma: Tensor, weights: Tensor) -> Tensor:
    """How chroma goes along with light on most of what counts by ``weights``; what lies beside it counts less."""
    curve = tones.fit(light, chroma, weights)
    for _ in range(P.SKIN_TONE_ROUNDS):
        beside = (chroma - tones.at(curve, light)).square().sum(1, keepdim=True)
        curve = tones.fit(light, chroma, weights * fields.exp(-0.5 * beside / P.SKIN_TONE_SPREAD**2))
    return curve


def _agreement(colour: Tensor, expected: Tensor, weights: Tensor, tolerance: tuple[float, float]) -> Tensor:
    """How well (B, 3, H, W) chroma and light agree with what is ``expected`` there, in [0, 1].

    Chroma is judged in units of its own spread on the face, light by fixed bounds: ``tolerance`` is how much
    darker and brighter (log units) bare skin may be.
    """
    departure = colour - expected
    light = departure[:, 2:]
    departure = departure[:, :2]
    spread = fields.mean(departure**2, weights).sqrt().clamp(*P.SKIN_CHROMA_SPREAD)
    distance = ((departure / spread) ** 2).sum(1, keepdim=True)
    probability = fields.exp(-0.5 * (distance - P.SKIN_FREE_DISTANCE).clamp(min=0))
    darker = torch.sigmoid((light + tolerance[0]) / P.SKIN_LIGHT_SOFTNESS)
    brighter = torch.sigmoid((tolerance[1] - light) / P.SKIN_LIGHT_SOFTNESS)
    return probability * darker * brighter
