"""Boxes with scores and points between the stages of a detector, and how overlapping ones are suppressed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mfmc_engine.geometry import apply, overlap
from mfmc_engine.types import FloatArray


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may be faces, in px of the picture."""

    boxes: FloatArray  # (N, 4)
    scores: FloatArray  # (N,) in [0, 1]
    points: FloatArray  # (N, 5, 2)

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, keep: np.ndarray) -> Candidates:
        """The candidates of these indices (or of this mask), in that order."""
        return Candidates(self.boxes[keep], self.scores[keep], self.points[keep])

    def moved(self, transform: FloatArray) -> Candidates:
        """The candidates under a (2, 3) similarity; boxes keep their orientation about their moved centres.

        At odd quarter turns their sides change places; in between a box stays as wide and high as its face sees itself.
        """
        size = float(np.hypot(transform[0, 0], transform[0, 1]))
        half = (self.boxes[:, 2:] - self.boxes[:, :2]) / 2 * size
        if abs(transform[0, 0]) < abs(transform[0, 1]):
            half = half[:, ::-1]
        centre = apply(transform, np.asarray((self.boxes[:, :2] + self.boxes[:, 2:]) / 2, np.float32))
        boxes = np.asarray(np.concatenate([centre - half, centre + half], 1), np.float32)
        return Candidates(boxes, self.scores, apply(transform, self.points))

    def merged(self, other: Candidates, limit: float) -> Candidates:
        """Both, best score first, without those that share over ``limit`` of the smaller box with a better one."""
        both = self.joined(other)
        return both.take(suppress(both.boxes, both.scores, limit, smaller=True))

    def joined(self, other: Candidates) -> Candidates:
        """These, then the others."""
        return Candidates(
            np.concatenate([self.boxes, other.boxes]),
            np.concatenate([self.scores, other.scores]),
            np.concatenate([self.points, other.points]),
        )


def suppress(boxes: FloatArray, scores: FloatArray, limit: float, smaller: bool = False) -> np.ndarray:
    """Greedy non-maximum suppression: the indices kept, best score first.

    ``limit`` is an intersection over union, or over the smaller box if ``smaller``.
    """
    if not smaller:
        sizes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
        return np.asarray(cv2.dnn.NMSBoxes(sizes.tolist(), scores.tolist(), 0.0, limit), np.int64).reshape(-1)
    common = overlap(boxes, boxes, smaller=True) > limit
    kept: list[int] = []
    for i in np.argsort(-scores, kind="stable"):
        if not common[i, kept].any():
            kept.append(int(i))
    return np.array(kept, np.int64)


def to_squares(boxes: FloatArray) -> FloatArray:
    """Boxes grown about their centres to their longer sides."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = np.max(boxes[:, 2:] - boxes[:, :2], 1, keepdims=True, initial=0) / 2
    return np.concatenate([centre - half, centre + half], 1)


def regress(boxes: FloatArray, offsets: FloatArray) -> FloatArray:
    """Move each corner by its offset in box sizes."""
    size = boxes[:, 2:] - boxes[:, :2]
    return boxes + offsets * np.concatenate([size, size], 1)
