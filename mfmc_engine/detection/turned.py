"""MTCNN for photos as they come: large ones on a bounded working picture, turned faces by gated extra passes.

MTCNN finds upright faces (roughly +-30 degrees). Other orientations cost a pass each, so they are first looked for
coarsely, among large faces; only an orientation in which that finds something sure and new gets a full pass.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mfmc_engine.detection import Detection
from mfmc_engine.detection.candidates import Candidates
from mfmc_engine.detection.mtcnn import Cascade, Effort
from mfmc_engine.detection.pyramid import Pyramid
from mfmc_engine.geometry import apply, invert, overlap
from mfmc_engine.imaging import resize_to_pixels
from mfmc_engine.parameters import (
    DIAGONAL_ROLL,
    DUPLICATE_OVERLAP,
    SETTLED_SCORE,
    SURE_SCORE,
    TURNED_DOUBTFUL_SCORE,
    TURNED_GLIMPSE,
    TURNED_LOG_ODDS,
    TURNED_MIN_FACE,
    TURNED_PNET,
    TURNED_RNET,
    TURNED_SCORE,
    WORKING_PIXELS,
)
from mfmc_engine.types import FloatArray, Image

FULL = Effort()
COARSE = Effort(
    TURNED_MIN_FACE, pnet=TURNED_PNET, rnet=TURNED_RNET, glimpse=TURNED_GLIMPSE, doubt=TURNED_DOUBTFUL_SCORE
)
QUARTERS = (1, 2, 3)  # counter-clockwise quarter turns of the picture


class TurnedMTCNN:
    """The detector of the builtin pack."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self.cascade = Cascade(folder, device)

    def detect(self, image: Image) -> list[Detection]:
        """The faces of an (H, W, 3) uint8 RGB picture in every orientation, best score first."""
        pyramid = self._pyramid(image)
        found = self.cascade.run(pyramid, FULL)
        for quarters in QUARTERS:
            found = self._with_turned(pyramid, quarters, found)
        for degrees, main in _diagonals(found):
            found = self._with_diagonal(pyramid, degrees, main, found)
        scale = _scale(image, pyramid)
        faces = zip(found.boxes * np.tile(scale, 2), found.scores, found.points * scale, strict=True)
        return [Detection(box, float(score), points) for box, score, points in faces]

    def locate(self, image: Image, boxes: FloatArray) -> list[Detection]:
        """The five points of faces known to be in (N, 4) boxes, whatever their orientation."""
        if not len(boxes):
            return []
        pyramid = self._pyramid(image)
        scale = _scale(image, pyramid)
        points = self.cascade.points_in(pyramid, np.asarray(boxes / np.tile(scale, 2), np.float32)) * scale
        return [Detection(box, 1.0, five) for box, five in zip(boxes, points, strict=True)]

    def _pyramid(self, image: Image) -> Pyramid:
        small = np.ascontiguousarray(resize_to_pixels(image, WORKING_PIXELS))
        return Pyramid.of(small, self.cascade.device)

    def _with_turned(self, pyramid: Pyramid, quarters: int, known: Candidates) -> Candidates:
        """The known faces and those of one more orientation: a coarse look, then a full pass if that found new ones."""
        turned = pyramid.turned(90 * quarters)
        settled = turn(known.take(known.scores >= SETTLED_SCORE), quarters, pyramid.size)

        def run(effort: Effort) -> Candidates:
            return turn(self.cascade.run(turned, effort, settled.boxes), -quarters, turned.size)

        found = run(COARSE)
        found = found.take(found.scores >= TURNED_SCORE)
        if _has_new(found, known):
            found = run(FULL)
            if (found.scores >= SURE_SCORE).sum() > (known.scores >= SURE_SCORE).sum():
                # most faces stand this way, the photo lies on its side: now the earlier readings need to be sure
                return found.merged(known.take(known.scores >= TURNED_SCORE), DUPLICATE_OVERLAP)
            found = found.take(found.scores >= TURNED_SCORE)
        return known.merged(found.take(_surer(found, known)), DUPLICATE_OVERLAP)

    def _with_diagonal(self, pyramid: Pyramid, degrees: float, main: bool, known: Candidates) -> Candidates:
        """The known faces and those of one orientation between the quarters."""
        turned = pyramid.turned(degrees)
        transform = turned.transform
        settled = _move(known.take(known.scores >= SETTLED_SCORE), transform)
        effort = FULL if main else COARSE
        found = _move(self.cascade.run(turned, effort, settled.boxes), invert(transform))
        if main:
            return found.merged(known.take(known.scores >= TURNED_SCORE), DUPLICATE_OVERLAP)
        found = found.take(found.scores >= TURNED_SCORE)
        return known.merged(found.take(_surer(found, known)), DUPLICATE_OVERLAP)


def _diagonals(found: Candidates) -> list[tuple[float, bool]]:
    """Orientations between the quarters in which sure faces stand, and whether most of them do, in degrees.

    A face there is found by the passes on both sides, or one, or none: where one was found others may be missed.
    """
    sure = found.points[found.scores >= SURE_SCORE]
    eyes = sure[:, 1] - sure[:, 0]
    roll = np.degrees(np.arctan2(eyes[:, 1], eyes[:, 0])) % 360
    nearest = (roll // 90) * 90 + 45
    counts = {float(d): int((np.abs(roll - d) <= 45 - DIAGONAL_ROLL).sum()) for d in np.unique(nearest)}
    return [(degrees, count > len(sure) / 2) for degrees, count in counts.items() if count]


def _scale(image: Image, pyramid: Pyramid) -> FloatArray:
    """Pixels of the picture per pixel of its pyramid, x and y."""
    return np.asarray(np.array(image.shape[1::-1], np.float32) / pyramid.size, np.float32)


def _has_new(found: Candidates, known: Candidates) -> bool:
    common = overlap(found.boxes, known.boxes, smaller=True)
    return bool((common.max(1, initial=0) < DUPLICATE_OVERLAP).any())


def _surer(turned: Candidates, known: Candidates) -> np.ndarray:
    """Which turned readings stand, as a mask: of new faces, or of clearly better odds than the known reading.

    MTCNN reads some upright faces upside down as well, with a slightly better score and its points all wrong.
    """
    same = overlap(turned.boxes, known.boxes, smaller=True) > DUPLICATE_OVERLAP
    rival = np.where(same, _log_odds(known.scores), -np.inf).max(1, initial=-np.inf)
    return np.asarray(_log_odds(turned.scores) > rival + TURNED_LOG_ODDS, bool)


def _log_odds(scores: FloatArray) -> np.ndarray:
    p = np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.asarray(np.log(p / (1 - p)))


def _move(found: Candidates, transform: FloatArray) -> Candidates:
    """Candidates under a turn by any angle; boxes keep their sizes about their moved centres."""
    half = (found.boxes[:, 2:] - found.boxes[:, :2]) / 2
    centre = apply(transform, np.asarray((found.boxes[:, :2] + found.boxes[:, 2:]) / 2, np.float32))
    boxes = np.concatenate([centre - half, centre + half], 1)
    return Candidates(boxes, found.scores, apply(transform, found.points))


def turn(found: Candidates, quarters: int, size: FloatArray) -> Candidates:
    """Candidates of a picture of ``size`` (width, height) where ``np.rot90(picture, quarters)`` shows them."""
    width, height = float(size[0]), float(size[1])
    corners, points = found.boxes.reshape(-1, 2, 2), found.points
    for _ in range(
        quarters % 4
    ):  # counter-clockwise: what was x px from the left is then x px from the bottom
        corners, points = (np.stack([p[..., 1], width - p[..., 0]], -1) for p in (corners, points))
        width, height = height, width
    boxes = np.concatenate([corners.min(1), corners.max(1)], 1)
    return Candidates(boxes, found.scores, points)
