"""dlib's shape predictor in torch: cascades of regression trees (Kazemi and Sullivan 2014), batched, on any device.

dlib's image_processing/shape_predictor.h (Boost licence) is the reference. Each stage of the cascade looks at a few
hundred pixels that lie at fixed offsets from landmarks of the current shape; each of its trees compares pairs of
them down to a leaf, and the leaves' shapes are added up. All trees of a stage are independent: all their comparisons
are made at once and the paths read off them afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mfmc_engine.dlib_files import Floats, integer
from mfmc_engine.errors import WeightsMissingError
from mfmc_engine.types import FloatArray


class Forest(nn.Module):
    """(N, H, W) crops in [0, 255] to (N, L, 2) landmarks, in whole pixel indices of the crop as dlib has them.

    ``box``: left, top, right, bottom pixel indices of the faces in their crops, right and bottom inside (dlib's
    rectangle).
    """

    mean: Tensor  # (L, 2) shape that every search starts from, in the unit square of the box

    def __init__(self, mean: FloatArray, stages: list[Stage]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(mean))
        self.stages = nn.ModuleList(stages)

    def forward(self, crops: Tensor, box: tuple[int, int, int, int]) -> Tensor:
        corner = torch.tensor(box[:2], dtype=torch.float64, device=crops.device)
        size = torch.tensor([box[2] - box[0], box[3] - box[1]], dtype=torch.float64, device=crops.device)
        shape = self.mean.expand(len(crops), -1, -1)
        for stage in self.stages:
            shape = stage(crops, shape, self.mean, corner, size)
        return torch.floor(shape.double() * size + corner + 0.5)


class Stage(nn.Module):
    """One stage of the cascade: T trees with S splits and S + 1 leaves over P pixels."""

    anchors: Tensor  # (P,) the landmark each pixel is placed from
    deltas: Tensor  # (P, 2) where, in the unit square of the mean shape
    first: Tensor  # (T * S,) pixels compared: a split goes left where first - second > threshold
    second: Tensor
    thresholds: Tensor  # (T, S)
    leaves: Tensor  # (T * (S + 1), 2 * L)
    roots: Tensor  # (T,) where each tree's leaves begin

    def __init__(
        self, anchors: FloatArray, deltas: FloatArray, splits: FloatArray, leaves: FloatArray
    ) -> None:
        """``splits``: (T, S, 3) first, second, threshold; ``leaves``: (T, S + 1, 2 * L)."""
        super().__init__()
        trees, self.splits = splits.shape[:2]
        self.depth = int(np.log2(self.splits + 1))
        whole = splits[..., :2].astype(np.int64)
        self.register_buffer("anchors", torch.from_numpy(anchors.astype(np.int64)))
        self.register_buffer("deltas", torch.from_numpy(deltas))
        self.register_buffer("first", torch.from_numpy(whole[..., 0].ravel()))
        self.register_buffer("second", torch.from_numpy(whole[..., 1].ravel()))
        self.register_buffer("thresholds", torch.from_numpy(np.ascontiguousarray(splits[..., 2])))
        self.register_buffer("leaves", torch.from_numpy(leaves.reshape(-1, leaves.shape[-1])))
        self.register_buffer("roots", torch.arange(trees) * (self.splits + 1))

    def forward(self, crops: Tensor, shape: Tensor, mean: Tensor, corner: Tensor, size: Tensor) -> Tensor:
        pixels = self._pixels(crops, shape, mean, corner, size)
        apart = pixels[:, self.first] - pixels[:, self.second]
        right = (apart.view(len(pixels), *self.thresholds.shape) <= self.thresholds).long()
        node = torch.zeros_like(right[..., :1])
        for _ in range(self.depth):  # the children of a node k are 2 k + 1 and, to the right, 2 k + 2
            node = 2 * node + 1 + right.gather(2, node)
        chosen = self.leaves[self.roots + node[..., 0] - self.splits]
        return _added(shape.flatten(1), chosen).view_as(shape)

    def _pixels(self, crops: Tensor, shape: Tensor, mean: Tensor, corner: Tensor, size: Tensor) -> Tensor:
        """(N, P) the pixels looked at, 0 outside the crops."""
        x, y = self.deltas.unbind(-1)
        a, b = _turn(mean, shape)
        moved = torch.stack([a * x - b * y, b * x + a * y], -1) + shape[:, self.anchors]
        columns, rows = torch.floor(moved.double() * size + corner + 0.5).long().unbind(-1)
        height, width = crops.shape[1:]
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        where = rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)
        return torch.where(inside, crops.flatten(1).gather(1, where), 0)


def _turn(mean: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
    """The linear part (a, -b; b, a) of the least-squares similarity from the mean to (N, L, 2) shapes: a, b (N, 1).

    In double, then rounded, as dlib does.
    """
    p, q = mean.double(), shape.double()
    p, q = p - p.mean(0), q - q.mean(1, keepdim=True)
    norm = (p**2).sum()
    a = (p * q).sum((1, 2)) / norm
    b = (p[:, 0] * q[..., 1] - p[:, 1] * q[..., 0]).sum(1) / norm
    return a.float()[:, None], b.float()[:, None]


def _added(shape: Tensor, leaves: Tensor) -> Tensor:
    """(N, 2 L) shapes plus (N, T, 2 L) leaves, one after the other in single precision, as dlib adds them.

    The order counts: what rounding moves by 1e-6 reads a few pixels beside the others, ends in other leaves, and has
    moved points by half a pixel in the end. A segment's sum is the one reduction of torch that keeps to it.
    """
    rows = torch.cat([shape[:, None], leaves], 1)
    lengths = torch.full((len(rows),), rows.shape[1], device=rows.device)
    return torch.segment_reduce(rows.flatten(0, 1), "sum", lengths=lengths, unsafe=True, initial=0)


# --- dlib's file format ---


def load_forest(path: Path) -> Forest:
    """The shape predictor in one of dlib's files. Raises WeightsMissingError if the file is not one."""
    try:
        return _read(path.read_bytes())
    except (OSError, ValueError, IndexError) as error:
        raise WeightsMissingError(
            f"{path} is missing or damaged: pip install --force-reinstall --no-deps face_recognition_models==0.3.0"
        ) from error


def _read(data: bytes) -> Forest:
    file = _Reader(data)
    if file.integer() != 1:
        raise ValueError("not version 1 of a shape predictor")
    mean = file.column()
    trees = [[file.tree() for _ in range(file.integer())] for _ in range(file.integer())]
    anchors = [[file.integer() for _ in range(file.integer())] for _ in range(file.integer())]
    deltas = [file.floats(2 * file.integer()).reshape(-1, 2) for _ in range(file.integer())]
    stages = [
        Stage(
            np.array(anchor),
            delta,
            np.stack([splits for splits, _ in forest]),
            np.stack([leaves for _, leaves in forest]),
        )
        for forest, anchor, delta in zip(trees, anchors, deltas, strict=True)
    ]
    return Forest(mean.reshape(-1, 2), stages)


@dataclass(slots=True)
class _Reader:
    data: bytes
    position: int = 0

    def integer(self) -> int:
        value, self.position = integer(self.data, self.position)
        return value

    def floats(self, count: int) -> FloatArray:
        found = Floats()
        self.position = found.take(self.data, self.position, count)
        return found.array()

    def column(self) -> FloatArray:
        """(N,) matrix of one column: minus its rows, minus its columns, its values."""
        rows, columns = -self.integer(), -self.integer()
        if rows < 0 or columns != 1:
            raise ValueError(f"a matrix of {rows} x {columns}, expected one column")
        return self.floats(rows)

    def tree(self) -> tuple[FloatArray, FloatArray]:
        """(S, 3) splits and (S + 1, 2 L) leaves of one regression tree."""
        splits = np.array(
            [(self.integer(), self.integer(), self.floats(1)[0]) for _ in range(self.integer())], np.float32
        )
        count = self.integer()
        if count != len(splits) + 1 or count & (count - 1):
            raise ValueError(f"{len(splits)} splits with {count} leaves make no full binary tree")
        found, length = Floats(), 0
        for _ in range(count):
            length, columns = -self.integer(), self.integer()
            if columns != -1:
                raise ValueError("a leaf is no column")
            self.position = found.take(self.data, self.position, length)
        return splits, found.array().reshape(count, length)
