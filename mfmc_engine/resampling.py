"""What OpenCV does to pictures in main memory, in torch, for pictures that lie on an accelerator.

Pictures there are (H, W, C) uint8 tensors, kept as they were decoded. Results agree with OpenCV's to one grey level: it
rounds positions to 1/32 px where these are exact (tests/engine/test_resampling.py).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mfmc_engine.imaging import resize_to_pixels, size_of_pixels
from mfmc_engine.types import FloatArray, Image

Picture = Image | Tensor  # (H, W, 3) uint8 RGB in main memory, or as a tensor on the device that works on it


def on_host(picture: Picture) -> Image:
    """The picture in main memory, for what only runs there."""
    return picture.cpu().numpy() if isinstance(picture, Tensor) else picture


def warp(
    picture: Tensor, transforms: FloatArray, size: tuple[int, int], border: tuple[int, ...] | None = None
) -> Tensor:
    """(N, rows, columns, C) float bilinear samples of an (H, W, C) picture; ``size``: rows and columns.

    ``transforms``: (N, 2, 3) from pixel indices of the output to those of the picture, as cv2.warpAffine takes with
    WARP_INVERSE_MAP. Beyond the edge lies ``border`` (one value a channel), or without one the edge itself.
    """
    device = picture.device
    matrix = torch.from_numpy(np.asarray(transforms, np.float64)).to(device)[:, None, None]
    x = torch.arange(size[1], device=device, dtype=torch.float64)[None, None]
    y = torch.arange(size[0], device=device, dtype=torch.float64)[None, :, None]
    columns, rows = (matrix[..., i, 0] * x + matrix[..., i, 1] * y + matrix[..., i, 2] for i in (0, 1))
    left, top = columns.floor(), rows.floor()
    right_share, lower_share = ((columns - left).float()[..., None], (rows - top).float()[..., None])
    tap = _Taps(picture, left.long(), top.long(), border)
    upper = tap(0, 0) * (1 - right_share) + tap(1, 0) * right_share
    lower = tap(0, 1) * (1 - right_share) + tap(1, 1) * right_share
    return upper * (1 - lower_share) + lower * lower_share


class _Taps:
    """The four pixels around each position."""

    def __init__(self, picture: Tensor, left: Tensor, top: Tensor, border: tuple[int, ...] | None) -> None:
        self.picture, self.left, self.top = picture, left, top
        self.border = None if border is None else torch.tensor(border, device=picture.device).float()

    def __call__(self, dx: int, dy: int) -> Tensor:
        height, width = self.picture.shape[:2]
        x, y = self.left + dx, self.top + dy
        found = self.picture[y.clamp(0, height - 1), x.clamp(0, width - 1)].float()
        if self.border is None:
            return found
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        return torch.where(inside[..., None], found, self.border)


def shrink_to_pixels(picture: Picture, pixels: int) -> Picture:
    """The picture shrunk to at most about ``pixels`` pixels; never enlarged."""
    if not isinstance(picture, Tensor):
        return resize_to_pixels(picture, pixels)
    width, height = size_of_pixels(picture.shape[1], picture.shape[0], pixels)
    return picture if (height, width) == tuple(picture.shape[:2]) else resize_area(picture, width, height)


def resize_area(picture: Tensor, width: int, height: int) -> Tensor:
    """(height, width, C) uint8: every pixel the mean of what it covers in the larger (H, W, C) one (INTER_AREA)."""
    rows = _coverage(picture.shape[0], height, str(picture.device))
    columns = _coverage(picture.shape[1], width, str(picture.device))
    planes = picture.permute(2, 0, 1).float()
    means = torch.matmul(torch.matmul(rows, planes), columns.T)
    # what lies in the middle between two levels, a quarter of a halved picture, is rounded as OpenCV rounds it there
    halved = picture.shape[0] == 2 * height and picture.shape[1] == 2 * width
    return (torch.floor(means + 0.5) if halved else means.round()).byte().permute(1, 2, 0)


@lru_cache(64)
def _coverage(length: int, shorter: int, device: str) -> Tensor:
    """(shorter, length) share of each old pixel in each new one."""
    edges = np.linspace(0, length, shorter + 1)
    low, high = edges[:-1, None], edges[1:, None]
    pixel = np.arange(length)
    covered = np.minimum(high, pixel + 1) - np.maximum(low, pixel)
    return torch.from_numpy((covered.clip(0) / (high - low)).astype(np.float32)).to(device)


def pyramid_down(picture: Tensor) -> Tensor:
    """(ceil(H / 2), ceil(W / 2), C) float: smoothed by 1 4 6 4 1 both ways, every other pixel (cv2.pyrDown)."""
    channels = picture.shape[2]
    taps = torch.tensor([1, 4, 6, 4, 1], dtype=torch.float32, device=picture.device) / 16
    planes = F.pad(picture.permute(2, 0, 1)[None].float(), (2, 2, 2, 2), mode="reflect")
    planes = F.conv2d(planes, taps.view(1, 1, 1, 5).expand(channels, 1, 1, 5), stride=(1, 2), groups=channels)
    planes = F.conv2d(planes, taps.view(1, 1, 5, 1).expand(channels, 1, 5, 1), stride=(2, 1), groups=channels)
    return planes[0].permute(1, 2, 0)
