"""Batched warps in torch: similarities, and thin-plate splines through landmarks (Bookstein 1989)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from mfmc_engine.donors.portraits import MIRROR
from mfmc_engine.training.settings import CROP

MIRRORED = MIRROR.tolist()  # what a picture's left and right half exchange when it is mirrored
STEP = 4  # px between the places where a spline is worked out; between them it is as good as straight
SOFTNESS = 1e-3  # ridge of the spline: landmarks are noisy, and two of them may coincide


def pixel_centres(size: int, device: torch.device) -> Tensor:
    """(size * size, 2) x, y px of all pixel centres, row by row."""
    ys, xs = torch.meshgrid(*(torch.arange(size, device=device) + 0.5,) * 2, indexing="ij")
    return torch.stack([xs, ys], -1).view(-1, 2)


def sample(pictures: Tensor, grid: Tensor) -> Tensor:
    """(B, C, S, S) at (B, s * s, 2) px: (B, C, s, s); reflected beyond the border."""
    side = round(grid.shape[1] ** 0.5)
    normal = grid.view(-1, side, side, 2) * (2 / pictures.shape[-1]) - 1
    return F.grid_sample(pictures, normal, padding_mode="reflection", align_corners=False)


def mirror(pictures: Tensor, landmarks: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Mirror the (B,) ``chosen`` pictures and their landmarks."""
    turned = landmarks[:, MIRRORED].clone()
    turned[..., 0] = pictures.shape[-1] - turned[..., 0]
    return (
        torch.where(chosen.view(-1, 1, 1, 1), pictures.flip(-1), pictures),
        torch.where(chosen.view(-1, 1, 1), turned, landmarks),
    )


def spline_grid(sources: Tensor, targets: Tensor, size: int) -> Tensor:
    """Where the centres of all pixels go, row by row: (B, size * size, 2) px. The spline proper is worked out every
    STEP px, and nearest to an edge beyond it."""
    coarse = pixel_centres(size // STEP + 2, sources.device) * STEP - STEP
    sides = size // STEP + 2
    found = spline(sources, targets, coarse).view(-1, sides, sides, 2).permute(0, 3, 1, 2)
    fine = F.interpolate(found, scale_factor=STEP, mode="bilinear", align_corners=False)
    inner = fine[..., STEP : STEP + size, STEP : STEP + size]
    return inner.flatten(2).transpose(1, 2)


def spline(sources: Tensor, targets: Tensor, points: Tensor) -> Tensor:
    """Where (M, 2) ``points`` go under the thin-plate splines that take (B, K, 2) sources to targets: (B, M, 2)."""
    scale = 1.0 / CROP  # well-conditioned numbers
    a, b, p = sources * scale, targets * scale, points * scale
    batch, count = a.shape[:2]
    system = a.new_zeros(batch, count + 3, count + 3)
    system[:, :count, :count] = _kernel(a, a) + SOFTNESS * torch.eye(count, device=a.device)
    system[:, :count, count] = 1
    system[:, :count, count + 1 :] = a
    system[:, count:, :count] = system[:, :count, count:].transpose(1, 2)
    wanted = torch.cat([b, b.new_zeros(batch, 3, 2)], 1)
    weights = torch.linalg.solve(system, wanted)
    p = p.expand(batch, -1, -1)
    basis = torch.cat([_kernel(p, a), torch.ones_like(p[..., :1]), p], -1)
    return basis @ weights / scale


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    squared = torch.cdist(a, b).square()
    return squared * (squared + 1e-9).log()


def anchors(device: torch.device) -> Tensor:
    """(8, 2) px on the crop's border that a spline keeps in place."""
    low, middle, high = 0.0, CROP / 2, float(CROP)
    corners = [(low, low), (middle, low), (high, low), (low, middle), (high, middle)]
    corners += [(low, high), (middle, high), (high, high)]
    return torch.tensor(corners, device=device)


def onto(pictures: Tensor, landmarks: Tensor, wanted: Tensor) -> Tensor:
    """(B, C, CROP, CROP) warped so that their landmarks (B, 68, 2) come to lie at ``wanted``."""
    fixed = anchors(pictures.device).expand(len(pictures), -1, -1)
    # a spline from the result to the origin: every pixel of the result is filled
    points = torch.cat([wanted, fixed], 1), torch.cat([landmarks, fixed], 1)
    return sample(pictures, spline_grid(*points, pictures.shape[-1]))
