"""From a warped donor to a decoy patch: skin, mask, light, seam, sharpness, grain, and the way back to the photo."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.swapping import fields, masks, mesh, relight, skin, texture
from mfmc_engine.types import FloatArray, Image


def blend(
    donors: Tensor, targets: Tensor, landmarks: Sequence[FloatArray], barred: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Decoys (B, 3, S, S) and their alpha (B, 1, S, S), both in [0, 1], of donors already in the targets' pose."""
    both = skin.likelihood(torch.cat([targets, donors]), [*landmarks, *landmarks])
    target_skin, donor_skin = both.chunk(2)
    alpha = masks.swap_mask(target_skin, donor_skin, landmarks, torch.zeros_like(target_skin) if barred is None else barred)
    decoys = relight.relight(donors, targets, donor_skin, target_skin, landmarks)
    decoys = texture.match_sharpness(decoys, targets, landmarks)
    decoys = relight.close_seam(decoys, targets, alpha, target_skin)
    return decoys.clamp(0, 1), alpha
