"""Small geometry shared by the stages: similarity transforms and boxes. Coordinates as in ``types``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


def similarity(source: FloatArray, target: FloatArray) -> FloatArray:
    """Least-squares similarity transforms, batched: (..., N, 2) points onto (..., N, 2), as (..., 2, 3) matrices.

    Rotation, uniform scale and translation without reflection (Umeyama 1991, closed form in two dimensions).
    """
    p, q = np.asarray(source, np.float64), np.asarray(target, np.float64)
    p_mean, q_mean = p.mean(-2, keepdims=True), q.mean(-2, keepdims=True)
    p, q = p - p_mean, q - q_mean
    norm = np.maximum((p**2).sum((-2, -1)), 1e-12)
    a = (p * q).sum((-2, -1)) / norm
    b = (p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]).sum(-1) / norm
    linear = np.stack([np.stack([a, -b], -1), np.stack([b, a], -1)], -2)
    shift = q_mean[..., 0, :] - np.einsum("...ij,...j->...i", linear, p_mean[..., 0, :])
    return np.concatenate([linear, shift[..., None]], -1).astype(np.float32)


def apply(transform: FloatArray, points: FloatArray) -> FloatArray:
    """(..., 2, 3) affine transforms on (..., N, 2) points."""
    moved = np.einsum("...ij,...nj->...ni", transform[..., :2], points) + transform[..., None, :, 2]
    return np.asarray(moved, np.float32)


def invert(transform: FloatArray) -> FloatArray:
    """The inverse of (..., 2, 3) affine transforms."""
    linear = np.linalg.inv(transform[..., :2].astype(np.float64))
    shift = -np.einsum("...ij,...j->...i", linear, transform[..., 2])
    return np.concatenate([linear, shift[..., None]], -1).astype(np.float32)


def index_space(transform: FloatArray) -> FloatArray:
    """An affine transform between continuous pixels as OpenCV wants it: between pixel indices (centres at 0)."""
    moved = np.array(transform, np.float32)
    moved[..., 2] += transform[..., :2].sum(-1) * 0.5 - 0.5
    return moved


def turning(width: int, height: int, degrees: float) -> tuple[FloatArray, tuple[int, int]]:
    """The (2, 3) transform that turns a picture counter-clockwise on a canvas that holds all of it, and its size."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    size = np.ceil(np.abs([[cosine, sine], [sine, cosine]]) @ [width, height] - 1e-6)
    linear = np.array([[cosine, sine], [-sine, cosine]])
    shift = size / 2 - linear @ [width / 2, height / 2]
    return np.column_stack([linear, shift]).astype(np.float32), (int(size[0]), int(size[1]))


def overlap(boxes: FloatArray, others: FloatArray, smaller: bool = False) -> FloatArray:
    """Intersection over union of (N, 4) and (M, 4) boxes, (N, M); over the smaller box if ``smaller``."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = np.prod(np.maximum(high - low, 0), -1)
    areas, other_areas = (np.prod(b[:, 2:] - b[:, :2], -1) for b in (boxes, others))
    if smaller:
        whole = np.minimum(areas[:, None], other_areas[None, :])
    else:
        whole = areas[:, None] + other_areas[None, :] - common
    return np.asarray(common / np.maximum(whole, 1e-6), np.float32)


def sizes(boxes: FloatArray) -> FloatArray:
    """(N,) roots of the areas of (N, 4) boxes, px."""
    return np.asarray(np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], 1)), boxes.dtype)
