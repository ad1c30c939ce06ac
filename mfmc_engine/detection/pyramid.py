"""One picture at many sizes: the levels MTCNN's P-net scans and the windows its R- and O-net look at."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mfmc_engine.geometry import index_space, turning
from mfmc_engine.parameters import CROP_BATCH, PNET_CELL
from mfmc_engine.types import FloatArray, Image


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
        while min(image.shape[:2]) >= 2 * PNET_CELL:
            image = _resized(image, image.shape[1] // 2, image.shape[0] // 2)
            images.append(image)
        return cls(images, device)

    def turned(self, quarters: int) -> Pyramid:
        """The pyramid of ``np.rot90(image, quarters)``."""
        return Pyramid(
            [np.ascontiguousarray(np.rot90(image, quarters)) for image in self.images], self.device
        )

    def diagonal(self, degrees: float) -> tuple[Pyramid, FloatArray]:
        """The pyramid of the picture turned counter-clockwise by any angle, and the (2, 3) transform to it."""
        height, width = self.images[0].shape[:2]
        transform, size = turning(width, height, degrees)
        canvas = cv2.warpAffine(self.images[0], index_space(transform), size, flags=cv2.INTER_LINEAR)
        return Pyramid.of(np.asarray(canvas, np.uint8), self.device), transform

    def level(self, scale: float) -> Image:
        """The picture at ``scale`` <= 1, both sides even (see ``networks``)."""
        width, height = np.maximum(np.round(self.size * scale / 2) * 2, PNET_CELL + 2).astype(int)
        depth = min(int(np.log2(1 / scale)), len(self.images) - 1)
        return _resized(self.images[depth], int(width), int(height))

    def windows(self, squares: FloatArray, side: int) -> Iterator[tuple[np.ndarray, FloatArray, Tensor]]:
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
            self._tensors[level] = normalised(self.images[level], self.device)
        steps = (torch.arange(side, device=self.device) + 0.5) / side
        box = torch.from_numpy(squares / np.tile(self.size, 2) * 2 - 1).to(
            self.device
        )  # [-1, 1] over the picture
        x = box[:, :1] + (box[:, 2:3] - box[:, :1]) * steps  # (n, side)
        y = box[:, 1:2] + (box[:, 3:] - box[:, 1:2]) * steps
        shape = (len(squares), side, side)
        grid = torch.stack([x[:, None, :].expand(shape), y[:, :, None].expand(shape)], -1)
        # one tall picture of all crops: grid_sample would otherwise want a copy of the level per crop
        tall = F.grid_sample(self._tensors[level], grid.view(1, -1, side, 2), align_corners=False)
        crops = tall.view(3, len(squares), side, side).transpose(0, 1)
        return crops.contiguous(memory_format=torch.channels_last)


def _resized(image: Image, width: int, height: int) -> Image:
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def normalised(image: Image, device: torch.device) -> Tensor:
    """(h, w, 3) uint8 to (1, 3, h, w) in [-1, 1], channels last in memory."""
    pixels = torch.from_numpy(np.require(image, requirements=["C", "W"])).to(
        device
    )  # torch wants it writable
    return (pixels.permute(2, 0, 1)[None].float() - 127.5) / 128
