"""A second opinion on what CenterFace takes for a face, and where exactly it and its points are: MTCNN's R- and O-net.

CenterFace sees a face in its surroundings, they the window alone. The O-net looks at a window as it is and mirrored;
where it is sure both times, it is a face, whatever surrounds it. Else the R-net looks a dozen times, at the window
larger, smaller and shifted, because one answer of such a network on one crop is noisy, and the score is a logistic
regression on its mean and CenterFace's heat, fitted so that it is the share of faces among such windows (``fit``).
What seems no face by that is looked at once more (``closer``): it may be one behind a mask.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mfmc_engine.detection.candidates import Candidates, regress, suppress, to_squares
from mfmc_engine.detection.pyramid import Pyramid
from mfmc_engine.geometry import overlap, sizes
from mfmc_engine.parameters import (
    CHANCE_BIAS,
    CLOSER_LEAST,
    CLOSER_SMALLEST,
    COLD_APART,
    COLD_OPINION,
    COLD_SUPPORT,
    DOUBTFUL_LIMIT,
    DUPLICATE_OVERLAP,
    FACE_SCORE,
    HEAT_WEIGHT,
    LEAST_HEAT,
    LOCATE_ZOOMS,
    SUPPORT_SHIFT,
    SUPPORT_WEIGHT,
    SUPPORT_ZOOMS,
    SURE_SCORE,
    TRUSTED_OPINION,
)
from mfmc_engine.types import FloatArray

Refiner = Callable[[Tensor], tuple[Tensor, Tensor]]  # networks.RNet
Locator = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]  # networks.ONet
# Which of (N, 4) boxes hold a face after all, as a mask: closer.faces
Closer = Callable[[FloatArray], np.ndarray]


class View(NamedTuple):
    """One way to look at a window: its size and shift in window sizes, mirrored or not."""

    zoom: float = 1.0
    dx: float = 0.0
    dy: float = 0.0
    mirrored: bool = False

    def of(self, squares: FloatArray) -> FloatArray:
        """The (N, 4) squares to cut for this view of the windows; mirrored ones have x0 > x1."""
        size = squares[:, 2:3] - squares[:, :1]
        centre = (squares[:, :2] + squares[:, 2:]) / 2 + size * np.array([self.dx, self.dy], np.float32)
        half = size * self.zoom / 2 * np.array([-1 if self.mirrored else 1, 1], np.float32)
        return np.concatenate([centre - half, centre + half], 1).astype(np.float32)


BOTH_WAYS: Final = (View(), View(mirrored=True))
SUPPORT: Final = (
    *(View(zoom, mirrored=m) for zoom in SUPPORT_ZOOMS for m in (False, True)),
    *(View(1.0, dx * SUPPORT_SHIFT, dy * SUPPORT_SHIFT) for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))),
)


class Evidence(NamedTuple):
    """N windows that may be faces."""

    candidates: (
        Candidates  # scores: CenterFace's heat; boxes and points the O-net's where it sees a face at all
    )
    opinion: FloatArray  # (N,) the O-net's mean probability
    support: FloatArray  # (N,) the R-net's; 1 where the O-net is sure, 0 where it is not asked
    sure: np.ndarray  # (N,) whether both of the O-net's looks are

    def judged(self) -> Candidates:
        """The faces, best score first. A doubtful one never scores as a sure one does."""
        doubtful = np.minimum(chance(self.candidates.scores, self.support), np.float32(DOUBTFUL_LIMIT))
        scores = np.where(self.sure, self.opinion, doubtful).astype(np.float32)
        # though CenterFace is cold, both others see a face
        odd = (self.opinion >= COLD_OPINION) & (self.support >= COLD_SUPPORT) & (scores < FACE_SCORE)
        scores[odd & self._away(self.candidates.boxes[scores >= FACE_SCORE])] = FACE_SCORE
        return self._faces(scores)

    def hidden(self, closer: Closer, known: FloatArray) -> Candidates:
        """The faces that only a ``closer`` look shows, away from the (M, 4) ``known`` ones."""
        large, warm = sizes(self.candidates.boxes) >= CLOSER_SMALLEST, self.candidates.scores >= CLOSER_LEAST
        left = self._away(known) & large & warm
        scores = np.zeros(len(left), np.float32)
        if left.any():
            scores[left] = np.where(closer(self.candidates.boxes[left]), FACE_SCORE, 0)
        return self._faces(scores)

    def _faces(self, scores: FloatArray) -> Candidates:
        """The windows whose (N,) scores are those of faces, best first, one a face."""
        boxes = self.candidates.boxes
        keep = suppress(boxes, scores, DUPLICATE_OVERLAP, smaller=True)
        keep = keep[scores[keep] >= FACE_SCORE]
        return Candidates(boxes[keep], scores[keep], self.candidates.points[keep])

    def _away(self, others: FloatArray) -> np.ndarray:
        """Which windows are not near any of the (M, 4) others, as a mask."""
        near = overlap(self.candidates.boxes, others, smaller=True).max(1, initial=0)
        return np.asarray(near <= COLD_APART)


def gather(
    rnet: Refiner, onet: Locator, pyramid: Pyramid, candidates: Candidates, least_heat: float = LEAST_HEAT
) -> Evidence:
    """What both say to CenterFace's candidates, in px of ``pyramid``. Of those below ``least_heat`` that the
    O-net sees no face in the R-net is not asked: they have no support."""
    looks, scores = _look(onet, pyramid, candidates.boxes)
    opinion, sure = scores.mean(0), scores.min(0) >= SURE_SCORE
    seen = opinion >= TRUSTED_OPINION
    found = Candidates(
        np.where(seen[:, None], looks.boxes, candidates.boxes),
        candidates.scores,
        np.where(seen[:, None, None], looks.points, candidates.points),
    )
    support = sure.astype(np.float32)
    asked = ~sure & ((found.scores >= least_heat) | (opinion >= COLD_OPINION))
    support[asked] = _support(rnet, pyramid, found.boxes[asked])
    return Evidence(found, opinion, support, sure)


def _look(onet: Locator, pyramid: Pyramid, windows: FloatArray) -> tuple[Candidates, FloatArray]:
    """Boxes and points by the O-net, averaged over both looks with the (2, N) probabilities as weights."""
    cut = np.concatenate([view.of(to_squares(windows)) for view in BOTH_WAYS])
    scores, boxes, points = (np.empty((len(cut), *rest), np.float32) for rest in ((), (4,), (5, 2)))
    for which, part, found in pyramid.windows(cut, 48, onet):
        face, regression, unit = (x.cpu().numpy() for x in found)
        scores[which], boxes[which] = face, regress(part, regression)
        size = (part[:, 2:] - part[:, :2])[:, None]
        points[which] = unit.reshape(-1, 2, 5).transpose(0, 2, 1) * size + part[:, None, :2]
    count = len(windows)
    boxes[count:], points[count:] = boxes[count:, [2, 1, 0, 3]], points[count:, [1, 0, 2, 4, 3]]
    scores = scores.reshape(2, count)
    weights = scores / np.maximum(scores.sum(0), 1e-9)
    boxes = np.einsum("vn,vni->ni", weights, boxes.reshape(2, count, 4))
    points = np.einsum("vn,vnij->nij", weights, points.reshape(2, count, 5, 2))
    return Candidates(boxes, scores.mean(0), points), scores


def _support(rnet: Refiner, pyramid: Pyramid, windows: FloatArray) -> FloatArray:
    """(N,) mean of the R-net's probabilities over many views."""
    cut = np.concatenate([view.of(to_squares(windows)) for view in SUPPORT])
    scores = np.empty(len(cut), np.float32)
    for which, _, (face, _) in pyramid.windows(cut, 24, rnet):
        scores[which] = face.cpu().numpy()
    return np.asarray(scores.reshape(len(SUPPORT), len(windows)).mean(0), np.float32)


def chance(heat: FloatArray, support: FloatArray) -> FloatArray:
    """(N,) probability that windows with CenterFace's heat and the R-net's support are faces: the share that ``fit``
    measured."""
    logit = HEAT_WEIGHT * log_odds(heat) + SUPPORT_WEIGHT * support + CHANCE_BIAS
    return np.asarray(1 / (1 + np.exp(-logit)), np.float32)


def log_odds(p: FloatArray) -> np.ndarray:
    """Of probabilities, in double precision; finite."""
    p = np.clip(p.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.asarray(np.log(p / (1 - p)))


@torch.inference_mode()
def points_in(onet: Locator, pyramid: Pyramid, boxes: FloatArray) -> FloatArray:
    """(N, 5, 2) points of faces known to be in (N, 4) boxes: the O-net's surest answer over quarter turns and zooms."""
    best, answers = np.full(len(boxes), -1, np.float32), np.zeros((len(boxes), 5, 2), np.float32)
    for zoom in LOCATE_ZOOMS:
        squares = View(zoom).of(to_squares(boxes))
        for which, part, found in pyramid.windows(squares, 48, lambda crops: _in_quarters(onet, crops)):
            size = (part[:, 2:] - part[:, :2])[:, None]
            for quarters, (face, _, points) in enumerate(found):
                unit = points.cpu().numpy().reshape(-1, 2, 5).transpose(0, 2, 1)
                for _ in range(quarters):
                    unit = np.stack([1 - unit[..., 1], unit[..., 0]], -1)
                score = face.cpu().numpy()
                better = score > best[which]
                best[which[better]] = score[better]
                answers[which[better]] = (unit * size + part[:, None, :2])[better]
    return answers


def _in_quarters(onet: Locator, crops: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
    return [onet(torch.rot90(crops, quarters, (2, 3))) for quarters in range(4)]
