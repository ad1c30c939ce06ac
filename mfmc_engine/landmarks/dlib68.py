"""dlib's 68-point regression trees (Kazemi and Sullivan 2014) on upright, equally sized crops of the faces.

The trees were trained on boxes of dlib's own detector and on upright faces. So each face is first turned upright and
scaled by its five points; there the box they expect always lies in the same place, and points come out with
sub-pixel steps however small or tilted the face is.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import dlib
import numpy as np

from mfmc_engine.errors import WeightsMissingError
from mfmc_engine.geometry import apply, index_space, invert, similarity
from mfmc_engine.landmarks import FIVE_POINTS, five_of
from mfmc_engine.parameters import LANDMARK_BOX, LANDMARK_CROP, LANDMARK_PASSES
from mfmc_engine.types import FloatArray, Image


class Dlib68:
    """Marks faces whose eyes, nose tip and mouth corners are known."""

    def __init__(self, weights: Path) -> None:
        try:
            self.predictor = dlib.shape_predictor(str(weights))
        except RuntimeError as error:
            raise WeightsMissingError(
                f"{weights} is missing or damaged: pip install --force-reinstall face_recognition_models==0.3.0"
            ) from error
        low, high = _to_crop(np.array([LANDMARK_BOX[:2], LANDMARK_BOX[2:]], np.float32)).round().astype(int)
        self.box = dlib.rectangle(int(low[0]), int(low[1]), int(high[0]) - 1, int(high[1]) - 1)

    def mark(self, image: Image, points: FloatArray, passes: int = LANDMARK_PASSES) -> FloatArray:
        """(N, 5, 2) eyes, nose tip and mouth corners to (N, 68, 2) landmarks, both in px of ``image``.

        Each of the ``passes`` aligns the face by the points of the one before; exact five points need only one.
        """
        landmarks = np.empty((len(points), 68, 2), np.float32)
        for i, five in enumerate(points):
            for _ in range(passes):
                landmarks[i] = self._mark_one(image, five)
                five = five_of(landmarks[i])
        return landmarks

    def _mark_one(self, image: Image, five: FloatArray) -> FloatArray:
        to_crop = similarity(five, _to_crop(FIVE_POINTS))
        crop = cv2.warpAffine(
            image,
            index_space(to_crop),
            (LANDMARK_CROP, LANDMARK_CROP),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        shape = self.predictor(crop, self.box)
        found = np.array([(part.x, part.y) for part in shape.parts()], np.float32) + 0.5
        return apply(invert(to_crop), found)


def _to_crop(unit: FloatArray) -> FloatArray:
    """Positions in the unit face square to px of the crop, in whose middle half the square lies."""
    return np.asarray((unit / 2 + 0.25) * LANDMARK_CROP, np.float32)
