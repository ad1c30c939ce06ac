"""Sharpness and grain: a decoy is never sharper or cleaner than the photo it stands in."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.swapping import fields, outlines
from mfmc_engine.types import FloatArray


def match_sharpness(decoys: Tensor, targets: Tensor, landmarks: Sequence[FloatArray]) -> Tensor:
    """Scale the decoy's band-pass energy over brows, eyes, nose and mouth to the photo's, noise left aside.

    Bands are differences of Gaussians; (B, 3, S, S) in and out.
    """
    core = fields.rasterise(outlines.core, landmarks, decoys.device)
    bands, rest = _bands(decoys)
    wanted, _ = _bands(fields.luminance(targets))
    noise = noise_level(targets, landmarks)
    for band, reference, share in zip(bands, wanted, P.BAND_NOISE_SHARES, strict=True):
        energy = fields.mean(reference**2, core) - (noise * share) ** 2
        own = fields.mean(fields.luminance(band) ** 2, core)
        gain = (energy.clamp(min=0) / (own + 1e-8)).sqrt().clamp(*P.BAND_GAIN)
        rest = rest + band * gain
    return rest


def _bands(images: Tensor) -> tuple[list[Tensor], Tensor]:
    bands, current = [], images
    for sigma in P.BAND_SIGMAS:
        smooth = fields.gaussian(images, sigma)
        bands.append(current - smooth)
        current = smooth
    return bands, current


def noise_level(images: Tensor, landmarks: Sequence[FloatArray]) -> Tensor:
    """(B, 1, 1, 1) robust standard deviation of the finest band on the cheeks (median absolute deviation)."""
    cheeks = fields.rasterise(outlines.cheeks, landmarks, images.device)
    grey = fields.luminance(images)
    residual = (grey - fields.gaussian(grey, P.BAND_SIGMAS[0])).abs()
    levels = []
    for values, mask in zip(residual, cheeks, strict=True):
        chosen = values[mask > 0]
        levels.append(1.4826 * chosen.median() if chosen.numel() else values.new_zeros(()))
    return torch.stack(levels).view(-1, 1, 1, 1)
