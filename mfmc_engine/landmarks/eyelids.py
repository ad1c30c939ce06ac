"""How far eyes are open, and lids hang: MediaPipe Iris (Ablavatski et al. 2020), the contour of one eye's lids.

dlib's regression trees put the lids of some thirty in a thousand faces as near as if they were shut, most of them open;
this network, which sees nothing but one eye, does so where they are. It runs on the processor on any device: few eyes
are that narrow.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import numpy as np

from mfmc_engine import parameters as P
from mfmc_engine.geometry import similarity
from mfmc_engine.landmarks import EYES
from mfmc_engine.landmarks.crops import cut
from mfmc_engine.onnx_sessions import session
from mfmc_engine.types import FloatArray, Image

WEIGHTS: Final = Path(__file__).parent / "eyelids.onnx"
# Points of the network's contour: corners, and the middle of the lower lid and of the upper one above it
_CORNERS: Final = (0, 8)
_LOWER, _UPPER = slice(3, 6), slice(11, 14)


def openness(image: Image, landmarks: FloatArray, enough: float = math.inf) -> float:
    """Height of the opening between the lids over its width, less how far both lids hang in their middle below the
    line between the corners; mean of both eyes. (H, W, 3) RGB, (68, 2) landmarks in px of it.

    Lids that are shut or lowered hang; those that laughter narrows rise. Each eye is seen as it is and mirrored: the
    network has learned one side's. Eyes that are open ``enough`` as they are are not mirrored.
    """
    seen = np.stack([_cut(image, landmarks[part]) for part in EYES])
    found = _openness(seen)
    return found if found > enough else (found + _openness(seen[:, :, ::-1])) / 2


def _openness(eyes: Image) -> float:
    """Mean over eyes (2, S, S, 3) as the network sees them."""
    batch = eyes.astype(np.float32) / 255
    contours = session(WEIGHTS, "cpu", 1).run(["contours"], {"input_1": batch})[0][..., :2]
    corner, along = contours[:, _CORNERS[0]], contours[:, _CORNERS[1]] - contours[:, _CORNERS[0]]
    width = np.maximum(np.linalg.norm(along, axis=1), 1)
    down = np.stack([-along[:, 1], along[:, 0]], 1) / width[:, None]
    lower, upper = contours[:, _LOWER], contours[:, _UPPER]
    height = np.linalg.norm(lower - upper, axis=2).mean(1)
    hanging = (((lower + upper).mean(1) - 2 * corner) * down).sum(1)
    return float(((height - hanging) / width).mean())


def _cut(image: Image, eye: FloatArray) -> Image:
    """The square that the network expects of one eye (6, 2): its corners level and in the middle."""
    side = P.EYELIDS_SIDE
    half = side / 2 / P.EYELIDS_ZOOM
    ends = np.array([[side / 2 - half, side / 2], [side / 2 + half, side / 2]], np.float32)
    return cut(image, similarity(eye[[0, 3]], ends), side)
