"""Piecewise-affine image warping between two face shapes, the basis of every morph (Wolberg, Image Morphing, 1998).

A *mesh shape* is the 68 landmarks followed by forehead points (no landmark lies above the brows, so these are
extrapolated) and points on the image border, which never move: (MESH_POINTS, 2) continuous pixels.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import Delaunay

from mfmc_engine import parameters
from mfmc_engine.donors.traits import eye_centres

Points = NDArray[np.float64]
Pixels = NDArray[np.float32]

_BROWS = np.array([17, 18, 19, 21, 22, 24, 25, 26])


def forehead(landmarks: ArrayLike) -> Points:
    """Eight points below the hairline, (8, 2) px: brow points raised along the face's upward axis.

    The axis runs from the chin to the middle of the eyes; the rise is a share of its length, less at the temples.
    """
    points = np.asarray(landmarks, np.float64)
    left, right = eye_centres(points)
    up = (left + right) / 2 - points[8]
    arch = np.sin(np.linspace(0.25, 0.75, len(_BROWS)) * np.pi)
    return points[_BROWS] + parameters.DONOR_FOREHEAD_RISE * arch[:, None] * up


def border(size: int) -> Points:
    """Sixteen points round a square image of ``size`` px, (16, 2)."""
    steps = np.linspace(0, size, 5)
    return np.array([(x, y) for x in steps for y in steps if x in (0, size) or y in (0, size)], np.float64)


def mesh_shape(landmarks: ArrayLike, size: int) -> Points:
    """The 68 landmarks with forehead and border points, (92, 2) px."""
    points = np.asarray(landmarks, np.float64)
    return np.concatenate([points, forehead(points), border(size)])


class Mesh:
    """A triangulated target shape, onto which pictures in other shapes are warped."""

    def __init__(self, target: Points, size: int) -> None:
        """``target`` (P, 2) px is the shape of the output, a square of ``size`` px."""
        self.size = size
        delaunay = Delaunay(target)
        axis = np.arange(size) + 0.5
        grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
        # The border points may miss the outermost half pixel by rounding: those pixels take the nearest triangle.
        triangle = delaunay.find_simplex(grid, tol=1e-6)
        triangle = np.where(triangle < 0, 0, triangle)
        affine = delaunay.transform[triangle]
        first = np.einsum("nij,nj->ni", affine[:, :2], grid - affine[:, 2])
        self._weights = np.concatenate([first, 1 - first.sum(1, keepdims=True)], 1)
        self._corners = delaunay.simplices[triangle]

    def coordinates(self, source: Points) -> NDArray[np.float32]:
        """Where each output pixel lies in a picture of shape ``source`` (P, 2): (size, size, 2) px."""
        where = np.einsum("nk,nkd->nd", self._weights, source[self._corners])
        return where.reshape(self.size, self.size, 2).astype(np.float32)

    def warp(self, picture: Pixels, source: Points) -> Pixels:
        """``picture`` (H, W, C) float32 in shape ``source``, redrawn in the target's shape: (size, size, C)."""
        return sample(picture, self.coordinates(source))


def sample(picture: Pixels, where: NDArray[np.float32]) -> Pixels:
    """``picture`` at continuous pixel coordinates ``where`` (H, W, 2), bicubic, mirrored beyond its edge."""
    x, y = where[..., 0] - 0.5, where[..., 1] - 0.5
    drawn = cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(drawn, np.float32)
