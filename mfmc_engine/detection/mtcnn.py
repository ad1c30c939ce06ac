"""MTCNN's cascade: proposals over an image pyramid (P-net), then two refinements of ever fewer windows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mfmc_engine.detection.networks import load_networks
from mfmc_engine.geometry import overlap
from mfmc_engine.parameters import (
    CROP_BATCH,
    LOCATE_ZOOMS,
    ONET_NMS,
    ONET_THRESHOLD,
    PNET_NMS,
    PNET_THRESHOLD,
    PROPOSAL_NMS,
    PYRAMID_FACTOR,
    RNET_THRESHOLD,
)
from mfmc_engine.types import FloatArray, Image

CELL, STRIDE = 12, 2  # px of a level: the P-net's window and the distance of neighbouring windows


@dataclass(frozen=True, slots=True)
class Candidates:
    """Windows that passed a stage. ``points`` is empty before the O-net."""

    boxes: FloatArray  # (N, 4)
    scores: FloatArray  # (N,)
    points: FloatArray  # (N, 5, 2)

    def __len__(self) -> int:
        return len(self.boxes)

    def take(self, keep: np.ndarray) -> Candidates:
        return Candidates(self.boxes[keep], self.scores[keep], self.points[keep])


class Cascade:
    """The three networks on one picture in one orientation."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.pnet, self.rnet, self.onet = load_networks(folder, self.device)

    @torch.inference_mode()
    def run(self, image: Image, min_face: float, max_face: float = np.inf) -> Candidates:
        """Faces of ``min_face`` to ``max_face`` px in an (H, W, 3) picture, best score first."""
        pyramid = Mipmaps(image, self.device)
        boxes = self._propose(image, min_face, max_face)
        boxes = self._refine(pyramid, boxes)
        return self.inspect(pyramid, boxes)

    def _propose(self, image: Image, min_face: float, max_face: float) -> FloatArray:
        """P-net over the pyramid: (N, 4) boxes."""
        boxes, scores = [np.empty((0, 4), np.float32)], [np.empty(0, np.float32)]
        for scale in pyramid_scales(image.shape[:2], min_face, max_face):
            level = _shrink(image, scale)
            face, regression = self.pnet(_normalised(level, self.device))
            rows, columns = (face[0] > PNET_THRESHOLD).nonzero(as_tuple=True)
            found = face[0, rows, columns].cpu().numpy()
            offsets = regression[0, :, rows, columns].T.cpu().numpy()
            corner = torch.stack([columns, rows], 1).cpu().numpy().astype(np.float32) * STRIDE
            exact = np.array([image.shape[1] / level.shape[1], image.shape[0] / level.shape[0]] * 2, np.float32)
            window = np.concatenate([corner, corner + CELL], 1)
            keep = suppress(window, found, PNET_NMS)  # before regression, as published
            boxes.append((window + offsets * CELL)[keep] * exact)
            scores.append(found[keep])
        joined, confidence = np.concatenate(boxes), np.concatenate(scores)
        return joined[suppress(joined, confidence, PROPOSAL_NMS)]

    def _refine(self, pyramid: Mipmaps, boxes: FloatArray) -> FloatArray:
        """R-net: drop most windows, move the rest."""
        squares = to_squares(boxes)
        scores, moved = [np.empty(0, np.float32)], [np.empty((0, 4), np.float32)]
        for _, part, crops in pyramid.batches(squares, 24):
            face, regression = self.rnet(crops)
            scores.append(face.cpu().numpy())
            moved.append(_regress(part, regression.cpu().numpy()))
        score, box = np.concatenate(scores), np.concatenate(moved)
        good = score > RNET_THRESHOLD
        score, box = score[good], box[good]
        return box[suppress(box, score, PROPOSAL_NMS)]

    def inspect(self, pyramid: Mipmaps, boxes: FloatArray, threshold: float = ONET_THRESHOLD) -> Candidates:
        """O-net: final boxes, scores and points."""
        scores, moved, marks = (
            [np.empty(0, np.float32)],
            [np.empty((0, 4), np.float32)],
            [np.empty((0, 5, 2), np.float32)],
        )
        for _, part, crops in pyramid.batches(to_squares(boxes), 48):
            face, regression, points = self.onet(crops)
            scores.append(face.cpu().numpy())
            moved.append(_regress(part, regression.cpu().numpy()))
            size = (part[:, 2:] - part[:, :2])[:, None]
            marks.append(points.cpu().numpy().reshape(-1, 2, 5).transpose(0, 2, 1) * size + part[:, None, :2])
        found = Candidates(np.concatenate(moved), np.concatenate(scores), np.concatenate(marks))
        found = found.take(found.scores > threshold)
        return found.take(suppress(found.boxes, found.scores, ONET_NMS, smaller=True))

    @torch.inference_mode()
    def points_in(self, image: Image, boxes: FloatArray) -> FloatArray:
        """(N, 5, 2) points of the faces in (N, 4) boxes: the O-net's surest answer over quarter turns and zooms."""
        pyramid = Mipmaps(image, self.device)
        best, answers = np.full(len(boxes), -1, np.float32), np.zeros((len(boxes), 5, 2), np.float32)
        for zoom in LOCATE_ZOOMS:
            squares = _zoomed(to_squares(boxes), zoom)
            for which, part, crops in pyramid.batches(squares, 48):
                size = (part[:, 2:] - part[:, :2])[:, None]
                for quarters in range(4):
                    face, _, points = self.onet(torch.rot90(crops, quarters, (2, 3)))
                    unit = points.cpu().numpy().reshape(-1, 2, 5).transpose(0, 2, 1)
                    for _ in range(quarters):
                        unit = np.stack([1 - unit[..., 1], unit[..., 0]], -1)
                    score = face.cpu().numpy()
                    better = score > best[which]
                    best[which[better]] = score[better]
                    answers[which[better]] = (unit * size + part[:, None, :2])[better]
        return answers


class Mipmaps:
    """A picture at halving sizes on the device, from which many windows are sampled at once."""

    def __init__(self, image: Image, device: torch.device) -> None:
        self.levels = [_normalised(image, device)]
        while min(image.shape[:2]) >= 2 * CELL:
            image = cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA)
            self.levels.append(_normalised(image, device))
        self.size = np.array(self.levels[0].shape[:1:-1], np.float32)  # width, height

    def batches(self, squares: FloatArray, side: int) -> list[tuple[np.ndarray, FloatArray, Tensor]]:
        """Indices into the (N, 4) squares, those squares, and their (n, 3, side, side) crops (grey outside)."""
        depth = np.log2(np.maximum((squares[:, 2] - squares[:, 0]) / side, 1e-6))
        depth = np.clip(np.round(depth), 0, len(self.levels) - 1).astype(int)
        parts = []
        for level in np.unique(depth):
            chosen = np.flatnonzero(depth == level)
            for start in range(0, len(chosen), CROP_BATCH):
                which = chosen[start : start + CROP_BATCH]
                parts.append((which, squares[which], self._sample(self.levels[level], squares[which], side)))
        return parts

    def _sample(self, level: Tensor, squares: FloatArray, side: int) -> Tensor:
        steps = (torch.arange(side, device=level.device) + 0.5) / side
        box = torch.from_numpy(squares / np.tile(self.size, 2) * 2 - 1).to(level.device)  # [-1, 1] over the picture
        x = box[:, :1] + (box[:, 2:3] - box[:, :1]) * steps  # (n, side)
        y = box[:, 1:2] + (box[:, 3:] - box[:, 1:2]) * steps
        shape = (len(squares), side, side)
        grid = torch.stack([x[:, None, :].expand(shape), y[:, :, None].expand(shape)], -1)
        # one tall picture of all crops: grid_sample would otherwise want a copy of the level per crop
        tall = F.grid_sample(level, grid.view(1, -1, side, 2), align_corners=False)
        return tall.view(3, len(squares), side, side).transpose(0, 1)


def pyramid_scales(shape: tuple[int, ...], min_face: float, max_face: float = np.inf) -> list[float]:
    """Scales at which faces of ``min_face`` px and more fill the P-net's window."""
    scales, scale = [], CELL / min_face
    while min(shape) * scale >= CELL and CELL / scale <= max_face:
        scales.append(scale)
        scale *= PYRAMID_FACTOR
    return scales


def suppress(boxes: FloatArray, scores: FloatArray, limit: float, smaller: bool = False) -> np.ndarray:
    """Greedy non-maximum suppression: the indices kept, best score first."""
    if not smaller:
        sizes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
        return np.asarray(cv2.dnn.NMSBoxes(sizes.tolist(), scores.tolist(), 0.0, limit), np.int64).reshape(-1)
    order = np.argsort(-scores, kind="stable")
    common = overlap(boxes, boxes, smaller=True) > limit
    kept: list[int] = []
    for i in order:
        if not common[i, kept].any():
            kept.append(int(i))
    return np.array(kept, np.int64)


def to_squares(boxes: FloatArray) -> FloatArray:
    """Boxes grown about their centres to their longer sides."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True) / 2 if len(boxes) else centre[:, :1]
    return np.concatenate([centre - half, centre + half], 1)


def _zoomed(boxes: FloatArray, zoom: float) -> FloatArray:
    """Boxes ``zoom`` times as large about their centres."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    return np.asarray(np.tile(centre, 2) + (boxes - np.tile(centre, 2)) * zoom, np.float32)


def _regress(boxes: FloatArray, offsets: FloatArray) -> FloatArray:
    """Move each corner by its offset in box sizes."""
    size = boxes[:, 2:] - boxes[:, :2]
    return boxes + offsets * np.concatenate([size, size], 1)


def _shrink(image: Image, scale: float) -> Image:
    size = (max(CELL, round(image.shape[1] * scale)), max(CELL, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _normalised(image: Image, device: torch.device) -> Tensor:
    pixels = torch.from_numpy(np.ascontiguousarray(image)).to(device)
    return (pixels.permute(2, 0, 1)[None].float() - 127.5) / 128
