"""A second opinion on landmarks: MediaPipe Face Mesh (Kartynnik et al. 2019), 468 points and whether there is a face.

dlib's regression trees lose their way at spectacles, moustaches, beards and hard shadow; this network does not, and
says when it sees no face (a profile, a hand). It runs on the processor on any device: few faces need it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from mfmc_engine import parameters as P
from mfmc_engine.batching.cores import rows_shared_out
from mfmc_engine.geometry import apply, invert, similarity
from mfmc_engine.landmarks import eye_centres
from mfmc_engine.landmarks.crops import cut
from mfmc_engine.onnx_sessions import session
from mfmc_engine.resampling import Picture, on_host
from mfmc_engine.types import Face, FloatArray, Image

WEIGHTS: Final = Path(__file__).parent / "facemesh.onnx"
# The mesh's points that stand for the 68 (iBUG order): jaw, brows, nose, eyes, lips. Jaw and brows are the points
# that lie nearest to dlib's on 700 frontal faces of ../shared/data/lfw, the jaw's kept to the mesh's rim.
# fmt: off
IBUG: Final = (
    127, 234, 93, 132, 172, 136, 149, 148, 152, 377, 378, 365, 397, 361, 323, 454, 356,
    156, 63, 52, 65, 55, 285, 295, 282, 293, 383,
    168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
)
# fmt: on
_NUMBERS: Final = np.array(IBUG)


class FaceMesh:
    """Marks faces whose box is known, and says how sure it is that they are faces."""

    def __init__(self) -> None:
        self.network = session(WEIGHTS, "cpu", 1)

    def mark(self, image: Picture, faces: list[Face]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(N, 68, 2) landmarks in px of ``image``; (N,) probabilities that these are faces, each the lowest of several
        searches that start a little off to each side; (N,) mean distances between what they find, in sizes of the
        face's box."""
        pixels = on_host(image)
        found = [self._searched(pixels, face) for face in faces]
        marks = np.array([marks for marks, _, _ in found], np.float32).reshape(-1, 68, 2)
        certain, apart = (np.array([one[i] for one in found], np.float32) for i in (1, 2))
        return marks, certain, apart

    def _searched(self, image: Image, face: Face) -> tuple[FloatArray, float, float]:
        low, high = face.box[:2], face.box[2:]
        side = float((high - low).max())
        right, left = eye_centres(face.landmarks)
        upright = _axis(left - right)
        centres = (low + high) / 2 + side * np.array(P.FACEMESH_STARTS, np.float32)
        to_crop = np.stack([_square(centre, side, upright) for centre in centres])
        for _ in range(P.FACEMESH_PASSES):  # each looks where the one before has found the face
            points, certain = self._look(image, to_crop)
            to_crop = np.stack([_around(one) for one in points])
        marks = points[:, _NUMBERS]
        apart = np.linalg.norm(marks - marks.mean(0), axis=2).mean() / side
        return marks[0], float(certain.min()), float(apart)

    def _look(self, image: Image, to_crop: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(M, 468, 2) points in px of ``image`` and (M,) probabilities, of squares under (M, 2, 3) transforms."""
        crops = [cut(image, one, P.FACEMESH_SIDE) for one in to_crop]
        batch = np.stack(crops).astype(np.float32) / 255
        points, logits = rows_shared_out(
            lambda part: self.network.run(["points", "presence"], {"input_1": part}), batch
        )
        certain = 1 / (1 + np.exp(-logits[:, 0].astype(np.float64)))
        return apply(invert(to_crop), points[..., :2]), np.asarray(certain, np.float32)


def _axis(from_right_to_left: FloatArray) -> FloatArray:
    """(2,) unit vector along the eyes; along the picture's rows if they lie in one place."""
    length = float(np.linalg.norm(from_right_to_left))
    level = np.array([1, 0], np.float32)
    return np.asarray(from_right_to_left / length if length > 1e-3 else level, np.float32)


def _square(centre: FloatArray, side: float, axis: FloatArray) -> FloatArray:
    """(2, 3) transform to the network's crop of a face ``side`` px long, whose eyes lie along ``axis``."""
    half = axis * side * P.FACEMESH_ZOOM / 2
    ends = np.stack([centre - half, centre + half])
    middle = P.FACEMESH_SIDE / 2
    return similarity(
        np.asarray(ends, np.float32), np.array([[0, middle], [P.FACEMESH_SIDE, middle]], np.float32)
    )


def _around(points: FloatArray) -> FloatArray:
    """(2, 3) transform to the crop in which the mesh (468, 2) would lie straight and in the middle."""
    right, left = eye_centres(points[_NUMBERS])
    axis = _axis(left - right)
    turn = np.stack([axis, [-axis[1], axis[0]]])
    level = points @ turn.T
    low, high = level.min(0), level.max(0)
    return _square(np.asarray((low + high) / 2 @ turn, np.float32), float((high - low).max()), axis)
