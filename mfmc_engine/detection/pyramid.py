"""One picture at many sizes: the levels CenterFace scans and the windows the O-net looks at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mfmc_engine.batching.cores import shared_out
from mfmc_engine.geometry import index_space, invert, turning
from mfmc_engine.parameters import CROP_PIXELS, CROP_PIXELS_CUDA
from mfmc_engine.resampling import Picture, resize_area, warp
from mfmc_engine.types import FloatArray

T = TypeVar("T")
SMALLEST_LEVEL: Final = 12  # px, shorter side
GREY: Final = (127, 127, 127)  # what lies outside the picture: nothing, to the networks


@dataclass(slots=True)
class _Known:
    """What was worked out of a picture, for all its orientations."""

    levels: dict[tuple[int, int], Picture] = field(default_factory=dict)  # upright, by width and height
    tensors: dict[int, Tensor] = field(default_factory=dict)  # the halved pictures, by how often


class Pyramid:
    """A picture at halving sizes, turned by any angle, from which levels and windows of any size are cut.

    ``size`` (width, height) and all coordinates are px of the turned picture; ``transform`` (2, 3) leads there from
    the picture itself. Only the small levels are ever turned: windows are cut at an angle from the picture as it is.
    A picture that lies on an accelerator stays there, at every size.
    """

    def __init__(
        self, images: list[Picture], device: torch.device, known: _Known | None = None, degrees: float = 0
    ) -> None:
        self.images = images  # every one half the size of the one before
        self.device = device
        self._known = known or _Known()
        self.degrees = degrees
        height, width = images[0].shape[:2]
        self.transform, size = turning(width, height, degrees)
        self.size = np.array(size, np.float32)

    @classmethod
    def of(cls, image: Picture, device: torch.device) -> Pyramid:
        """The upright pyramid of an (H, W, 3) picture."""
        image = image if isinstance(image, Tensor) else np.ascontiguousarray(image)
        images = [image]
        while min(image.shape[:2]) >= 2 * SMALLEST_LEVEL:
            image = _resized(image, image.shape[1] // 2, image.shape[0] // 2)
            images.append(image)
        return cls(images, device)

    def turned(self, degrees: float) -> Pyramid:
        """The same picture turned counter-clockwise by ``degrees`` from how it was opened."""
        return Pyramid(self.images, self.device, self._known, degrees)

    def level(self, scale: float) -> Picture:
        """The turned picture at ``scale`` <= 1, both sides even, grey around it."""
        width, height = (int(n) for n in np.maximum(np.round(self.size * scale / 2) * 2, 2))
        image = self.images[min(int(np.log2(1 / scale)), len(self.images) - 1)]
        quarters, rest = divmod(self.degrees, 90)
        if rest == 0:
            upright = (height, width) if quarters % 2 else (width, height)
            levels = self._known.levels
            level = levels[upright] = levels[upright] if upright in levels else _resized(image, *upright)
            if isinstance(level, Tensor):
                return torch.rot90(level, int(quarters))
            return np.ascontiguousarray(np.rot90(level, int(quarters)))
        shrunk = np.diag(np.array([width, height], np.float32) / self.size) @ self.transform
        shrunk[:, :2] *= np.array(self.images[0].shape[1::-1], np.float32) / image.shape[1::-1]
        if isinstance(image, Tensor):
            back = index_space(invert(shrunk))[None]
            return warp(image, back, (height, width), GREY)[0].round().byte()
        turned = cv2.warpAffine(image, index_space(shrunk), (width, height), borderValue=GREY)
        return np.asarray(turned, np.uint8)

    def windows(
        self, squares: FloatArray, side: int, network: Callable[[Tensor], T], pixels: int = CROP_PIXELS
    ) -> list[tuple[np.ndarray, FloatArray, T]]:
        """Indices into the (N, 4) squares, those squares, and what ``network`` makes of their (n, 3, side, side) crops
        (grey outside), for as many at once as a device takes well: of ``pixels`` together on a CPU.

        A square with x0 > x1 is cut mirrored.
        """
        depth = np.log2(np.maximum(np.abs(squares[:, 2] - squares[:, 0]) / side, 1e-6))
        depth = np.clip(np.round(depth), 0, len(self.images) - 1).astype(int)
        order = np.argsort(depth, kind="stable")
        pixels = pixels if self.device.type == "cpu" else CROP_PIXELS_CUDA
        batch = max(1, pixels // side**2)

        def look(which: np.ndarray) -> tuple[np.ndarray, FloatArray, T]:
            crops = [
                self._sample(int(level), squares[which[depth[which] == level]], side)
                for level in np.unique(depth[which])
            ]
            joined = torch.cat(crops) if len(crops) > 1 else crops[0]
            return which, squares[which], network(joined.contiguous(memory_format=torch.channels_last))

        parts = [order[start : start + batch] for start in range(0, len(order), batch)]
        return shared_out(look, parts, self.device.type)

    def _sample(self, level: int, squares: FloatArray, side: int) -> Tensor:
        tensors = self._known.tensors
        if level not in tensors:
            tensors[level] = normalised(self.images[level], self.device)
        size = np.array(self.images[0].shape[1::-1], np.float64)
        back = (
            np.array(invert(self.transform), np.float64) * (2 / size)[:, None]
        )  # to [-1, 1] over the picture
        steps = (np.arange(side) + 0.5) / side
        x, y = (squares[:, i, None] + (squares[:, i + 2, None] - squares[:, i, None]) * steps for i in (0, 1))
        # columns and rows of a crop move along the axes of the turned picture
        columns = torch.from_numpy((x[..., None] * back[:, 0] + back[:, 2] - 1).astype(np.float32))
        rows = torch.from_numpy((y[..., None] * back[:, 1]).astype(np.float32))
        grid = columns.to(self.device)[:, None] + rows.to(self.device)[:, :, None]
        if (
            self.device.type == "cpu"
        ):  # the same level for every crop, without a copy; threads share out the crops
            return F.grid_sample(tensors[level].expand(len(grid), -1, -1, -1), grid, align_corners=False)
        # one tall picture of all crops: on a card grid_sample would otherwise want a copy of the level per crop
        tall = F.grid_sample(tensors[level], grid.view(1, -1, side, 2), align_corners=False)
        return tall.view(3, len(squares), side, side).transpose(0, 1)


def _resized(image: Picture, width: int, height: int) -> Picture:
    if isinstance(image, Tensor):
        return resize_area(image, width, height)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def normalised(image: Picture, device: torch.device) -> Tensor:
    """(h, w, 3) uint8 to (1, 3, h, w) in [-1, 1], channels last in memory."""
    if not isinstance(image, Tensor):  # torch wants it writable
        image = torch.from_numpy(np.require(image, requirements=["C", "W"]))
    pixels = image.to(device).contiguous()
    return pixels.permute(2, 0, 1)[None].float().sub_(127.5).div_(128)


def restored(crops: Tensor) -> Tensor:
    """What was ``normalised``, from 0 to 255 again."""
    return crops * 128 + 127.5
