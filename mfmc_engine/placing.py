"""Whether what stands for a face lies where its box is: the landmarks found for it, and the patch laid over it.

Somebody half behind somebody else may be in a caller's box and found by no detector. What is found around that box is
then the face in front: a decoy by its landmarks would lie on the neighbour, be compared with the neighbour, and leave
whoever the box is drawn around bare.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mfmc_engine import parameters as P
from mfmc_engine.geometry import overlap
from mfmc_engine.landmarks import eye_centres
from mfmc_engine.swapping.patch import Patch
from mfmc_engine.types import Decoy, FloatArray

Flags = NDArray[np.bool_]
Places = NDArray[np.intp]


def covers(patch: Patch | Decoy, box: Sequence[float] | FloatArray) -> bool:
    """Whether nothing shines through a patch in most of the core of a (4,) box, and on every side of its middle."""
    columns, rows, quarters = _core(box)
    height, width = patch.alpha.shape
    across, down = columns - patch.origin[0], rows - patch.origin[1]
    reached = (across >= 0) & (across < width) & (down >= 0) & (down < height)
    opaque = np.zeros(len(columns), bool)
    opaque[reached] = patch.alpha[down[reached], across[reached]] >= P.CORE_OPAQUE
    return _least(opaque, quarters) >= P.QUARTER_COVERED and _share(opaque) >= P.CORE_COVERED


def fits(landmarks: FloatArray, box: Sequence[float] | FloatArray) -> bool:
    """Whether the face of (68, 2) landmarks, with its forehead, lies over the core of a (4,) box, on every side."""
    if not np.isfinite(landmarks).all():
        return False
    columns, rows, quarters = _core(box)
    centres = np.stack([columns, rows], 1) + 0.5
    hull = cv2.convexHull(_outline(landmarks))[:, 0]
    inside = np.ones(len(centres), bool)
    for corner, edge in zip(hull, np.roll(hull, -1, 0) - hull, strict=True):
        away = centres - corner
        inside &= edge[0] * away[:, 1] >= edge[1] * away[:, 0]
    return _least(inside, quarters) >= P.QUARTER_MARKED


def astray(boxes: FloatArray, landmarks: FloatArray, given: Flags) -> Flags:
    """(N,) which of the (N, 68, 2) landmarks are not those of the face in their (N, 4) box.

    In a ``given`` box: which do not fit it. And of two that are the same, whoever gave the boxes, those whose box they
    fill less well; in doubt the later ones.
    """
    lost = np.array(
        [one and not fits(marks, box) for one, marks, box in zip(given, landmarks, boxes, strict=True)], bool
    )
    filled = np.array([_filled(marks, box) for marks, box in zip(landmarks, boxes, strict=True)])
    order = np.argsort(-filled, kind="stable")
    for place, i in enumerate(order):
        better = [j for j in order[:place] if not lost[j]]
        lost[i] |= any(_are_same(landmarks[i], landmarks[j]) for j in better)
    return lost


def nobodys(box: FloatArray) -> FloatArray:
    """(68, 2) landmarks of no face in particular: those of the mean face, upright, as large as a (4,) box takes."""
    mean = np.array(P.MEAN_FACE, np.float32)
    low, high = mean.min(0), mean.max(0)
    scale = ((box[2:] - box[:2]) / (high - low)).min()
    return np.asarray((mean - (low + high) / 2) * scale + (box[:2] + box[2:]) / 2, np.float32)


def _core(box: Sequence[float] | FloatArray) -> tuple[Places, Places, Places]:
    """(N,) columns and rows of the pixels in the core of a (4,) box, and in which quarter of it each lies."""
    x0, y0, x1, y1 = (float(edge) for edge in box)
    rows, columns = np.mgrid[int(np.floor(y0)) : int(np.ceil(y1)), int(np.floor(x0)) : int(np.ceil(x1))]
    # Pixel centres of the whole box, in its own half sides: what a patch does not reach counts as bare.
    across = (columns + 0.5 - (x0 + x1) / 2) / ((x1 - x0) / 2)
    down = (rows + 0.5 - (y0 + y1) / 2) / ((y1 - y0) / 2)
    core = across**2 + down**2 <= P.BOX_CORE**2
    return columns[core], rows[core], (2 * (down[core] > 0) + (across[core] > 0)).astype(np.intp)


def _share(hidden: Flags) -> float:
    """Of a core that is hidden; 1 where a box is too small for a core."""
    return float(hidden.mean()) if len(hidden) else 1.0


def _least(hidden: Flags, quarters: Places) -> float:
    """The share of that quarter of a core of which least is hidden: what lies to one side covers a half well."""
    return min((_share(hidden[quarters == one]) for one in np.unique(quarters)), default=1.0)


def _outline(landmarks: FloatArray) -> FloatArray:
    """(78, 2) points around all that a swap may replace: the landmarks, and the forehead over the brows."""
    left, right = eye_centres(landmarks)
    brows = landmarks[17:27]
    rise = brows.mean(0) - landmarks[33]
    height = P.REGION_FOREHEAD / P.INTEROCULAR * np.linalg.norm(right - left)
    arch = brows + rise / max(float(np.linalg.norm(rise)), 1e-3) * height
    return np.concatenate([landmarks, arch]).astype(np.float32)


def _filled(landmarks: FloatArray, box: FloatArray) -> float:
    """How well landmarks fill a box: intersection over union with theirs; 0 for what is none."""
    if not np.isfinite(landmarks).all():
        return 0.0
    theirs = np.concatenate([landmarks.min(0), landmarks.max(0)])
    return float(overlap(theirs[None], box[None])[0, 0])


def _are_same(landmarks: FloatArray, others: FloatArray) -> bool:
    """Whether two are of one face: nearer on the mean than a share of the distance between its eyes."""
    eyes = [np.linalg.norm(np.subtract(*eye_centres(marks))) for marks in (landmarks, others)]
    apart = np.linalg.norm(landmarks - others, axis=1).mean()
    return bool(apart < P.SAME_LANDMARKS * max(eyes))
