"""The end of the cascade: is this window a face, and where exactly?

One O-net answer on one crop is noisy: hands and ties reach .97, half-hidden faces stay at .01. The same window seen
a little larger, smaller, shifted and mirrored, by the R-net as well, tells them apart far better. So windows on which
two views do not agree at once get a second look, and their score is a logistic regression on both networks' means and
on the size, fitted so that it is the share of faces among such windows. Where that leaves it open, a third network is
asked (``blazeface``), whose answer is weighed against the score so far by a second regression.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mfmc_engine.detection import blazeface
from mfmc_engine.detection.candidates import Candidates, regress, suppress, to_squares
from mfmc_engine.detection.pyramid import Pyramid
from mfmc_engine.geometry import overlap
from mfmc_engine.parameters import (
    CHANCE_WEIGHT,
    DOUBTFUL_LIMIT,
    DUPLICATE_OVERLAP,
    EVIDENCE_BIAS,
    EVIDENCE_WEIGHT,
    FACE_SCORE,
    LEAST_CHANCE,
    LOCATE_ZOOMS,
    MIN_FACE,
    ONET_NMS,
    OPINION_BIAS,
    OPINION_RANGE,
    OPINION_WEIGHT,
    SIZE_RANGE,
    SIZE_WEIGHT,
    SURE_SCORE,
    VERIFY_SHIFT,
    VERIFY_ZOOMS,
)
from mfmc_engine.types import FloatArray

Refiner = Callable[[Tensor], tuple[Tensor, Tensor]]  # networks.RNet
Locator = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]  # networks.ONet


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


FIRST_LOOK: Final = (View(), View(mirrored=True))
SECOND_LOOK: Final = tuple(View(zoom, mirrored=m) for zoom in (1.0, *VERIFY_ZOOMS[:2]) for m in (False, True))
SUPPORT: Final = (
    *(View(zoom, mirrored=m) for zoom in VERIFY_ZOOMS[2:] for m in (False, True)),
    *(View(1.0, dx * VERIFY_SHIFT, dy * VERIFY_SHIFT) for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))),
)


class Evidence(NamedTuple):
    """What the R-net's windows turned out to be: sure faces, and doubtful ones with what speaks for them."""

    sure: Candidates
    doubtful: Candidates  # scores: the O-net's mean probability over many views
    support: FloatArray  # (N,) the R-net's, of the doubtful ones
    opinion: FloatArray  # (N,) BlazeFace's logits; NaN where it was not asked


def gather(
    rnet: Refiner, onet: Locator, pyramid: Pyramid, boxes: FloatArray, glimpse: float, doubt: float
) -> Evidence:
    """Look at the R-net's (N, 4) boxes, at each more closely the more it promises.

    ``glimpse``, ``doubt``: O-net probability on one view and on the better of two, below which a window is dropped.
    """
    front = _look(onet, pyramid, boxes, FIRST_LOOK[:1])
    seen = np.flatnonzero(front.scores[:, 0] >= glimpse)
    first = front.take(seen).joined(_look(onet, pyramid, boxes[seen], FIRST_LOOK[1:]))
    certain = first.scores.min(1) >= SURE_SCORE
    sure = first.take(np.flatnonzero(certain)).summary()
    sure = sure.take(suppress(sure.boxes, sure.scores, ONET_NMS, smaller=True))

    doubtful = first.take(np.flatnonzero(~certain & (first.scores.max(1) >= doubt))).summary()
    doubtful = doubtful.take(overlap(doubtful.boxes, sure.boxes, smaller=True).max(1, initial=0) <= ONET_NMS)
    doubtful = doubtful.take(suppress(doubtful.boxes, doubtful.scores, DUPLICATE_OVERLAP, smaller=True))
    # from here on the windows lie where the first look put the face: half-hidden ones gain most by that
    again = _look(onet, pyramid, doubtful.boxes, SECOND_LOOK).summary()
    # the R-net could not save the others
    likely = np.flatnonzero(chance(again, np.ones(len(again), np.float32)) >= LEAST_CHANCE)
    support = _support(rnet, pyramid, doubtful.boxes[likely])
    again = again.take(likely)
    logits = np.full(len(again), np.nan, np.float32)
    unsettled = np.flatnonzero(is_open(again, support))
    logits[unsettled] = blazeface.opinion(pyramid, again.boxes[unsettled])
    return Evidence(sure, again, support, logits)


def judge(evidence: Evidence) -> Candidates:
    """The faces, best score first. A doubtful one never scores as a sure one does."""
    doubtful = evidence.doubtful
    scores = weighed(chance(doubtful, evidence.support), evidence.opinion)
    scores = np.minimum(scores, np.float32(DOUBTFUL_LIMIT))
    faces = Candidates(doubtful.boxes, scores, doubtful.points).take(scores >= FACE_SCORE)
    return evidence.sure.merged(faces, DUPLICATE_OVERLAP)


def chance(doubtful: Candidates, support: FloatArray) -> FloatArray:
    """(N,) probability that doubtful windows with the (N,) R-net's support are faces: the share measured by ``fit``.

    Size counts: in any photo there are four times as many windows of half the size that could look like a face.
    """
    size = relative_size(sizes(doubtful.boxes))
    logit = EVIDENCE_WEIGHT * (doubtful.scores + support) + SIZE_WEIGHT * size + EVIDENCE_BIAS
    return np.asarray(1 / (1 + np.exp(-logit)), np.float32)


def is_open(doubtful: Candidates, support: FloatArray) -> np.ndarray:
    """Which doubtful windows BlazeFace is asked about, as a mask: neither clear nor too small for it."""
    score = chance(doubtful, support)
    low, high = OPINION_RANGE
    return np.asarray((score >= low) & (score <= high) & (sizes(doubtful.boxes) >= MIN_FACE))


def weighed(scores: FloatArray, opinion: FloatArray) -> FloatArray:
    """(N,) probabilities of ``chance`` beside (N,) logits of ``blazeface``, where those are not NaN."""
    p = np.clip(scores.astype(np.float64), 1e-7, 1 - 1e-7)
    logit = CHANCE_WEIGHT * np.log(p / (1 - p)) + OPINION_WEIGHT * opinion + OPINION_BIAS
    return np.asarray(np.where(np.isnan(opinion), scores, 1 / (1 + np.exp(-logit))), np.float32)


def sizes(boxes: FloatArray) -> FloatArray:
    """(N,) roots of the areas of (N, 4) boxes, px; 1 at least."""
    return np.asarray(np.sqrt(np.maximum(np.prod(boxes[:, 2:] - boxes[:, :2], 1), 1)), np.float32)


def relative_size(size: FloatArray) -> FloatArray:
    """Natural logarithm of face sizes in px to a size in the middle of ``SIZE_RANGE``."""
    low, high = SIZE_RANGE
    return np.asarray(np.log(np.clip(size, low, high) / np.sqrt(low * high)), np.float32)


def points_in(onet: Locator, pyramid: Pyramid, boxes: FloatArray) -> FloatArray:
    """(N, 5, 2) points of the faces in (N, 4) boxes: the O-net's surest answer over quarter turns and zooms."""
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


@dataclass(frozen=True, slots=True)
class _Looks:
    """The O-net's answers on V views of N windows."""

    scores: FloatArray  # (N, V)
    boxes: FloatArray  # (N, V, 4)
    points: FloatArray  # (N, V, 5, 2)

    def take(self, keep: np.ndarray) -> _Looks:
        return _Looks(self.scores[keep], self.boxes[keep], self.points[keep])

    def joined(self, other: _Looks) -> _Looks:
        return _Looks(
            np.concatenate([self.scores, other.scores], 1),
            np.concatenate([self.boxes, other.boxes], 1),
            np.concatenate([self.points, other.points], 1),
        )

    def summary(self) -> Candidates:
        """The mean score, and boxes and points averaged with the scores as weights."""
        weights = self.scores / np.maximum(self.scores.sum(1, keepdims=True), 1e-9)
        boxes = np.einsum("nv,nvi->ni", weights, self.boxes)
        points = np.einsum("nv,nvij->nij", weights, self.points)
        return Candidates(boxes, self.scores.mean(1), points)


def _look(onet: Locator, pyramid: Pyramid, boxes: FloatArray, views: Sequence[View]) -> _Looks:
    squares = to_squares(boxes)
    cut = np.concatenate([view.of(squares) for view in views])
    scores, moved, points = (np.empty((len(cut), *rest), np.float32) for rest in ((), (4,), (5, 2)))
    for which, part, found in pyramid.windows(cut, 48, onet):
        face, regression, unit = (x.cpu().numpy() for x in found)
        scores[which], moved[which] = face, regress(part, regression)
        size = (part[:, 2:] - part[:, :2])[:, None]
        points[which] = unit.reshape(-1, 2, 5).transpose(0, 2, 1) * size + part[:, None, :2]
    mirrored = cut[:, 0] > cut[:, 2]
    moved[mirrored] = moved[mirrored][:, [2, 1, 0, 3]]
    points[mirrored] = points[mirrored][:, [1, 0, 2, 4, 3]]
    shape = (len(views), len(boxes))
    by_window = (x.reshape(*shape, *x.shape[1:]).swapaxes(0, 1) for x in (scores, moved, points))
    return _Looks(*by_window)


def _support(rnet: Refiner, pyramid: Pyramid, boxes: FloatArray) -> FloatArray:
    """(N,) mean of the R-net's probabilities over many views."""
    squares = to_squares(boxes)
    cut = np.concatenate([view.of(squares) for view in SUPPORT])
    scores = np.empty(len(cut), np.float32)
    for which, _, (face, _) in pyramid.windows(cut, 24, rnet):
        scores[which] = face.cpu().numpy()
    return np.asarray(scores.reshape(len(SUPPORT), len(boxes)).mean(0), np.float32)
