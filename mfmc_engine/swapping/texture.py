"""Sharpness and grain: a decoy is never sharper or cleaner than the photo it stands in."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.swapping import fields, outlines
from mfmc_engine.swapping.lit import Lit
from mfmc_engine.types import FloatArray


def match_sharpness(decoys: Tensor, target: Lit) -> Tensor:
    """Scale the decoy's band-pass energy over brows, eyes, nose and mouth to the photo's, noise left aside.

    Bands are differences of Gaussians; (B, 3, H, W) in and out.
    """
    core = target.part(outlines.core)
    bands, rest = _bands(decoys)
    wanted = target.once("band energies", lambda: _energies(target))
    for band, energy in zip(bands, wanted, strict=True):
        own = fields.mean(fields.luminance(band) ** 2, core)
        gain = (energy.clamp(min=0) / (own + 1e-8)).sqrt().clamp(*P.BAND_GAIN)
        rest = rest.addcmul_(band, gain)
    return rest


def _energies(target: Lit) -> list[Tensor]:
    """(B, 1, 1, 1) energy of each band over the features without what noise has in it, which may leave less than 0."""
    bands, _ = _bands(fields.luminance(target.pictures))
    noise = noise_level(target)
    core = target.part(outlines.core)
    return [
        fields.mean(band**2, core) - (noise * share) ** 2
        for band, share in zip(bands, P.BAND_NOISE_SHARES, strict=True)
    ]


def _bands(images: Tensor) -> tuple[list[Tensor], Tensor]:
    bands, current = [], images
    for sigma in P.BAND_SIGMAS:
        smooth = fields.gaussian(images, sigma)
        bands.append(current - smooth)
        current = smooth
    return bands, current


def noise_level(face: Lit) -> Tensor:
    """(B, 1, 1, 1) robust standard deviation of the finest band on the cheeks (median absolute deviation)."""
    cheeks = face.part(outlines.cheeks)
    grey = fields.luminance(face.pictures)
    residual = (grey - fields.gaussian(grey, P.BAND_SIGMAS[0])).abs()
    levels = []
    for values, mask in zip(residual, cheeks, strict=True):
        chosen = values[mask > 0]
        levels.append(1.4826 * chosen.median() if chosen.numel() else values.new_zeros(()))
    return torch.stack(levels).view(-1, 1, 1, 1)


def add_grain(
    decoy: FloatArray, photo: FloatArray, cheeks: NDArray[np.bool_], random: np.random.Generator
) -> FloatArray:
    """(h, w, 3) ``decoy`` with the grain of ``photo``, both in [0, 255] and photo pixels, read off the ``cheeks``.

    Camera noise, film grain and JPEG residue: what the photo's skin has more of than the decoy's is made up for, equal
    in all three channels.
    """
    if np.count_nonzero(cheeks) < P.GRAIN_SMALLEST:
        return decoy
    white = random.standard_normal(decoy.shape[:2], np.float32)
    lacking = _grain_level(photo, cheeks) ** 2 - _grain_level(decoy, cheeks) ** 2
    strength = min(float(np.sqrt(max(lacking, 0.0))), P.GRAIN_LARGEST)
    return decoy + np.asarray(cv2.merge([white * np.float32(strength)] * 3), np.float32)


def _grain_level(picture: FloatArray, where: NDArray[np.bool_]) -> float:
    """Standard deviation of the luma's noise, from the difference of two Laplacians, which shading and straight
    edges leave at 0 (Immerkaer 1996); the median instead of the mean keeps wrinkles out."""
    grey = np.asarray(picture @ np.array(P.LUMA, np.float32), np.float32)
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = np.abs(cv2.filter2D(grey, cv2.CV_32F, kernel))
    return float(np.median(response[where])) / (0.6745 * 6)
