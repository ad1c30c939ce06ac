"""Marking faces with 68 points. One module per network; each answers the same small protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from mfmc_engine import parameters as P
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


# Both eyes' points: corner, two of the upper lid, corner, two of the lower one
EYES: Final = (slice(36, 42), slice(42, 48))


def eye_centres(landmarks: FloatArray) -> FloatArray:
    """(..., 68, 2) landmarks to (..., 2, 2) centres of both eyes, the picture's left one first."""
    return np.stack([landmarks[..., eye, :].mean(-2) for eye in EYES], -2)


def five_of(landmarks: FloatArray) -> FloatArray:
    """(..., 68, 2) landmarks to (..., 5, 2) eye centres, nose tip and mouth corners."""
    return np.concatenate([eye_centres(landmarks), landmarks[..., [30, 48, 54], :]], -2)


def arcface_template(size: int) -> FloatArray:
    """(5, 2) px of a square crop of ``size`` px where insightface puts eyes, nose tip and mouth corners.

    From insightface's ``face_align.estimate_norm``, with pixel centres at .5. Raises ValueError for a size it has no
    rule for.
    """
    if size % P.ARCFACE_CROP and size % P.ARCFACE_WIDE_CROP:
        multiples = f"{P.ARCFACE_CROP} or {P.ARCFACE_WIDE_CROP}"
        raise ValueError(f"aligned crops are a multiple of {multiples} px wide, not {size}")
    wide = bool(size % P.ARCFACE_CROP)
    scale = size / (P.ARCFACE_WIDE_CROP if wide else P.ARCFACE_CROP)
    moved = np.array(P.ARCFACE_POINTS) + [P.ARCFACE_WIDE_SHIFT if wide else 0.0, 0.0]
    return np.asarray(moved * scale + 0.5, np.float32)
