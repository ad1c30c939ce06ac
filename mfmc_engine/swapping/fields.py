"""Batched image fields: Gaussian blurs, normalised convolution, and landmark polygons as soft masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.types import FloatArray

Outline = Callable[[FloatArray], Sequence[FloatArray]]  # (68, 2) landmarks -> closed polygons (N, 2), crop px


def gaussian(field: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (B, C, H, W) with ``sigma`` px, edges replicated; wide ones at a reduced resolution."""
    factor = 1
    while sigma / factor > P.BLUR_LARGEST_DIRECT_SIGMA and min(field.shape[-2:]) // (factor * 2) >= 8:
        factor *= 2
    if factor == 1:
        return _convolve(field, sigma)
    reduced = F.avg_pool2d(field, factor)
    blurred = _convolve(reduced, sigma / factor)
    return F.interpolate(blurred, size=field.shape[-2:], mode="bilinear", align_corners=False)


def _convolve(field: Tensor, sigma: float) -> Tensor:
    """Separable convolution as a sum of shifted views: on a CPU 30 times faster than a one-channel conv2d."""
    radius = max(1, round(3 * sigma))
    taps = np.exp(-(np.arange(radius + 1) ** 2) / (2 * sigma * sigma))
    taps /= 2 * taps.sum() - taps[0]
    for axis in (-1, -2):
        length = field.shape[axis]
        padded = F.pad(
            field, (radius, radius, 0, 0) if axis == -1 else (0, 0, radius, radius), mode="replicate"
        )
        total = padded.narrow(axis, radius, length) * float(taps[0])
        for offset in range(1, radius + 1):
            tap = float(taps[offset])
            total.add_(padded.narrow(axis, radius - offset, length), alpha=tap)
            total.add_(padded.narrow(axis, radius + offset, length), alpha=tap)
        field = total
    return field


def spread(values: Tensor, weights: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Normalised convolution (Knutsson and Westin 1993): ``values`` (B, C, H, W) known where ``weights``
    (B, 1, H, W) are, smoothed with the first sigma and filled in from the wider ones where that knows nothing."""
    field: Tensor | None = None
    for sigma in sorted(sigmas, reverse=True):
        mass = gaussian(weights, sigma)
        local = gaussian(values * weights, sigma)
        if field is None:
            total = weights.sum((-2, -1), keepdim=True) + 1e-6
            field = (values * weights).sum((-2, -1), keepdim=True) / total
        field = (local + P.SPREAD_PRIOR * field) / (mass + P.SPREAD_PRIOR)
    if field is None:
        raise ValueError("normalised convolution needs at least one sigma")
    return field


def mean(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean of each channel: (B, C, 1, 1)."""
    return (values * weights).sum((-2, -1), keepdim=True) / (weights.sum((-2, -1), keepdim=True) + 1e-6)


def rasterise(outline: Outline, landmarks: Sequence[FloatArray], device: torch.device) -> Tensor:
    """(B, 1, S, S) in {0, 1}: the union of each face's polygons."""
    size = P.CROP_SIZE
    masks = np.zeros((len(landmarks), 1, size, size), np.uint8)
    for mask, points in zip(masks, landmarks, strict=True):
        for polygon in outline(points):
            cv2.fillPoly(mask[0], [np.round((polygon - 0.5) * 16).astype(np.int32)], 1, shift=4)
    return torch.from_numpy(masks.astype(np.float32)).to(device)


def dilate(mask: Tensor, radius: int) -> Tensor:
    """Grey dilation with a square of ``2 * radius + 1`` px; erosion for a negative radius. Edges are replicated."""
    if radius < 0:
        return 1 - dilate(1 - mask, -radius)
    for axis in (-1, -2):
        done = 0
        while done < radius:  # windows double: a maximum over +-1, then +-2, ...
            step = min(done + 1, radius - done) if done else 1
            padded = F.pad(mask, (step, step, 0, 0) if axis == -1 else (0, 0, step, step), mode="replicate")
            length = mask.shape[axis]
            sides = torch.maximum(padded.narrow(axis, 0, length), padded.narrow(axis, 2 * step, length))
            mask = torch.maximum(mask, sides)
            done += step
    return mask


def luminance(colour: Tensor) -> Tensor:
    """(B, 1, H, W) Rec. 601 luma of (B, 3, H, W)."""
    weights = colour.new_tensor(P.LUMA).view(1, 3, 1, 1)
    return (colour * weights).sum(1, keepdim=True)
