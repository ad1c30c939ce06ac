"""Light and colour: the target's light and skin tone, the donor's detail, and no seam.

The model is multiplicative, as in ratio images (Liu, Shan and Zhang 2001): a face is smooth light times detail.
Smooth light is a normalised convolution over bare skin, so brows, eyes and lips do not leave shadows of themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.swapping import fields, outlines
from mfmc_engine.types import FloatArray


def relight(
    donors: Tensor, targets: Tensor, donor_skin: Tensor, skin: Tensor, landmarks: Sequence[FloatArray]
) -> Tensor:
    """Warped ``donors`` (B, 3, S, S) in the light and colours of ``targets``; everything in [0, 1]."""
    device = targets.device
    bare = fields.rasterise(outlines.region, landmarks, device)
    bare = bare * (1 - fields.rasterise(outlines.features, landmarks, device))
    offset = P.LIGHT_OFFSET
    light = _smooth_light(targets, bare * skin)
    donor_light = _smooth_light(donors, bare * donor_skin)
    detail = torch.log((donors + offset) / (donor_light + offset))
    reference = torch.log((targets + offset) / (light + offset))
    return (light + offset) * torch.exp(_match_contrast(detail, reference, landmarks)) - offset


def _smooth_light(images: Tensor, weights: Tensor) -> Tensor:
    half = fields.spread(F.avg_pool2d(images, 2), F.avg_pool2d(weights, 2), P.LIGHT_SIGMAS)
    return F.interpolate(half, scale_factor=2.0, mode="bilinear", align_corners=False)


def _match_contrast(detail: Tensor, reference: Tensor, landmarks: Sequence[FloatArray]) -> Tensor:
    """Scale the donor's log detail so that its contrast and colourfulness are the photo's own.

    A hazy photo gets a hazy decoy; a grey or toned photo has no colour detail, so its decoy has none either.
    """
    core = fields.rasterise(outlines.core, landmarks, detail.device)
    grey, grey_reference = fields.luminance(detail), fields.luminance(reference)
    contrast = (_deviation(grey_reference, core) / _deviation(grey, core)).clamp(*P.CONTRAST_GAIN)
    colour = (_deviation(reference - grey_reference, core) / _deviation(detail - grey, core)).clamp(*P.COLOUR_GAIN)
    scaled = grey * contrast + (detail - grey) * colour
    return scaled.clamp(*P.DETAIL_RANGE)


def _deviation(values: Tensor, weights: Tensor) -> Tensor:
    """(B, 1, 1, 1) root mean square over channels and weighted pixels."""
    return (fields.mean(values**2, weights).mean(1, keepdim=True) + 1e-8).sqrt()


def close_seam(decoys: Tensor, targets: Tensor, alpha: Tensor, skin: Tensor) -> Tensor:
    """Carry the difference along the mask's edge smoothly into the decoy, where both sides are skin (a membrane)."""
    edge = 4 * alpha * (1 - alpha) * skin
    mass = fields.gaussian(edge, P.SEAM_SIGMA)
    difference = fields.gaussian((targets - decoys) * edge, P.SEAM_SIGMA)
    return decoys + difference / (mass + P.SEAM_PRIOR)
