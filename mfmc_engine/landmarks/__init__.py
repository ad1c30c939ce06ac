"""Marking faces with 68 points. One module per network; each answers the same small protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from mfmc_engine.parameters import LANDMARK_PASSES
from mfmc_engine.types import FloatArray

if TYPE_CHECKING:  # web processes get along without torch
    from mfmc_engine.resampling import Picture


class Landmarker(Protocol):
    """Anything that marks faces with 68 points (iBUG order)."""

    def mark(self, image: Picture, points: FloatArray, passes: int = LANDMARK_PASSES) -> FloatArray:
        """(N, 5, 2) eyes, nose tip and mouth corners to (N, 68, 2) landmarks, both in px of ``image``.

        Each of the ``passes`` aligns the face by the points of the one before; exact five points need only one.
        """
        ...


# The mean face's eyes, nose tip and mouth corners (x, y) in dlib's unit face square (see recognition/chips.py)
FIVE_POINTS: Final = np.array(
    [[0.2255, 0.2160], [0.7548, 0.2160], [0.4901, 0.5156], [0.2541, 0.7802], [0.7261, 0.7802]], np.float32
)


def five_of(landmarks: FloatArray) -> FloatArray:
    """(..., 68, 2) landmarks to (..., 5, 2) eye centres, nose tip and mouth corners."""
    eyes = [landmarks[..., 36:42, :].mean(-2), landmarks[..., 42:48, :].mean(-2)]
    return np.stack([*eyes, landmarks[..., 30, :], landmarks[..., 48, :], landmarks[..., 54, :]], -2)
