"""dlib's 68-point regression trees (Kazemi and Sullivan 2014) on upright, equally sized crops of the faces.

The trees were trained on boxes of dlib's own detector and on upright faces. So each face is first turned upright and
scaled by its five points; there the box they expect always lies in the same place, and points come out with
sub-pixel steps however small or tilted the face is.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import dlib
import numpy as np

from mfmc_engine.errors import WeightsMissingError
from mfmc_engine.geometry import apply, invert, similarity
from mfmc_engine.landmarks import FIVE_POINTS, five_of
from mfmc_engine.landmarks.crops import box_of, cut, to_crop
from mfmc_engine.parameters import LANDMARK_PASSES
from mfmc_engine.resampling import Picture, on_host
from mfmc_engine.types import FloatArray, Image


@cache
def _load(weights: Path) -> dlib.shape_predictor:
    """The trees are 100 MB, nearly a second to read, and nobody changes them: one copy serves every engine."""
    return dlib.shape_predictor(str(weights))


class Dlib68:
    """Marks faces whose eyes, nose tip and mouth corners are known."""

    def __init__(self, weights: Path) -> None:
        try:
            self.predictor = _load(weights)
        except RuntimeError as error:
            raise WeightsMissingError(
                f"{weights} is missing or damaged: pip install --force-reinstall face_recognition_models==0.3.0"
            ) from error
        self.box = dlib.rectangle(*box_of())

    def mark(self, image: Picture, points: FloatArray, passes: int = LANDMARK_PASSES) -> FloatArray:
        """(N, 5, 2) eyes, nose tip and mouth corners to (N, 68, 2) landmarks, both in px of ``image``.

        Each of the ``passes`` aligns the face by the points of the one before; exact five points need only one.
        """
        image = on_host(image)
        landmarks = np.empty((len(points), 68, 2), np.float32)
        for i, five in enumerate(points):
            for _ in range(passes):
                landmarks[i] = self._mark_one(image, five)
                five = five_of(landmarks[i])
        return landmarks

    def _mark_one(self, image: Image, five: FloatArray) -> FloatArray:
        transform = similarity(five, to_crop(FIVE_POINTS))
        shape = self.predictor(cut(image, transform), self.box)
        found = np.array([(part.x, part.y) for part in shape.parts()], np.float32) + 0.5
        return apply(invert(transform), found)
