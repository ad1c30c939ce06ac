"""The upright, equally sized crops that dlib's forest sees, and where the face lies in them."""

from __future__ import annotations

import cv2
import numpy as np

from mfmc_engine.geometry import index_space
from mfmc_engine.parameters import LANDMARK_BOX, LANDMARK_CROP
from mfmc_engine.types import FloatArray, Image


def to_crop(unit: FloatArray) -> FloatArray:
    """Positions in the unit face square to px of the crop, in whose middle half the square lies."""
    return np.asarray((unit / 2 + 0.25) * LANDMARK_CROP, np.float32)


def box_of() -> tuple[int, int, int, int]:
    """Left, top, right, bottom pixel indices of the box that dlib's detector would find; right and bottom inside."""
    low, high = to_crop(np.array([LANDMARK_BOX[:2], LANDMARK_BOX[2:]], np.float32)).round().astype(int)
    return int(low[0]), int(low[1]), int(high[0]) - 1, int(high[1]) - 1


def cut(image: Image, transform: FloatArray, side: int = LANDMARK_CROP, width: int | None = None) -> Image:
    """(``side``, ``width``, 3) crop, as wide as high without a ``width``, under a (2, 3) transform from px of the
    picture to px of the crop."""
    crop = cv2.warpAffine(
        image,
        index_space(transform),
        (width or side, side),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(crop, np.uint8)
