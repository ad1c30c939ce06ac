"""MTCNN's cascade: proposals over an image pyramid (P-net), then two refinements of ever fewer windows."""

from __future__ import annotations

from collections.abc import Iterator
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

    def run(self, pyramid: Pyramid, min_face: float) -> Candidates:
        """Faces of ``min_face`` px and more, best score first."""
        with torch.inference_mode():
            return self._inspect(pyramid, self._refine(pyramid, self._propose(pyramid, min_face)))

    def _propose(self, pyramid: Pyramid, min_face: float) -> FloatArray:
        """P-net over the pyramid: (N, 4) boxes."""
        boxes, scores = [np.empty((0, 4), np.float32)], [np.empty(0, np.float32)]
        for scale in pyramid_scales(pyramid.size, min_face):
            level = pyramid.level(scale)
            face, regression = self.pnet(_normalised(level, self.device))
            rows, columns = (face[0] > PNET_THRESHOLD).nonzero(as_tuple=True)
            found = face[0, rows, columns].cpu().numpy()
            offsets = regression[0, :, rows, columns].T.cpu().numpy()
            corner = torch.stack([columns, rows], 1).cpu().numpy().astype(np.float32) * STRIDE
            window = np.concatenate([corner, corner + CELL], 1)
            keep = suppress(window, found, PNET_NMS)  # before regression, as published
            exact = pyramid.size / np.array(level.shape[1::-1], np.float32)
            boxes.append((window + offsets * CELL)[keep] * np.tile(exact, 2))
            scores.append(found[keep])
        joined, confidence = np.concatenate(boxes), np.concatenate(scores)
        return joined[suppress(joined, confidence, PROPOSAL_NMS)]

    def _refine(self, pyramid: Pyramid, boxes: FloatArray) -> FloatArray:
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

    def _inspect(self, pyramid: Pyramid, boxes: FloatArray, threshold: float = ONET_THRESHOLD) -> Candidates:
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
    def points_in(self, pyramid: Pyramid, boxes: FloatArray) -> FloatArray:
        """(N, 5, 2) points of the faces in (N, 4) boxes: the O-net's surest answer over quarter turns and zooms."""
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


class Pyramid:
    """A picture at halving sizes, from which levels and windows of any size are cut."""

    def __init__(self, images: list[Image], device: torch.device) -> None:
        self.images = images  # every one half the size of the one before
        self.device = device
        self.size = np.array(images[0].shape[1::-1], np.float32)  # width, height
        self._tensors: dict[int, Tensor] = {}

    @classmethod
    def of(cls, image: Image, device: torch.device) -> Pyramid:
        images = [image]
        while min(image.shape[:2]) >= 2 * CELL:
            image = _resized(image, image.shape[1] // 2, image.shape[0] // 2)
            images.append(image)
        return cls(images, device)

    def turned(self, quarters: int) -> Pyramid:
        """The pyramid of ``np.rot90(image, quarters)``."""
        return Pyramid([np.ascontiguousarray(np.rot90(image, quarters)) for image in self.images], self.device)

    def level(self, scale: float) -> Image:
        """The picture at ``scale`` <= 1, both sides even (see ``networks``)."""
        width, height = np.maximum(np.round(self.size * scale / 2) * 2, CELL + 2).astype(int)
        depth = min(int(np.log2(1 / scale)), len(self.images) - 1)
        return _resized(self.images[depth], int(width), int(height))

    def batches(self, squares: FloatArray, side: int) -> Iterator[tuple[np.ndarray, FloatArray, Tensor]]:
        """Indices into the (N, 4) squares, those squares, and their (n, 3, side, side) crops (grey outside)."""
        depth = np.log2(np.maximum((squares[:, 2] - squares[:, 0]) / side, 1e-6))
        depth = np.clip(np.round(depth), 0, len(self.images) - 1).astype(int)
        for level in np.unique(depth):
            chosen = np.flatnonzero(depth == level)
            for start in range(0, len(chosen), CROP_BATCH):
                which = chosen[start : start + CROP_BATCH]
                yield which, squares[which], self._sample(int(level), squares[which], side)

    def _sample(self, level: int, squares: FloatArray, side: int) -> Tensor:
        if level not in self._tensors:
            self._tensors[level] = _normalised(self.images[level], self.device)
        steps = (torch.arange(side, device=self.device) + 0.5) / side
        box = torch.from_numpy(squares / np.tile(self.size, 2) * 2 - 1).to(self.device)  # [-1, 1] over the picture
        x = box[:, :1] + (box[:, 2:3] - box[:, :1]) * steps  # (n, side)
        y = box[:, 1:2] + (box[:, 3:] - box[:, 1:2]) * steps
        shape = (len(squares), side, side)
        grid = torch.stack([x[:, None, :].expand(shape), y[:, :, None].expand(shape)], -1)
        # one tall picture of all crops: grid_sample would otherwise want a copy of the level per crop
        tall = F.grid_sample(self._tensors[level], grid.view(1, -1, side, 2), align_corners=False)
        crops = tall.view(3, len(squares), side, side).transpose(0, 1)
        return crops.contiguous(memory_format=torch.channels_last)


def pyramid_scales(size: FloatArray, min_face: float) -> list[float]:
    """Scales at which faces of ``min_face`` px and more fill the P-net's window."""
    scales, scale = [], CELL / min_face
    while float(size.min()) * scale >= CELL:
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


def _resized(image: Image, width: int, height: int) -> Image:
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _normalised(image: Image, device: torch.device) -> Tensor:
    """(h, w, 3) uint8 to (1, 3, h, w) in [-1, 1], channels last in memory."""
    pixels = torch.from_numpy(image).to(device)
    return (pixels.permute(2, 0, 1)[None].float() - 127.5) / 128
