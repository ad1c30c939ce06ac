"""MTCNN's cascade: proposals over an image pyramid (P-net), then refinements of ever fewer windows (R- and O-net)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch

from mfmc_engine.detection.candidates import Candidates, regress, suppress, to_squares
from mfmc_engine.detection.looks import judge, points_in
from mfmc_engine.detection.networks import load_networks
from mfmc_engine.detection.pyramid import Pyramid, normalised
from mfmc_engine.parameters import (
    DOUBTFUL_SCORE,
    PNET_CELL,
    PNET_NMS,
    PNET_STRIDE,
    PNET_THRESHOLD,
    PROPOSAL_NMS,
    PYRAMID_FACTOR,
    RNET_THRESHOLD,
)
from mfmc_engine.types import FloatArray

NOTHING: Final[FloatArray] = np.empty((0, 4), np.float32)


class Cascade:
    """The three networks on one picture in one orientation."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.pnet, self.rnet, self.onet = load_networks(folder, self.device)

    @torch.inference_mode()
    def run(
        self, pyramid: Pyramid, min_face: float, known: FloatArray = NOTHING, doubt: float = DOUBTFUL_SCORE
    ) -> Candidates:
        """Faces of ``min_face`` px and more, best score first, but not those in (M, 4) ``known`` boxes.

        ``doubt``: see ``looks.judge``; more is faster and finds fewer faces that are hard to see.
        """
        boxes = self._refine(pyramid, self._propose(pyramid, min_face))
        return judge(self.rnet, self.onet, pyramid, boxes, known, doubt)

    @torch.inference_mode()
    def points_in(self, pyramid: Pyramid, boxes: FloatArray) -> FloatArray:
        """(N, 5, 2) points of the faces known to be in (N, 4) boxes."""
        return points_in(self.onet, pyramid, boxes)

    def _propose(self, pyramid: Pyramid, min_face: float) -> FloatArray:
        """P-net over the pyramid: (N, 4) boxes."""
        boxes, scores = [np.empty((0, 4), np.float32)], [np.empty(0, np.float32)]
        for scale in pyramid_scales(pyramid.size, min_face):
            level = pyramid.level(scale)
            face, features = self.pnet(normalised(level, self.device))
            rows, columns = (face[0] > PNET_THRESHOLD).nonzero(as_tuple=True)
            found = face[0, rows, columns].cpu().numpy()
            offsets = self.pnet.regression(features[0, :, rows, columns].T).cpu().numpy()
            corner = torch.stack([columns, rows], 1).cpu().numpy().astype(np.float32) * PNET_STRIDE
            window = np.concatenate([corner, corner + PNET_CELL], 1)
            keep = suppress(window, found, PNET_NMS)  # before regression, as published
            exact = pyramid.size / np.array(level.shape[1::-1], np.float32)
            boxes.append((window + offsets * PNET_CELL)[keep] * np.tile(exact, 2))
            scores.append(found[keep])
        joined, confidence = np.concatenate(boxes), np.concatenate(scores)
        return joined[suppress(joined, confidence, PROPOSAL_NMS)]

    def _refine(self, pyramid: Pyramid, boxes: FloatArray) -> FloatArray:
        """R-net: drop most windows, move the rest."""
        scores, moved = np.empty(len(boxes), np.float32), np.empty((len(boxes), 4), np.float32)
        for which, part, crops in pyramid.windows(to_squares(boxes), 24):
            face, regression = self.rnet(crops)
            scores[which] = face.cpu().numpy()
            moved[which] = regress(part, regression.cpu().numpy())
        good = scores > RNET_THRESHOLD
        return moved[good][suppress(moved[good], scores[good], PROPOSAL_NMS)]


def pyramid_scales(size: FloatArray, min_face: float) -> list[float]:
    """Scales at which faces of ``min_face`` px and more fill the P-net's window; ``size``: width and height, px."""
    scales, scale = [], PNET_CELL / min_face
    while float(size.min()) * scale >= PNET_CELL:
        scales.append(scale)
        scale *= PYRAMID_FACTOR
    return scales
