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

    def light(self, sigma: float) -> Tensor:
        """(B, 3, S, S) light on the bare skin, skin tone included, smooth over ``sigma`` px of the half-size image."""
        half = F.avg_pool2d(self.pictures, 2)
        bare, grey = self.bare(), fields.luminance(half)
        inner = fields.dilate(
            bare, -P.TINT_INSET
        )  # skin mixed with what it borders on says nothing of its hue
        shade = fields.spread(grey, bare, (sigma, *P.LIGHT_WIDE_SIGMAS))
        # Skin changes in brightness within a few px, in hue along with it, and otherwise hardly ever: a narrow look at
        # its colour would paint what passed for skin by mistake (a grey shirt behind a chin) onto the decoy.
        tint = fields.spread(half, inner, P.TINT_SIGMAS).clamp(min=P.LIGHT_DARKEST)
        level = fields.luminance(tint)
        brighter, redder = _log_ratio(grey, level), _log_ratio(half, tint)
        slope = fields.mean((redder - brighter) * brighter, bare) / (
            fields.mean(brighter**2, bare) + P.TINT_PRIOR
        )
        depth = _log_ratio(shade, level).clamp(-P.TINT_RANGE, P.TINT_RANGE)
        light = shade * (tint / level) * torch.exp(slope.clamp(-P.TINT_LARGEST, P.TINT_LARGEST) * depth)
        return F.interpolate(light, scale_factor=2.0, mode="bilinear", align_corners=False)

    def bare(self) -> Tensor:
        """(B, 1, S/2, S/2) how surely the pixels of the half-size image are bare skin."""
        bare = self.part(outlines.region) * (1 - self.part(outlines.features)) * certainty(self.skin)
        return F.avg_pool2d(bare, 2)


def relight(donor: Lit, target: Lit, sigma: float) -> Tensor:
    """The warped ``donor`` in the light and colours of ``target``: (B, 3, S, S) in [0, 1].

    What is finer than ``sigma`` is the donor's, what is coarser the target's.
    """
    offset, light = P.LIGHT_OFFSET, target.light(sigma)
    detail = _log_ratio(donor.pictures, donor.light(sigma))
    reference = _log_ratio(target.pictures, light)
    detail = _match_contrast(detail, reference, donor, target)
    detail = _match_parts(detail, reference, donor, target)
    relit = (light + offset) * torch.exp(_cap_highlights(detail, donor)) - offset
    return _roll_off(relit)


def _match_contrast(detail: Tensor, reference: Tensor, donor: Lit, target: Lit) -> Tensor:
    """Scale the donor's detail so that its contrast and colourfulness are the photo's own.

    A hazy photo gets a hazy decoy; a grey or toned photo has no colour detail, so its decoy has none either. Colour
    splits into what goes along with light (the tint of shadows, taken from the photo) and the rest (scaled).
    """
    own, wanted = donor.part(outlines.core), target.part(outlines.core)
    grey, grey_wanted = fields.luminance(detail), fields.luminance(reference)
    contrast = (_deviation(grey_wanted, wanted) / _deviation(grey, own)).clamp(*P.CONTRAST_GAIN)
    # Folds and wrinkles beside the features: the photo's skin says how deep they are, its features how crisp.
    bare, bare_wanted = _beside_features(donor), _beside_features(target)
    smoothness = contrast * (
        _deviation(grey_wanted, bare_wanted) / (_deviation(grey, bare) * contrast)
    ).clamp(*P.SKIN_CONTRAST)
    cheek = fields.gaussian(1 - own, P.CHEEK_FEATHER)
    tint, own_tint = _shadow_tint(reference, target), _shadow_tint(detail, donor)
    shade, shade_wanted = (field.clamp(-P.TINT_RANGE, P.TINT_RANGE) for field in (grey, grey_wanted))
    rest, rest_wanted = detail - grey - own_tint * shade, reference - grey_wanted - tint * shade_wanted
    colour = (_deviation(rest_wanted, wanted) / _deviation(rest, own)).clamp(*P.COLOUR_GAIN)
    grey = grey * (contrast * (1 - cheek) + smoothness * cheek)
    # Black brows beside orange skin look blue relative to it, and would turn truly blue on another skin.
    hair = fields.gaussian(fields.dilate(donor.part(outlines.brow_hair), P.BROW_REACH), P.BROW_REACH)
    rest = rest * (1 - P.BROW_NEUTRAL * hair)
    return grey + tint * grey.clamp(-P.TINT_RANGE, P.TINT_RANGE) + rest * colour


def _beside_features(face: Lit) -> Tensor:
    """(B, 1, S, S) weights of bare skin away from brows, eyes, nose and mouth."""
    return face.part(outlines.jaw_skin) * (1 - face.part(outlines.core)) * certainty(face.skin)


def _log_ratio(value: Tensor, reference: Tensor) -> Tensor:
    return torch.log((value.clamp(min=0) + P.LIGHT_OFFSET) / (reference + P.LIGHT_OFFSET))


def _shadow_tint(detail: Tensor, face: Lit) -> Tensor:
    """(B, 3, 1, 1) how much each channel's colour changes per unit of light on skin: least squares without offset."""
    skin = face.part(outlines.region) * (1 - face.part(outlines.features))
    grey = fields.luminance(detail).clamp(-P.TINT_RANGE, P.TINT_RANGE)
    slope = fields.mean((detail - grey) * grey, skin) / (fields.mean(grey**2, skin) + P.TINT_PRIOR)
    return slope.clamp(-P.TINT_LARGEST, P.TINT_LARGEST)


def _deviation(values: Tensor, weights: Tensor) -> Tensor:
    """(B, 1, 1, 1) root mean square over channels and weighted pixels."""
    return (fields.mean(values**2, weights).mean(1, keepdim=True) + 1e-8).sqrt()


def _match_parts(detail: Tensor, reference: Tensor, donor: Lit, target: Lit) -> Tensor:
    """Move the mean tone of lips, brows, eyes and open mouth toward the photo's own.

    Make-up, the colour of the hair (brows), the whites' tint under coloured light and the darkness of an open mouth
    belong to the person's picture, not to the donor's. Lips and brows are scaled, so that skin beside them, which
    has no contrast to scale, stays as it is even where landmarks are a little off; eyes and mouth are shifted.
    """
    for outline, scaled, colour_share, light_share, limit in (
        (outlines.lips, True, *P.LIPS_SHARES),
        (outlines.brow_hair, True, *P.BROWS_SHARES),
        (outlines.eye_openings, False, *P.EYES_SHARES),
        (outlines.inner_mouth, False, *P.INNER_MOUTH_SHARES),
    ):
        mask = donor.part(outline)
        own, wanted = _tone(detail, mask), _tone(reference, target.part(outline))
        grey, grey_wanted = fields.luminance(own), fields.luminance(wanted)
        colour = (((wanted - grey_wanted) - (own - grey)) * colour_share).clamp(-limit, limit)
        seen = (mask.sum((-2, -1), keepdim=True) >= P.PART_SMALLEST).float()
        soft = fields.gaussian(mask, P.PART_FEATHER) * seen
        if scaled:
            ratio = grey_wanted.clamp(max=-P.PART_CONTRAST) / grey.clamp(max=-P.PART_CONTRAST)
            factor = (1 + (ratio - 1) * light_share).clamp(1 - limit, 1 + limit)
            local = fields.luminance(detail)
            depth = (local / grey.clamp(max=-P.PART_CONTRAST)).clamp(
                0, 1
            )  # 1 on hair and lip, 0 on bare skin
            detail = detail + soft * (local * (factor - 1) + colour * depth)
        else:
            light = ((grey_wanted - grey) * light_share).clamp(-limit, limit)
            flatter = 1 + P.DARKENED_CONTRAST * light.clamp(
                max=0
            )  # teeth in the dark show less of themselves
            detail = detail + soft * ((detail - own) * (flatter - 1) + light + colour)
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


def close_seam(decoys: Tensor, donor: Lit, target: Lit, alpha: Tensor) -> Tensor:
    """Carry the difference along the mask's edge smoothly into the decoy, where both sides are skin (a membrane)."""
    edge = 4 * alpha * (1 - alpha) * target.skin * donor.skin
    mass = fields.gaussian(edge, P.SEAM_SIGMA)
    difference = fields.gaussian((target.pictures - decoys) * edge, P.SEAM_SIGMA)
    return decoys + difference / (mass + P.SEAM_PRIOR)


def keep_in_range(decoys: Tensor, target: Lit) -> Tensor:
    """Bend what is brighter than the photo's own skin, eyes or teeth are there; (B, 3, S, S) in and out.

    A donor's lids or whites lit by a studio lamp would glare in a photo taken in the shade.
    """
    grey = fields.luminance(target.pictures)
    half = fields.gaussian(F.avg_pool2d(grey, 2), P.CEILING_SMOOTH)
    bare = target.bare()
    usual = fields.mean(half, bare) + P.CEILING_DEVIATIONS * _spread_of(half, bare)
    highest = fields.dilate(torch.where(bare > P.CEILING_CERTAIN, half, 0), P.CEILING_REACH)
    skin = fields.gaussian(torch.where(highest > 0, highest, usual), P.CEILING_FEATHER)
    ceiling = F.interpolate(skin, scale_factor=2.0, mode="bilinear", align_corners=False)
    for outline in (outlines.eye_openings, outlines.inner_mouth):
        part = target.part(outline)
        brightest = (grey * part).amax((-2, -1), keepdim=True)
        seen = (part.sum((-2, -1), keepdim=True) >= P.PART_SMALLEST).float()
        soft = (2 * fields.gaussian(part, P.PART_FEATHER) - 1).clamp(
            min=0
        ) * seen  # 0 at the lids and outside
        ceiling = ceiling + soft * (brightest - ceiling)
    own = fields.luminance(decoys).clamp(min=P.LIGHT_DARKEST)
    knee = P.CEILING_KNEE * ceiling
    room = (ceiling - knee).clamp(min=P.LIGHT_DARKEST)
    bent = torch.where(own > knee, knee + room * torch.tanh((own - knee) / room), own)
    return decoys * (bent / own)


def _spread_of(values: Tensor, weights: Tensor) -> Tensor:
    """(B, C, 1, 1) weighted standard deviation."""
    return fields.mean((values - fields.mean(values, weights)) ** 2, weights).sqrt()
