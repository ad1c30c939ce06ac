"""The plain fallback: a head so far out of focus that nothing of the face is left but its colour.

A blur or a mosaic can be matched by a network trained on blurs or mosaics (McPherson et al. 2016, "Defeating image
obfuscation with deep learning"), because it is worked out from all pixels of the face. This is drawn from a handful of
numbers instead: the face's mean colour, made uncertain by noise; and the colours around the head by direction, a
Fourier series of second order, which are to be seen beside it anyway. Nothing finer is kept, so there is nothing to
undo, and what is painted over a neighbour cannot show them either.
"""

from __future__ import annotations

import cv2
import numpy as np

from mfmc_engine import parameters as P
from mfmc_engine.swapping.patch import Patch
from mfmc_engine.types import Face, FloatArray, Image


def redact(image: Image, face: Face, random: np.random.Generator) -> Patch:
    """A smooth field over the head of ``face`` (box and landmarks together, grown) that fades into the photo."""
    height, width = image.shape[:2]
    centre, axes = _ellipse(face)
    x0, y0 = np.clip(
        np.floor(centre - axes * (1 + P.REDACTION_FEATHER)).astype(int), 0, [width - 1, height - 1]
    )
    x1, y1 = np.ceil(centre + axes * (1 + P.REDACTION_FEATHER)).astype(int)
    x1, y1 = int(np.clip(x1, x0 + 1, width)), int(np.clip(y1, y0 + 1, height))
    region = image[y0:y1, x0:x1]
    ys, xs = np.mgrid[y0:y1, x0:x1].astype(np.float32) + 0.5
    across, down = (xs - centre[0]) / axes[0], (ys - centre[1]) / axes[1]
    field = _field(region, across, down, random)
    field += random.normal(0, _grain(region), field.shape[:2])[..., None]
    radius = np.hypot(across, down)
    alpha = _smoothstep((1 + P.REDACTION_FEATHER - radius) / P.REDACTION_FEATHER)
    cover = np.round(alpha * 255).astype(np.uint8)
    pixels = np.round(field.clip(0, 255)).astype(np.uint8)
    pixels[cover == 0] = 0
    return Patch((int(x0), int(y0)), pixels, cover)


def _ellipse(face: Face) -> tuple[FloatArray, FloatArray]:
    """Centre and half axes (px) of an ellipse over the whole head: all of the box, and of the landmarks if sane."""
    low, high = face.box[:2].astype(np.float32), face.box[2:].astype(np.float32)
    side = float((high - low).max())
    marks = face.landmarks
    if np.isfinite(marks).all() and (np.abs(marks - (low + high) / 2) < 1.5 * side).all():
        low, high = np.minimum(low, marks.min(0)), np.maximum(high, marks.max(0))
    centre = (low + high) / 2
    # An ellipse through a rectangle's corners is sqrt(2) times its half sides; heads have no corners.
    return centre.astype(np.float32), ((high - low) / 2 * P.REDACTION_GROWTH).astype(np.float32)


def _field(region: Image, across: FloatArray, down: FloatArray, random: np.random.Generator) -> FloatArray:
    """(h, w, 3) colours, from the face's in the middle to those around the head at its edge.

    ``across`` and ``down`` (h, w): places in half axes of the ellipse, from its centre.
    """
    radius, angle = np.hypot(across, down), np.arctan2(down, across)
    pixels = region.astype(np.float32)
    skin = radius < P.REDACTION_SKIN
    colour = pixels[skin].mean(0) if skin.any() else pixels.mean((0, 1))
    colour = colour + random.normal(0, P.REDACTION_NOISE) + random.normal(0, P.REDACTION_TINT, 3)
    turns = [f(n * angle) for n in (1, 2) for f in (np.cos, np.sin)]
    series = np.stack([np.ones_like(angle), *turns], -1)
    outside = (radius > 1) & (radius < P.REDACTION_AROUND)
    around = _fitted(series[outside], pixels[outside], colour)
    around[0] += P.REDACTION_CALM * (colour - around[0])
    around[1:] *= 1 - P.REDACTION_CALM
    around += random.normal(0, P.REDACTION_AROUND_NOISE, (len(around), 1))
    inward = np.asarray((1 - radius) / (1 - P.REDACTION_CENTRE), np.float32)
    share = _smoothstep(inward)[..., None]
    return np.asarray(share * colour + (1 - share) * (series @ around), np.float32)


def _fitted(basis: FloatArray, colours: FloatArray, expected: FloatArray) -> FloatArray:
    """(K, 3) coefficients of (N, K) ``basis`` for (N, 3) ``colours``, by ridge regression: where pixels are few or lie
    on one side only (at the picture's edge), coefficients stay small and the first near ``expected``."""
    prior = np.zeros((basis.shape[1], 3), np.float64)
    prior[0] = expected
    weight = np.full(basis.shape[1], P.REDACTION_RIDGE * max(len(basis), 1))
    weight[0] = 1e-3
    normal = basis.T.astype(np.float64) @ basis + np.diag(weight)
    return np.linalg.solve(normal, basis.T @ colours + weight[:, None] * prior).astype(np.float32)


def _grain(region: Image) -> float:
    """Standard deviation of the photo's noise, grey levels, from the difference of two Laplacians (Immerkaer 1996)."""
    grey = np.asarray(region.astype(np.float32) @ np.array(P.LUMA, np.float32), np.float32)
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = np.abs(cv2.filter2D(grey, cv2.CV_32F, kernel))
    return min(float(np.median(response)) / (0.6745 * 6), P.GRAIN_LARGEST)


def _smoothstep(value: FloatArray) -> FloatArray:
    value = value.clip(0, 1)
    return np.asarray(value * value * (3 - 2 * value), np.float32)
