"""Shut and lowered eyes: told by what lies between the lids, and given to the decoy by drawing its lids together.

Donors look at the camera. Squeezed into the narrow opening that landmarks find on a shut eye, theirs would peer out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.landmarks import eyelids
from mfmc_engine.swapping import fields, outlines
from mfmc_engine.types import FloatArray

Curve = NDArray[np.float64]  # (N,) places along an eye, or heights there

# Numbers of the landmarks on each upper lid, and of those below them on the lower one.
_UPPER, _LOWER = [37, 38, 43, 44], [41, 40, 47, 46]
_LIDS = [[39, 40, 41, 36], [42, 47, 46, 45]]  # along the lower lids, from the nose outward
_CORNERS = [(36, 39), (42, 45)]


def shut(crops: Tensor, landmarks: Sequence[FloatArray]) -> list[bool]:
    """Whether both eyes of each face are shut, from ``crops`` (B, 3, H, W) and landmarks (68, 2) in crop px.

    Landmarks that lie so near ask a network what it sees: laughing eyes are open.
    """
    return [
        opening(points) <= P.NARROW_OPENING
        and eyelids.opening(fields.to_image(crop), points, P.PLAINLY_OPEN) <= P.SHUT_OPENING
        for crop, points in zip(crops, landmarks, strict=True)
    ]


def opening(landmarks: FloatArray) -> float:
    """Eye aspect ratio (Soukupová and Čech 2016), mean of both eyes."""
    heights = np.linalg.norm(landmarks[_UPPER] - landmarks[_LOWER], axis=1).reshape(2, 2).mean(1)
    widths = np.array([np.linalg.norm(landmarks[a] - landmarks[b]) for a, b in _CORNERS])
    return float((heights / np.maximum(widths, 1e-3)).mean())


def close(landmarks: FloatArray) -> FloatArray:
    """(68, 2) with the upper lids drawn down to the lower ones, so that a mesh stretches their skin over the eyes."""
    closed = landmarks.copy()
    closed[_UPPER] = landmarks[_LOWER]
    return closed


def draw_lids(donors: Tensor, marks: Sequence[FloatArray], closed: Sequence[bool]) -> Tensor:
    """Warped donors (B, 3, H, W) with bare lids, a crease and a line of lashes where ``closed`` eyes meet: a mesh
    squeezes their open eyes to a smear of white, iris and lashes."""
    if not any(closed):
        return donors
    size = donors.shape[-2], donors.shape[-1]

    def drawn(part: Callable[[FloatArray], FloatArray]) -> Tensor:
        masks = fields.rasterise(
            lambda points: [part(points[lid]) for lid in _LIDS], marks, donors.device, size
        )
        return masks * masks.new_tensor(closed)[:, None, None, None]

    bare = 1 - fields.dilate(fields.rasterise(outlines.brow_hair, marks, donors.device, size), P.LID_BROW)
    smear = drawn(_smeared)
    around = fields.dilate(smear, P.LID_AROUND) * (1 - fields.dilate(smear, P.LID_BROW)) * bare
    lids = fields.spread(donors, around, P.LID_SIGMAS)
    donors = donors + (lids - donors) * fields.gaussian(smear * bare, P.LID_FEATHER)
    for part, tone, feather in (
        (_crease, P.CREASE_TONE, P.CREASE_FEATHER),
        (_lashes, P.LASH_TONE, P.LASH_FEATHER),
    ):
        donors = donors + (tone - 1) * lids * fields.gaussian(drawn(part), feather)
    return donors


def _smeared(lid: FloatArray) -> FloatArray:
    """What a squeezed eye, its lashes and the folds at its corner smear over. This and the parts below are outlines
    (N, 2) px beside the lower ``lid`` (4, 2), which runs from the inner corner outward."""
    above, below = P.LID_SMEAR
    places = np.linspace(*P.LID_BEYOND, P.LID_POINTS)
    bulge = np.sqrt(np.sin(np.pi * np.linspace(0, 1, P.LID_POINTS)))
    return _band(lid, places, above * bulge, below * bulge)


def _lashes(lid: FloatArray) -> FloatArray:
    """The line that lids meet in: it swells toward the outer corner and ends there in a point."""
    along = np.linspace(0, 1, P.LID_POINTS)
    swell = P.LASH_WIDTH * (0.3 + 0.7 * np.sin(np.pi * along**1.6)) * np.minimum(1, 8 * (1 - along))
    return _band(lid, along * P.LASH_END, 0.4 * swell, 0.6 * swell)


def _crease(lid: FloatArray) -> FloatArray:
    """The fold of the lid above them, which comes down toward both corners, the outer one more."""
    along = np.linspace(0, 1, P.LID_POINTS)
    width = float(np.linalg.norm(lid[3] - lid[0]))
    rise = P.CREASE_RISE * width * np.sin(np.pi * (0.15 + 0.75 * along))
    half = P.CREASE_WIDTH / 2 * np.sin(np.pi * along)
    return _band(lid, P.CREASE_START + (1 - P.CREASE_START) * along, rise + half, half - rise)


def _band(lid: FloatArray, places: Curve, above: Curve, below: Curve) -> FloatArray:
    """What lies so many px ``above`` and ``below`` a parabola through the lid, at ``places`` in widths of the eye from
    its inner corner (all (N,)); beyond the corners it goes on level."""
    along = lid[3] - lid[0]
    width = max(float(np.linalg.norm(along)), 1e-3)
    along = along / width
    left = np.array([along[1], -along[0]])
    up = left if along[0] > 0 else -left  # one eye's way outward is the other's inward
    curve = np.polyfit((lid - lid[0]) @ along / width, (lid - lid[0]) @ up, 2)
    points = lid[0] + places[:, None] * width * along + np.polyval(curve, places.clip(0, 1))[:, None] * up
    edges = [points + above[:, None] * up, (points - below[:, None] * up)[::-1]]
    return np.concatenate(edges).astype(np.float32)
