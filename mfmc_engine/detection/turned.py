"""MTCNN for photos as they come: large ones on a bounded working picture, turned faces by gated extra passes.

MTCNN finds upright faces (roughly +-30 degrees). Other orientations cost a pass each, so they are first looked for
coarsely, among large faces; only an orientation in which that finds something sure and new gets a full pass.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mfmc_engine.detection import Detection
from mfmc_engine.detection.candidates import Candidates
from mfmc_engine.detection.mtcnn import Cascade
from mfmc_engine.detection.pyramid import Pyramid
from mfmc_engine.geometry import overlap
from mfmc_engine.imaging import resize_to_pixels
from mfmc_engine.parameters import (
    DUPLICATE_OVERLAP,
    MIN_FACE,
    TURNED_LOG_ODDS,
    TURNED_MIN_FACE,
    TURNED_SCORE,
    WORKING_PIXELS,
)
from mfmc_engine.types import FloatArray, Image

QUARTERS = (1, 2, 3)  # counter-clockwise quarter turns of the picture


class TurnedMTCNN:
    """The detector of the builtin pack."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self.cascade = Cascade(folder, device)

    def detect(self, image: Image) -> list[Detection]:
        """The faces of an (H, W, 3) uint8 RGB picture in every orientation, best score first."""
        pyramid = self._pyramid(image)
        upright = found = self.cascade.run(pyramid, MIN_FACE)
        for quarters in QUARTERS:
            turned = self._turned(pyramid.turned(quarters), quarters, found)
            found = found.merged(turned.take(_surer(turned, upright)), DUPLICATE_OVERLAP)
        scale = _scale(image, pyramid)
        faces = zip(found.boxes * np.tile(scale, 2), found.scores, found.points * scale, strict=True)
        return [Detection(box, float(score), points) for box, score, points in faces]

    def locate(self, image: Image, boxes: FloatArray) -> list[Detection]:
        """The five points of faces known to be in (N, 4) boxes, whatever their orientation."""
        if not len(boxes):
            return []
        pyramid = self._pyramid(image)
        scale = _scale(image, pyramid)
        points = self.cascade.points_in(pyramid, boxes / np.tile(scale, 2)) * scale
        return [Detection(box, 1.0, five) for box, five in zip(boxes, points, strict=True)]

    def _pyramid(self, image: Image) -> Pyramid:
        small = np.ascontiguousarray(resize_to_pixels(image, WORKING_PIXELS))
        return Pyramid.of(small, self.cascade.device)

    def _turned(self, turned: Pyramid, quarters: int, known: Candidates) -> Candidates:
        """Faces of the turned picture: a coarse look, then a full pass if that found new ones."""
        found = self._sure(turned, TURNED_MIN_FACE, quarters)
        return self._sure(turned, MIN_FACE, quarters) if _has_new(found, known) else found

    def _sure(self, turned: Pyramid, min_face: float, quarters: int) -> Candidates:
        found = self.cascade.run(turned, min_face)
        return _turn_back(found.take(found.scores > TURNED_SCORE), quarters, turned.size)


def _scale(image: Image, pyramid: Pyramid) -> FloatArray:
    """Pixels of the picture per pixel of its pyramid, x and y."""
    return np.asarray(np.array(image.shape[1::-1], np.float32) / pyramid.size, np.float32)


def _has_new(found: Candidates, known: Candidates) -> bool:
    common = overlap(found.boxes, known.boxes, smaller=True)
    return bool((common.max(1, initial=0) < DUPLICATE_OVERLAP).any())


def _surer(turned: Candidates, upright: Candidates) -> np.ndarray:
    """Which turned readings stand, as a mask: of faces not found upright, or of clearly better odds than upright.

    MTCNN reads some upright faces upside down as well, with a slightly better score and its points all wrong.
    """
    same = overlap(turned.boxes, upright.boxes, smaller=True) > DUPLICATE_OVERLAP
    rival = np.where(same, _log_odds(upright.scores), -np.inf).max(1, initial=-np.inf)
    return np.asarray(_log_odds(turned.scores) > rival + TURNED_LOG_ODDS, bool)


def _log_odds(scores: FloatArray) -> np.ndarray:
    p = np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.asarray(np.log(p / (1 - p)))


def _turn_back(found: Candidates, quarters: int, size: FloatArray) -> Candidates:
    """Candidates of ``np.rot90(image, quarters)``, of ``size`` (width, height), in coordinates of ``image``."""
    width, height = float(size[0]), float(size[1])
    corners, points = found.boxes.reshape(-1, 2, 2), found.points
    for _ in range(quarters):  # a quarter clockwise: what was y px from the top is then y px from the right
        corners, points = (np.stack([height - p[..., 1], p[..., 0]], -1) for p in (corners, points))
        width, height = height, width
    boxes = np.concatenate([corners.min(1), corners.max(1)], 1)
    return Candidates(boxes, found.scores, points)
