"""What makes a relit decoy part of its photo: no seam, the photo's hue, nothing that glares."""

from __future__ import annotations

import torch
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.swapping import fields, outlines, tones
from mfmc_engine.swapping.lit import Lit, log_ratio
from mfmc_engine.swapping.skin import certainty


def close_seam(decoys: Tensor, donor: Lit, target: Lit, alpha: Tensor) -> Tensor:
    """Carry the difference along the mask's edge smoothly into the decoy, where both sides are skin (a membrane), and
    that of hue from all of the photo's bare skin: a cheek keeps its colour, whatever its donor's was."""
    both = certainty(target.skin) * certainty(donor.skin)
    apart = target.pictures - decoys
    # what differs a lot is no seam but something else behind the face that passed for skin
    alike = (1 - (apart.abs().amax(1, keepdim=True) / P.SEAM_LARGEST).square()).clamp(min=0)
    edge = 4 * alpha * (1 - alpha) * both * alike
    difference = fields.gaussian(apart * edge, P.SEAM_SIGMA)
    closed = decoys + difference / (fields.gaussian(edge, P.SEAM_SIGMA) + P.SEAM_PRIOR)
    return closed * fields.exp(_hue_missing(closed, donor, target))


def _hue_missing(decoys: Tensor, donor: Lit, target: Lit) -> Tensor:
    """(B, 3, H, W) log ratio from the hue of the decoys' skin to the one that the photo's has there, smooth; each at
    the decoy's brightness, for skin that is darker is not grey."""
    half = fields.reduce(decoys, 2)
    luma = tones.log(fields.luminance(half))
    # how the photo's hue departs, in each place, from what is usual at that brightness
    beside = target.once("hue beside the usual", lambda: _beside_usual(target))
    bare = target.bare() * donor.bare()
    missing = (beside + target.chroma(luma) - (tones.log(half) - luma)) * bare
    smooth = fields.gaussian(missing, P.HUE_SIGMA / 2) / (
        fields.gaussian(bare, P.HUE_SIGMA / 2) + P.HUE_PRIOR
    )
    return fields.enlarge(smooth, target.size)


def _beside_usual(target: Lit) -> Tensor:
    luma = tones.log(fields.luminance(target.half()))
    return tones.log(target.half()) - luma - target.chroma(luma)


def keep_in_range(decoys: Tensor, target: Lit) -> Tensor:
    """Bend what is brighter than the photo's own skin, eyes or teeth are there; (B, 3, H, W) in and out.

    A donor's lids or whites lit by a studio lamp would glare in a photo taken in the shade.
    """
    ceiling = target.once("ceiling", lambda: _ceiling(target))
    own = fields.luminance(decoys).clamp(min=P.LIGHT_DARKEST)
    knee = P.CEILING_KNEE * ceiling
    room = (ceiling - knee).clamp(min=P.LIGHT_DARKEST)
    return decoys * (fields.bent(own, knee, room) / own)


def _ceiling(target: Lit) -> Tensor:
    """(B, 1, H, W) the brightest that the photo's own skin, eyes or teeth are around each pixel."""
    grey = fields.luminance(target.pictures)
    half = fields.gaussian(fields.reduce(grey, 2), P.CEILING_SMOOTH)
    bare = target.bare()
    usual = fields.mean(half, bare) + P.CEILING_DEVIATIONS * _spread_of(half, bare)
    highest = fields.dilate(torch.where(bare > P.CEILING_CERTAIN, half, 0), P.CEILING_REACH)
    skin = fields.gaussian(torch.where(highest > 0, highest, usual), P.CEILING_FEATHER)
    ceiling = fields.enlarge(skin, target.size)
    for outline in (outlines.eye_openings, outlines.inner_mouth):
        part = target.part(outline)
        brightest = (grey * part).amax((-2, -1), keepdim=True)
        seen = (part.sum((-2, -1), keepdim=True) >= P.PART_SMALLEST).float()
        soft = (2 * fields.gaussian(part, P.PART_FEATHER) - 1).clamp(
            min=0
        ) * seen  # 0 at the lids and outside
        ceiling = ceiling + soft * (brightest - ceiling)
    return ceiling


def darken_rim(decoys: Tensor, target: Lit) -> Tensor:
    """Where a turned head ends right behind nose and lips, skin as light as a cheek would be a halo: what is lighter
    there than the photo (blurred) takes its colour. (B, 3, H, W) in and out."""
    photo = target.once("smooth", lambda: fields.gaussian(target.pictures, P.RIM_FEATHER))
    rim = target.once("rim", lambda: _rim(target))
    excess = (log_ratio(fields.luminance(decoys), fields.luminance(photo)) - P.RIM_EXCESS) / P.RIM_EXCESS
    return decoys + rim * excess.clamp(0, 1) * (photo - decoys)


def _rim(target: Lit) -> Tensor:
    """(B, 1, H, W) where the face's edge is no skin."""
    inner = fields.gaussian(fields.dilate(target.part(outlines.region), -P.RIM_WIDTH), P.RIM_FEATHER)
    return (1 - inner) * (1 - target.skin)


def _spread_of(values: Tensor, weights: Tensor) -> Tensor:
    """(B, C, 1, 1) weighted standard deviation."""
    return fields.mean((values - fields.mean(values, weights)) ** 2, weights).sqrt()
