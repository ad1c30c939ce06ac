"""The plain fallback: a coarse mosaic over the whole head, made useless to recognisers.

A mosaic alone can be matched by a network trained on mosaics (McPherson et al. 2016, "Defeating image obfuscation
with deep learning"). So there are only a few cells, their colours change places at random, and each gets noise.
What is left of the face is a handful of colours without their places.
"""

from __future__ import annotations

import cv2
import numpy as np

from mfmc_engine import parameters as P
from mfmc_engine.swapping.patch import Patch
from mfmc_engine.types import Face, FloatArray, Image


def redact(image: Image, face: Face, random: np.random.Generator) -> Patch:
    """A soft elliptic mosaic over the head of ``face`` (box and landmarks together, grown)."""
    height, width = image.shape[:2]
    centre, axes = _ellipse(face)
    x0, y0 = np.clip(
        np.floor(centre - axes * (1 + P.REDACTION_FEATHER)).astype(int), 0, [width - 1, height - 1]
    )
    x1, y1 = np.ceil(centre + axes * (1 + P.REDACTION_FEATHER)).astype(int)
    x1, y1 = int(np.clip(x1, x0 + 1, width)), int(np.clip(y1, y0 + 1, height))
    pixels = _mosaic(image[y0:y1, x0:x1], random)
    ys, xs = np.mgrid[y0:y1, x0:x1].astype(np.float32) + 0.5
    radius = np.sqrt(((xs - centre[0]) / axes[0]) ** 2 + ((ys - centre[1]) / axes[1]) ** 2)
    alpha = np.clip((1 + P.REDACTION_FEATHER - radius) / P.REDACTION_FEATHER, 0, 1)
    cover = np.round(alpha * 255).astype(np.uint8)
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


def _mosaic(region: Image, random: np.random.Generator) -> Image:
    height, width = region.shape[:2]
    columns = min(P.REDACTION_CELLS, width)
    rows = min(max(1, round(P.REDACTION_CELLS * height / width)), height, 2 * P.REDACTION_CELLS)
    cells = cv2.resize(region, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    flat = cells.reshape(-1, 3)
    shuffled = flat[random.permutation(len(flat))]
    # Pulling the cells toward their mean calms the mosaic down; places are gone all the same.
    mixed = P.REDACTION_CALM * flat.mean(0) + (1 - P.REDACTION_CALM) * shuffled
    mixed += random.normal(0, P.REDACTION_NOISE, (len(flat), 1))
    coarse = np.round(mixed.clip(0, 255)).astype(np.uint8).reshape(rows, columns, 3)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
