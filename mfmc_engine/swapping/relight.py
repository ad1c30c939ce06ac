"""Light and colour: the target's light and skin tone, the donor's detail, and no seam.

The model is multiplicative, as in ratio images (Liu, Shan and Zhang 2001): a face is smooth light times detail, and
detail is kept as a logarithm. Smooth light is a normalised convolution over bare skin, so brows, eyes and lips do not
leave shadows of themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.swapping import fields, outlines
from mfmc_engine.swapping.skin import certainty
from mfmc_engine.types import FloatArray


def relight(
    donors: Tensor, targets: Tensor, donor_skin: Tensor, skin: Tensor, landmarks: Sequence[FloatArray]
) -> Tensor:
    """Warped ``donors`` (B, 3, S, S) in the light and colours of ``targets``; everything in [0, 1]."""
    device = targets.device
    bare = fields.rasterise(outlines.region, landmarks, device)
    bare = bare * (1 - fields.rasterise(outlines.features, landmarks, device))
    offset = P.LIGHT_OFFSET
    light = _smooth_light(targets, bare * certainty(skin))
    donor_light = _smooth_light(donors, bare * certainty(donor_skin))
    detail = torch.log((donors.clamp(min=0) + offset) / (donor_light + offset))
    reference = torch.log((targets.clamp(min=0) + offset) / (light + offset))
    detail = _match_contrast(detail, reference, landmarks)
    detail = _match_parts(detail, reference, landmarks)
    relit = (light + offset) * torch.exp(_cap_highlights(detail, landmarks)) - offset
    return _roll_off(relit)


def _smooth_light(images: Tensor, weights: Tensor) -> Tensor:
    half = fields.spread(F.avg_pool2d(images, 2), F.avg_pool2d(weights, 2), P.LIGHT_SIGMAS)
    return F.interpolate(half, scale_factor=2.0, mode="bilinear", align_corners=False)


def _match_contrast(detail: Tensor, reference: Tensor, landmarks: Sequence[FloatArray]) -> Tensor:
    """Scale the donor's detail so that its contrast and colourfulness are the photo's own.

    A hazy photo gets a hazy decoy; a grey or toned photo has no colour detail, so its decoy has none either.
    """
    core = fields.rasterise(outlines.core, landmarks, detail.device)
    grey, grey_reference = fields.luminance(detail), fields.luminance(reference)
    contrast = (_deviation(grey_reference, core) / _deviation(grey, core)).clamp(*P.CONTRAST_GAIN)
    colour = (_deviation(reference - grey_reference, core) / _deviation(detail - grey, core)).clamp(
        *P.COLOUR_GAIN
    )
    return grey * contrast + (detail - grey) * colour


def _deviation(values: Tensor, weights: Tensor) -> Tensor:
    """(B, 1, 1, 1) root mean square over channels and weighted pixels."""
    return (fields.mean(values**2, weights).mean(1, keepdim=True) + 1e-8).sqrt()


def _match_parts(detail: Tensor, reference: Tensor, landmarks: Sequence[FloatArray]) -> Tensor:
    """Move the mean tone of lips, brows, eyes and open mouth toward the photo's own.

    Make-up, the colour of the hair (brows), the whites' tint under coloured light and the darkness of an open mouth
    belong to the person's picture, not to the donor's.
    """
    for outline, colour_share, light_share, limit in (
        (outlines.lips, *P.LIPS_SHARES),
        (outlines.brow_hair, *P.BROWS_SHARES),
        (outlines.eye_openings, *P.EYES_SHARES),
        (outlines.inner_mouth, *P.INNER_MOUTH_SHARES),
    ):
        mask = fields.rasterise(outline, landmarks, detail.device)
        bright = (
            torch.exp(fields.luminance(detail).clamp(max=1)),
            torch.exp(fields.luminance(reference).clamp(max=1)),
        )
        own, wanted = fields.mean(detail, mask * bright[0]), fields.mean(reference, mask * bright[1])
        grey, grey_wanted = fields.luminance(own), fields.luminance(wanted)
        light = ((grey_wanted - grey) * light_share).clamp(-limit, limit)
        colour = ((wanted - grey_wanted) - (own - grey)) * colour_share
        seen = (mask.sum((-2, -1), keepdim=True) >= P.PART_SMALLEST).float()
        detail = detail + fields.gaussian(mask, P.PART_FEATHER) * (light + colour.clamp(-limit, limit)) * seen
    return detail


def _cap_highlights(detail: Tensor, landmarks: Sequence[FloatArray]) -> Tensor:
    """Skin is hardly ever much brighter than the smooth light on it; eyes and teeth may be."""
    shiny = fields.rasterise(outlines.eye_openings, landmarks, detail.device)
    shiny = fields.gaussian(
        torch.maximum(shiny, fields.rasterise(outlines.inner_mouth, landmarks, detail.device)), 1.5
    )
    cap = P.SKIN_HIGHLIGHT + (P.SHINY_HIGHLIGHT - P.SKIN_HIGHLIGHT) * shiny
    over = (detail - cap / 2).clamp(min=0)
    soft = detail.clamp(max=P.DETAIL_RANGE[1]).minimum(cap / 2 + (cap / 2) * torch.tanh(over / (cap / 2)))
    return soft.clamp(min=P.DETAIL_RANGE[0])


def _roll_off(colour: Tensor) -> Tensor:
    """Bend values above the knee so that they reach white only asymptotically."""
    knee = P.HIGHLIGHT_KNEE
    over = (colour - knee).clamp(min=0)
    return torch.where(colour > knee, knee + (1 - knee) * (1 - torch.exp(-over / (1 - knee))), colour)


def close_seam(decoys: Tensor, targets: Tensor, alpha: Tensor, skin: Tensor) -> Tensor:
    """Carry the difference along the mask's edge smoothly into the decoy, where both sides are skin (a membrane)."""
    edge = 4 * alpha * (1 - alpha) * skin
    mass = fields.gaussian(edge, P.SEAM_SIGMA)
    difference = fields.gaussian((targets - decoys) * edge, P.SEAM_SIGMA)
    return decoys + difference / (mass + P.SEAM_PRIOR)
