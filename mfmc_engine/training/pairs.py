"""Mesh-like swaps of two portraits: a wrong but useful first answer to learn from, fading out as training goes on."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from mfmc_engine.swapping.fields import gaussian
from mfmc_engine.training import warp
from mfmc_engine.training.augment import window
from mfmc_engine.training.settings import SIZE, WINDOW

OUTLINE = [*range(17), 26, 25, 24, 19, 18, 17]  # jaw, then brows: convex on any face looking at us
FEATHER = 4.0  # px


def face_mask(landmarks: Tensor, size: int = SIZE, forehead: float = 0.35) -> Tensor:
    """(B, 1, size, size) soft masks of faces with (B, 68, 2) landmarks in px: the hull of jaw and raised brows."""
    points = landmarks[:, OUTLINE].clone()
    up = landmarks[:, 17:27].mean(1, keepdim=True) - landmarks[:, 33:34]
    points[:, 17:] += up * forehead
    centre = points.mean(1, keepdim=True)
    half = size // 2  # the edge is soft: half the resolution is a quarter of the work
    pixels = warp.pixel_centres(half, landmarks.device) * 2
    # inside a star-shaped outline: on the inner side of the edge in whose sector the pixel lies
    a, b = points - centre, points.roll(-1, 1) - centre
    p = pixels - centre  # (B, M, 2)
    cross = a[:, :, 0] * b[:, :, 1] - a[:, :, 1] * b[:, :, 0]  # (B, E)
    s = (p[:, :, None, 0] * b[:, None, :, 1] - p[:, :, None, 1] * b[:, None, :, 0]) / (cross[:, None] + 1e-6)
    t = (a[:, None, :, 0] * p[:, :, None, 1] - a[:, None, :, 1] * p[:, :, None, 0]) / (cross[:, None] + 1e-6)
    inside = ((s >= 0) & (t >= 0) & (s + t <= 1)).any(-1)
    soft = gaussian(inside.view(-1, 1, half, half).to(landmarks.dtype), FEATHER / 2)
    return F.interpolate(soft, size=(size, size), mode="bilinear", align_corners=False)


def mesh_swaps(
    target: Tensor, target_marks: Tensor, donor: Tensor, donor_marks: Tensor
) -> tuple[Tensor, Tensor]:
    """Donors (B, 3, CROP, CROP) warped to the targets (B, 3, SIZE, SIZE), in their colours, and the masks.

    ``target_marks`` are px of the window, ``donor_marks`` px of the crop.
    """
    shift = torch.tensor(WINDOW, dtype=target_marks.dtype, device=target_marks.device)
    warped = window(warp.onto(donor, donor_marks, target_marks + shift))
    mask = face_mask(target_marks)
    core = face_mask(target_marks, forehead=0.0)
    weight = core / core.sum((2, 3), keepdim=True).clamp(min=1)

    def moments(pictures: Tensor) -> tuple[Tensor, Tensor]:
        mean = (pictures * weight).sum((2, 3), keepdim=True)
        spread = ((pictures - mean).square() * weight).sum((2, 3), keepdim=True)
        return mean, spread.clamp(min=1e-4).sqrt()

    (want, wide), (have, narrow) = moments(target), moments(warped)
    matched = ((warped - have) * (wide / narrow).clamp(0.6, 1.6) + want).clamp(0, 1)
    return matched * mask + target * (1 - mask), mask
