"""Where the eyes look, roughly: how far the dark of the iris lies off the middle between the corners of the eye."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mfmc_engine import parameters as P
from mfmc_engine.landmarks import EYES
from mfmc_engine.types import FloatArray, Image

SIDE = 32  # px between the corners of the upright eye crop


def gaze(image: Image, landmarks: FloatArray) -> NDArray[np.float64]:
    """(2,) mean offset of both irises in eye widths, along and across the line between the corners of the eye.

    The iris is taken for the centroid of the darkest GAZE_DARK of the pixels between the lids, weighted by how dark
    they are (Timm and Barth 2011 use gradients instead; on eyes of 20 px both are rough).
    """
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    return np.mean([_offset(grey, np.asarray(landmarks[eye], np.float64)) for eye in EYES], 0)


def _offset(grey: NDArray[np.uint8], eye: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2,) offset of one iris; ``eye`` (6, 2) px, corners first and fourth."""
    left, right = eye[0], eye[3]
    axis = right - left
    width = float(np.linalg.norm(axis))
    if width < 1:
        return np.zeros(2)
    scale, (cosine, sine) = SIDE / width, axis / width
    linear = scale * np.array([[cosine, sine], [-sine, cosine]])
    centre = np.array([SIDE, SIDE / 2])
    shift = centre - linear @ ((left + right) / 2)
    crop = cv2.warpAffine(
        grey, np.column_stack([linear, shift]), (2 * SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE
    ).astype(np.float64)
    outline = (eye @ linear.T + shift).round().astype(np.int32)
    lids = cv2.fillPoly(np.zeros(crop.shape, np.uint8), [outline], 1) > 0
    if not lids.any():
        return np.zeros(2)
    dark = np.clip(np.quantile(crop[lids], P.GAZE_DARK) - crop, 0, None) * lids
    total = float(dark.sum())
    if total <= 0:
        return np.zeros(2)
    ys, xs = np.mgrid[: crop.shape[0], : crop.shape[1]]
    iris = np.array([(dark * xs).sum(), (dark * ys).sum()]) / total
    return np.asarray((iris - centre) / SIDE)
