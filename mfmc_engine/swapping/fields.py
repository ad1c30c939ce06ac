"""Batched image fields: Gaussian blurs, normalised convolution, and landmark polygons as soft masks.

What is written in torch runs on any device. On a CPU, blurs, resampling, dilation, exponentials and logarithms go
through OpenCV instead, which is 3 to 8 times faster there and agrees to float rounding
(tests/swapping/test_devices.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.types import FloatArray, Image

Outline = Callable[[FloatArray], Sequence[FloatArray]]  # (68, 2) landmarks -> closed polygons (N, 2), crop px
Window = tuple[slice, slice, slice, slice]  # of all dimensions of a field
SQUARE = (P.CROP_SIZE, P.CROP_SIZE)  # rows and columns of a whole canonical crop


def gaussian(field: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of (B, C, H, W) with ``sigma`` px, edges replicated; wide ones at a reduced resolution."""
    factor = 1
    while sigma / factor > P.BLUR_LARGEST_DIRECT_SIGMA and min(field.shape[-2:]) // (factor * 2) >= 8:
        factor *= 2
    if factor == 1:
        return _convolve(field, sigma)
    return enlarge(_convolve(reduce(field, factor), sigma / factor), (field.shape[-2], field.shape[-1]))


def reduce(field: Tensor, factor: int) -> Tensor:
    """(B, C, H // factor, W // factor): means over squares of ``factor`` px; what does not fill one is left out."""
    height, width = field.shape[-2] // factor, field.shape[-1] // factor
    if not on_cpu(field):
        return F.avg_pool2d(field, factor)
    return _planes(
        field[..., : height * factor, : width * factor],
        (height, width),
        lambda source, out: cv2.resize(source, (width, height), dst=out, interpolation=cv2.INTER_AREA),
    )


def enlarge(field: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resampling of (B, C, h, w) to ``size`` rows and columns, the corners of both pictures in one place."""
    if not on_cpu(field):
        return F.interpolate(field, size=size, mode="bilinear", align_corners=False)
    return _planes(
        field,
        size,
        lambda source, out: cv2.resize(source, size[::-1], dst=out, interpolation=cv2.INTER_LINEAR),
    )


def window(points: FloatArray, room: float, size: tuple[int, int]) -> Window:
    """What holds ``points`` (N, 2) px and ``room`` px round them of fields of ``size`` rows and columns."""
    low, high = points.min(0).tolist(), points.max(0).tolist()

    def along(axis: int, length: int) -> slice:
        first = min(max(int(math.floor(low[axis]) - room), 0), length - 1)
        return slice(first, min(max(int(math.ceil(high[axis]) + room), first + 1), length))

    return slice(None), slice(None), along(1, size[0]), along(0, size[1])


def on_cpu(field: Tensor) -> bool:
    """Whether OpenCV may work on it."""
    return field.is_cpu


def _planes(field: Tensor, size: tuple[int, int], job: Callable[[FloatArray, FloatArray], object]) -> Tensor:
    """``job(source, out)`` on every plane of (B, C, H, W) in main memory: (B, C, *size)."""
    pictures = field.numpy()
    filled = np.empty(pictures.shape[:2] + size, np.float32)
    for i in range(
        pictures.shape[0]
    ):  # by number: a hundred times a swap, iterators would take as long as a blur
        for j in range(pictures.shape[1]):
            job(pictures[i, j], filled[i, j])
    return torch.from_numpy(filled)


def _convolve(field: Tensor, sigma: float) -> Tensor:
    """Separable convolution, cut off at three sigmas."""
    radius = max(1, round(3 * sigma))
    if on_cpu(field):
        window = (2 * radius + 1, 2 * radius + 1)
        return _planes(
            field,
            (field.shape[-2], field.shape[-1]),
            lambda source, out: cv2.GaussianBlur(
                source, window, sigma, dst=out, borderType=cv2.BORDER_REPLICATE
            ),
        )
    return _shifted_sums(field, sigma, radius)


def _shifted_sums(field: Tensor, sigma: float, radius: int) -> Tensor:
    """The same as a sum of shifted views, for any device: cheaper than a one-channel conv2d."""
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
    weighted = values * weights
    field = mean(values, weights)
    for sigma in sorted(sigmas, reverse=True):
        field = (gaussian(weighted, sigma) + P.SPREAD_PRIOR * field) / (
            gaussian(weights, sigma) + P.SPREAD_PRIOR
        )
    return field


def mean(values: Tensor, weights: Tensor) -> Tensor:
    """Mean of each channel of (B, C, H, W), weighted with (B or 1, 1, H, W): (B, C, 1, 1)."""
    column = weights.flatten(2).transpose(1, 2)
    total = column.sum(1, keepdim=True) + 1e-6
    return (torch.matmul(values.flatten(2), column) / total)[..., None]


def rasterise(
    outline: Outline,
    landmarks: Sequence[FloatArray],
    device: torch.device,
    shape: tuple[int, int] = SQUARE,
) -> Tensor:
    """(B, 1, *shape) in {0, 1}: the union of each face's polygons."""
    # bytes are a quarter to bring to a card
    masks = np.zeros((len(landmarks), 1, *shape), np.float32 if device.type == "cpu" else np.uint8)
    for mask, points in zip(masks, landmarks, strict=True):
        for polygon in outline(points):
            cv2.fillPoly(mask[0], [np.round((polygon - 0.5) * 16).astype(np.int32)], 1, shift=4)
    return torch.from_numpy(masks).to(device).float()


def along(start: FloatArray, end: FloatArray, size: Sequence[int]) -> FloatArray:
    """(H, W) how far along the way from ``start`` (0) to ``end`` (1), both (2,), each pixel lies."""
    axis = end - start
    ys, xs = np.mgrid[: size[0], : size[1]].astype(np.float32) + 0.5
    along = ((xs - start[0]) * axis[0] + (ys - start[1]) * axis[1]) / max(float(axis @ axis), 1e-6)
    return np.asarray(along, np.float32)


def dilate(mask: Tensor, radius: int) -> Tensor:
    """Grey dilation with a square of ``2 * radius + 1`` px; erosion for a negative radius. Edges are replicated."""
    if radius < 0:
        return 1 - dilate(1 - mask, -radius)
    if radius and on_cpu(mask):
        square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
        return _planes(
            mask, (mask.shape[-2], mask.shape[-1]), lambda source, out: cv2.dilate(source, square, dst=out)
        )
    return _doubling_maxima(mask, radius)


def _doubling_maxima(mask: Tensor, radius: int) -> Tensor:
    """The same for any device: windows double, a maximum over +-1, then +-2, ..."""
    for axis in (-1, -2):
        done = 0
        while done < radius:
            step = min(done + 1, radius - done) if done else 1
            padded = F.pad(mask, (step, step, 0, 0) if axis == -1 else (0, 0, step, step), mode="replicate")
            length = mask.shape[axis]
            sides = torch.maximum(padded.narrow(axis, 0, length), padded.narrow(axis, 2 * step, length))
            mask = torch.maximum(mask, sides)
            done += step
    return mask


def luminance(colour: Tensor) -> Tensor:
    """(B, 1, H, W) Rec. 601 luma of (B, 3, H, W)."""
    grey = torch.matmul(_luma(colour.device), colour.flatten(2))  # in one step: most of its fields are tiny
    return grey.view(len(colour), 1, *colour.shape[2:])


@cache
def _luma(device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.tensor([P.LUMA], device=device)


def exp(field: Tensor) -> Tensor:
    """The exponential of a field. On a CPU of no less than EXPONENT_LEAST: numbers so small that floats run out of
    digits take ten times as long."""
    return _by_opencv(cv2.exp, field.clamp(min=P.EXPONENT_LEAST)) if on_cpu(field) else torch.exp(field)


def log(field: Tensor) -> Tensor:
    """The natural logarithm of a field."""
    return _by_opencv(cv2.log, field) if on_cpu(field) else torch.log(field)


def _by_opencv(function: Callable[[FloatArray], Any], field: Tensor) -> Tensor:
    """A function of single numbers of which OpenCV, as exact, takes a fifth of torch's time."""
    rows = field.contiguous().view(-1, field.shape[-1])
    return torch.from_numpy(function(rows.numpy())).view(field.shape)


def to_image(colour: Tensor) -> Image:
    """(H, W, 3) picture of (3, H, W) colours in [0, 1]."""
    return np.asarray(colour.permute(1, 2, 0).mul(255).round().byte().cpu().numpy())


def bent(values: Tensor, knee: Tensor, room: Tensor) -> Tensor:
    """Values above ``knee`` bent so that they reach ``knee + room`` only asymptotically."""
    over = (values - knee).clamp(min=0)  # without torch.where, which takes as long as all of this
    # the hyperbolic tangent by the logistic function, which torch works out six times as fast on a CPU
    tangent = torch.sigmoid(over.mul_(2).div_(room)).mul_(2).sub_(1)
    return torch.minimum(values, knee) + tangent.mul_(room)
