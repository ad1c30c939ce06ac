"""Light and colour: the target's light and skin tone, the donor's detail, and no seam.

The model is multiplicative, as in ratio images (Liu, Shan and Zhang 2001): a face is smooth light times detail, and
detail is kept as a logarithm. Smooth light is a normalised convolution over bare skin, so brows, eyes and lips do not
leave shadows of themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.swapping import fields, outlines
from mfmc_engine.swapping.skin import certainty
from mfmc_engine.types import FloatArray


@dataclass(frozen=True, slots=True)
class Lit:
    """One batch of faces: pictures (B, 3, S, S) and skin likelihood (B, 1, S, S) in [0, 1], and landmarks."""

    pictures: Tensor
    skin: Tensor
    landmarks: Sequence[FloatArray]

    def part(self, outline: fields.Outline) -> Tensor:
        """(B, 1, S, S) mask of one part of the face."""
        return fields.rasterise(outline, self.landmarks, self.pictures.device)

    def light(self) -> Tensor:
        """(B, 3, S, S) smooth light on the bare skin, skin tone included."""
        bare = self.part(outlines.region) * (1 - self.part(outlines.features)) * certainty(self.skin)
        half = fields.spread(F.avg_pool2d(self.pictures, 2), F.avg_pool2d(bare, 2), P.LIGHT_SIGMAS)
        return F.interpolate(half, scale_factor=2.0, mode="bilinear", align_corners=False)


def relight(donor: Lit, target: Lit) -> Tensor:
    """The warped ``donor`` in the light and colours of ``target``: (B, 3, S, S) in [0, 1]."""
    offset = P.LIGHT_OFFSET
    light = target.light()
    detail = torch.log((donor.pictures.clamp(min=0) + offset) / (donor.light() + offset))
    reference = torch.log((target.pictures.clamp(min=0) + offset) / (light + offset))
    detail = _match_contrast(detail, reference, donor, target)
    detail = _match_parts(detail, reference, donor, target)
    relit = (light + offset) * torch.exp(_cap_highlights(detail, donor)) - offset
    return _roll_off(relit)


def _match_contrast(detail: Tensor, reference: Tensor, donor: Lit, target: Lit) -> Tensor:
    """Scale the donor's detail so that its contrast and colourfulness are the photo's own.

    A hazy photo gets a hazy decoy; a grey or toned photo has no colour detail, so its decoy has none either.
    """
    own, wanted = donor.part(outlines.core), target.part(outlines.core)
    grey, grey_wanted = fields.luminance(detail), fields.luminance(reference)
    contrast = (_deviation(grey_wanted, wanted) / _deviation(grey, own)).clamp(*P.CONTRAST_GAIN)
    colour = _deviation(reference - grey_wanted, wanted) / _deviation(detail - grey, own)
    return grey * contrast + (detail - grey) * colour.clamp(*P.COLOUR_GAIN)


def _deviation(values: Tensor, weights: Tensor) -> Tensor:
    """(B, 1, 1, 1) root mean square over channels and weighted pixels."""
    return (fields.mean(values**2, weights).mean(1, keepdim=True) + 1e-8).sqrt()


def _match_parts(detail: Tensor, reference: Tensor, donor: Lit, target: Lit) -> Tensor:
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
        mask = donor.part(outline)
        own, wanted = _tone(detail, mask), _tone(reference, target.part(outline))
        grey, grey_wanted = fields.luminance(own), fields.luminance(wanted)
        light = ((grey_wanted - grey) * light_share).clamp(-limit, limit)
        colour = (((wanted - grey_wanted) - (own - grey)) * colour_share).clamp(-limit, limit)
        seen = (mask.sum((-2, -1), keepdim=True) >= P.PART_SMALLEST).float()
        detail = detail + fields.gaussian(mask, P.PART_FEATHER) * (light + colour) * seen
    return detail


def _tone(detail: Tensor, mask: Tensor) -> Tensor:
    """(B, 3, 1, 1) mean over a part, bright pixels counting more: the tint of an eye is that of its white."""
    return fields.mean(detail, mask * torch.exp(fields.luminance(detail).clamp(max=1)))


def _cap_highlights(detail: Tensor, donor: Lit) -> Tensor:
    """Skin is hardly ever much brighter than the smooth light on it; eyes and teeth may be."""
    shiny = torch.maximum(donor.part(outlines.eye_openings), donor.part(outlines.inner_mouth))
    shiny = fields.gaussian(shiny, P.PART_FEATHER)
    half = (P.SKIN_HIGHLIGHT + (P.SHINY_HIGHLIGHT - P.SKIN_HIGHLIGHT) * shiny) / 2
    bent = torch.where(detail > half, half + half * torch.tanh((detail - half) / half), detail)
    return bent.clamp(min=P.DETAIL_FLOOR)


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
