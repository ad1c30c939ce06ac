"""MTCNN's cascade: proposals over an image pyramid (P-net), then refinements of ever fewer windows (R- and O-net)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch

from mfmc_engine.batching.cores import shared_out
from mfmc_engine.batching.launching import Maps, Rows, launched
from mfmc_engine.batching.lockstep import Shared, SharedMaps
from mfmc_engine.detection.candidates import Candidates, regress, suppress, to_squares
from mfmc_engine.detection.looks import Evidence, gather, judge, points_in
from mfmc_engine.detection.networks import PNet, load_networks
from mfmc_engine.detection.pyramid import Pyramid, normalised, padded
from mfmc_engine.geometry import overlap
from mfmc_engine.parameters import (
    DOUBTFUL_SCORE,
    GLIMPSE_SCORE,
    MIN_FACE,
    ONET_NMS,
    PNET_CELL,
    PNET_NMS,
    PNET_PAD,
    PNET_STRIDE,
    PNET_THRESHOLD,
    PROPOSAL_NMS,
    PYRAMID_FACTOR,
    RNET_THRESHOLD,
)
from mfmc_engine.types import FloatArray

NOTHING: Final[FloatArray] = np.empty((0, 4), np.float32)


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to look: the face sizes searched, and the probabilities under which each network drops a window.

    Higher ones are faster and find fewer faces that are hard to see.
    """

    smallest: float = MIN_FACE  # px of the pyramid
    largest: float = float("inf")
    factor: float = PYRAMID_FACTOR  # ratio of neighbouring levels
    pnet: float = PNET_THRESHOLD
    rnet: float = RNET_THRESHOLD
    glimpse: float = GLIMPSE_SCORE  # the O-net's on one view
    doubt: float = DOUBTFUL_SCORE  # the O-net's on the better of two views


class Cascade:
    """The three networks on one picture in one orientation."""

    def __init__(self, folder: Path, device: str = "cpu", launch: str = "eager") -> None:
        self.device = torch.device(device)
        self.pnet, rnet, onet = load_networks(folder, self.device)
        self.scan = SharedMaps(launched(self.pnet, launch, self.device, Maps(PNet.side)), PNet.side)
        self.rnet = Shared(launched(rnet, launch, self.device, Rows()))
        self.onet = Shared(launched(onet, launch, self.device, Rows()))

    def run(self, pyramid: Pyramid, effort: Effort, known: FloatArray = NOTHING) -> Candidates:
        """Faces of one orientation, best score first, but not those in (M, 4) ``known`` boxes."""
        return judge(self.evidence(pyramid, effort, known))

    @torch.inference_mode()
    def evidence(self, pyramid: Pyramid, effort: Effort, known: FloatArray = NOTHING) -> Evidence:
        """What ``run`` decides on."""
        boxes = without(self._propose(pyramid, effort), known)
        boxes = without(self._refine(pyramid, boxes, effort.rnet), known)
        return gather(self.rnet, self.onet, pyramid, boxes, effort.glimpse, effort.doubt)

    @torch.inference_mode()
    def points_in(self, pyramid: Pyramid, boxes: FloatArray) -> FloatArray:
        """(N, 5, 2) points of the faces known to be in (N, 4) boxes."""
        return points_in(self.onet, pyramid, boxes)

    def _propose(self, pyramid: Pyramid, effort: Effort) -> FloatArray:
        """P-net over the pyramid: (N, 4) boxes."""
        boxes, scores = [np.empty((0, 4), np.float32)], [np.empty(0, np.float32)]
        scales = pyramid_scales(pyramid.size, effort)
        for found, confidence in shared_out(
            lambda scale: self._propose_at(pyramid, scale, effort.pnet), scales, self.device.type
        ):
            boxes.append(found)
            scores.append(confidence)
        joined, confidence = np.concatenate(boxes), np.concatenate(scores)
        return joined[suppress(joined, confidence, PROPOSAL_NMS)]

    def _propose_at(self, pyramid: Pyramid, scale: float, threshold: float) -> tuple[FloatArray, FloatArray]:
        """One level's (N, 4) boxes and their (N,) probabilities."""
        level = pyramid.level(scale)
        face, features = self.scan(normalised(padded(level, PNET_PAD), self.device))
        rows, columns = (face[0] > threshold).nonzero(as_tuple=True)
        regression = self.pnet.regression(features[0, :, rows, columns].T)
        # brought to the host in one go: every copy waits for the device
        score = face[0, rows, columns]
        answers = torch.column_stack([columns, rows, score, regression]).cpu().numpy()
        corner, found, offsets = np.split(answers, [2, 3], 1)
        corner, found = corner * PNET_STRIDE - PNET_PAD, found[:, 0]
        window = np.concatenate([corner, corner + PNET_CELL], 1)
        keep = suppress(window, found, PNET_NMS)  # before regression, as published
        exact = pyramid.size / np.array(level.shape[1::-1], np.float32)
        return (window + offsets * PNET_CELL)[keep] * np.tile(exact, 2), found[keep]

    def _refine(self, pyramid: Pyramid, boxes: FloatArray, threshold: float) -> FloatArray:
        """R-net: drop most windows, move the rest."""
        scores, moved = np.empty(len(boxes), np.float32), np.empty((len(boxes), 4), np.float32)
        for which, part, (face, regression) in pyramid.windows(to_squares(boxes), 24, self.rnet):
            scores[which] = face.cpu().numpy()
            moved[which] = regress(part, regression.cpu().numpy())
        good = scores > threshold
        return moved[good][suppress(moved[good], scores[good], PROPOSAL_NMS)]


def pyramid_scales(size: FloatArray, effort: Effort) -> list[float]:
    """Scales at which the faces looked for fill the P-net's window; ``size``: width and height of the picture, px."""
    scales, scale = [], PNET_CELL / effort.smallest
    # half a window of padding on every side holds faces of twice the shorter side, cut by the border
    while float(size.min()) * scale >= PNET_CELL / 2 and scale * effort.largest >= PNET_CELL:
        scales.append(scale)
        scale *= effort.factor
    return scales


def without(boxes: FloatArray, known: FloatArray) -> FloatArray:
    """The (N, 4) boxes that do not lie on one of the (M, 4) known ones."""
    return boxes[overlap(boxes, known, smaller=True).max(1, initial=0) <= ONET_NMS]
