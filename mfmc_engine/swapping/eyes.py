"""Shut and lowered eyes: told by what lies between the lids, and given to the decoy by drawing its lids together.

Donors look at the camera. Squeezed into the narrow opening that landmarks find on a shut eye, theirs would peer out.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.landmarks import eyelids
from mfmc_engine.swapping import fields, outlines
from mfmc_engine.types import FloatArray

# Numbers of the landmarks on each upper lid, and of those below them on the lower one.
_UPPER, _LOWER = [37, 38, 43, 44], [41, 40, 47, 46]
_LIDS = [[36, 41, 40, 39], [42, 47, 46, 45]]  # along the lower lids
_CORNERS = [(36, 39), (42, 45)]


def shut(crops: Tensor, landmarks: Sequence[FloatArray]) -> list[bool]:
    """Whether both eyes of each face are shut, from ``crops`` (B, 3, H, W) and landmarks (68, 2) in crop px.

    Landmarks that lie so near ask a network what it sees: laughing eyes are open.
    """
    return [
        opening(points) <= P.NARROW_OPENING
        and eyelids.opening(fields.to_image(crop), points) <= P.SHUT_OPENING
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
    """Warped donors (B, 3, H, W) with bare lids and a line of lashes where ``closed`` eyes meet: a mesh squeezes their
    open eyes to a smear of white, iris and lashes."""
    if not any(closed):
        return donors
    size = donors.shape[-2], donors.shape[-1]

    def drawn(width: int, beyond: float = 0.0) -> Tensor:
        lines = np.zeros((len(marks), 1, *size), np.uint8)
        for canvas, points, chosen in zip(lines, marks, closed, strict=True):
            for lid in _LIDS if chosen else ():
                line = points[lid]
                longer = (line[[0, -1]] - line[[-1, 0]]) * beyond
                line = np.concatenate([line[:1] + longer[:1], line, line[-1:] + longer[1:]])
                corners = np.round((line - 0.5) * 16).astype(np.int32)
                cv2.polylines(canvas[0], [corners], False, 1, width, shift=4)
        return torch.from_numpy(lines).to(donors)

    smear = drawn(P.LID_WIDTH, P.LID_BEYOND)
    brows = fields.dilate(fields.rasterise(outlines.brow_hair, marks, donors.device, size), P.LASH_WIDTH)
    around = fields.dilate(smear, P.LID_WIDTH) * (1 - fields.dilate(smear, P.LASH_WIDTH)) * (1 - brows)
    lids = fields.spread(donors, around, P.LID_SIGMAS)
    donors = donors + (lids - donors) * fields.gaussian(smear, P.LID_FEATHER)
    return donors + (P.LASH_TONE - 1) * lids * fields.gaussian(drawn(P.LASH_WIDTH), P.LASH_FEATHER)
