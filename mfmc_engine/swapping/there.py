"""Swaps of a picture that lies on an accelerator: cutting faces out of it, and laying decoys over it, without bringing
pixels to the host. What ``mesh.crop``, ``blending.place`` and ``compositing.paste`` do in main memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.geometry import index_space, invert
from mfmc_engine.resampling import resize_area, warp
from mfmc_engine.swapping import mesh, outlines
from mfmc_engine.swapping.mesh import Frame
from mfmc_engine.swapping.patch import Patch
from mfmc_engine.types import FloatArray

NOTHING = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class PatchThere:
    """A Patch whose pixels (h, w, 3) and alpha (h, w), uint8, lie on the device."""

    origin: tuple[int, int]
    pixels: Tensor
    alpha: Tensor

    def on_host(self) -> Patch:
        """The same in main memory."""
        return Patch(self.origin, self.pixels.cpu().numpy(), self.alpha.cpu().numpy())


def crop(image: Tensor, frame: Frame) -> Tensor:
    """(1, 3, *frame.size) canonical crop in [0, 1] of an (H, W, 3) picture, see ``mesh.crop``."""
    x0, y0, x1, y1, reduced = mesh.crop_region(image.shape, frame)
    region = image[y0:y1, x0:x1]
    if reduced is not None:
        region = resize_area(region, *reduced)
    inverse = torch.from_numpy(mesh.crop_transform(region.shape, (x0, y0, x1, y1), frame)).to(image.device)
    rows, columns = frame.size
    xs = torch.arange(columns, device=image.device, dtype=torch.float64)
    ys = torch.arange(rows, device=image.device, dtype=torch.float64)[:, None]
    where = [inverse[i, 0] * xs + inverse[i, 1] * ys + inverse[i, 2] for i in (0, 1)]
    last = [max(side - 1, 1) for side in (region.shape[1], region.shape[0])]
    grid = torch.stack(
        [2 * position / end - 1 for position, end in zip(where, last, strict=True)], -1
    ).float()
    planes = region.permute(2, 0, 1)[None].float()
    sampled = F.grid_sample(planes, grid[None], mode="bicubic", padding_mode="reflection", align_corners=True)
    return sampled.round().clamp(0, 255) / 255


def place(
    image: Tensor,
    decoys: Tensor,
    alphas: Tensor,
    frame: Frame,
    landmarks: FloatArray,
    random: np.random.Generator,
) -> list[PatchThere]:
    """Decoys (B, 3, H, W) and alphas (B, 1, H, W) of the face with (68, 2) ``landmarks`` in px of ``frame``, each
    resampled into an (H, W, 3) picture and given its grain, see ``blending.place``. Two waits for the device."""
    extents = _extents(alphas[:, 0])
    placed: list[tuple[tuple[int, int], Tensor, Tensor, Tensor] | None] = []
    for decoy, alpha, extent in zip(decoys, alphas, extents, strict=True):
        bounds = frame.bounds(extent, (image.shape[0], image.shape[1]))
        placed.append(bounds and _placed(torch.cat([decoy, alpha]), bounds, frame, landmarks))
    counts = torch.stack(
        [p[3].sum() if p else image.new_zeros((), dtype=torch.long) for p in placed]
    ).tolist()
    nothing = image.new_zeros((1, 1, 3)), image.new_zeros((1, 1))
    patches = []
    for found, count in zip(placed, counts, strict=True):
        if found is None:
            patches.append(PatchThere((0, 0), *nothing))
            continue
        (x, y), colours, cover, cheeks = found
        if count >= P.GRAIN_SMALLEST:
            height, width = cover.shape
            region = image[y : y + height, x : x + width].float()
            white = torch.from_numpy(random.standard_normal((height, width), np.float32)).to(image.device)
            colours = colours + white[..., None] * _lacking_grain(region, colours, cheeks, count)
        pixels = torch.where(cover[..., None] > 0, colours.round().clamp(0, 255), 0).byte()
        patches.append(PatchThere((x, y), pixels, cover))
    return patches


def _extents(alphas: Tensor) -> list[tuple[int, int, int, int] | None]:
    """Left, top, right, bottom px, right and bottom outside, of what is over 0 in each of (B, H, W)."""
    sides = []
    for dim in (1, 2):  # columns, rows
        shown = (alphas > 0).any(dim).byte()
        sides += [shown.argmax(1), shown.shape[1] - shown.flip(1).argmax(1)]
    columns = [*sides, (alphas > 0).flatten(1).any(1).long()]
    rows = torch.stack(columns, 1).tolist()
    return [(left, top, right, bottom) if any_ else None for left, right, top, bottom, any_ in rows]


def _placed(
    layers: Tensor, bounds: tuple[int, int, int, int], frame: Frame, landmarks: FloatArray
) -> tuple[tuple[int, int], Tensor, Tensor, Tensor]:
    """Origin, colours (h, w, 3) in [0, 255], cover (h, w) uint8, and where skin is shown that has grain to match."""
    x0, y0, x1, y1 = bounds
    shift = frame.to_photo.copy()
    shift[:, 2] -= [x0, y0]
    back = index_space(invert(shift))[None]
    moved = warp(layers.permute(1, 2, 0), back, (y1 - y0, x1 - x0), NOTHING)[0]
    cover = (moved[..., 3] * 255).round().clamp(0, 255).byte()
    cheeks = outlines.cheek_mask(landmarks, shift, (y1 - y0, x1 - x0))
    shown = torch.from_numpy(cheeks).to(layers.device).bool() & (cover == 255)
    return (x0, y0), moved[..., :3] * 255, cover, shown


def _lacking_grain(photo: Tensor, decoy: Tensor, where: Tensor, count: int) -> Tensor:
    """() what the photo's grain has over the decoy's, see ``texture.add_grain``."""
    lacking = _grain_level(photo, where, count) ** 2 - _grain_level(decoy, where, count) ** 2
    return lacking.clamp(min=0).sqrt().clamp(max=P.GRAIN_LARGEST)


def _grain_level(picture: Tensor, where: Tensor, count: int) -> Tensor:
    grey = picture @ torch.tensor(P.LUMA, device=picture.device)
    kernel = torch.tensor([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=torch.float32, device=picture.device)
    response = F.conv2d(F.pad(grey[None, None], (1, 1, 1, 1), mode="reflect"), kernel[None, None])[0, 0].abs()
    ordered = torch.where(where, response, torch.inf).flatten().sort().values
    return (ordered[(count - 1) // 2] + ordered[count // 2]) / 2 / (0.6745 * 6)


def paste(image: Tensor, origin: tuple[int, int], patch: PatchThere) -> None:
    """Lay a patch over (H, W, 3), in place, see ``compositing.paste``; the patch may stick out."""
    x, y = origin
    height, width = image.shape[:2]
    left, top = max(0, x), max(0, y)
    right, bottom = min(width, x + patch.alpha.shape[1]), min(height, y + patch.alpha.shape[0])
    if right <= left or bottom <= top:
        return
    part = np.s_[top - y : bottom - y, left - x : right - x]
    cover = patch.alpha[part][..., None].int()
    below = image[top:bottom, left:right]
    mixed = patch.pixels[part].int() * cover + below.int() * (255 - cover) + 127
    below.copy_(torch.div(mixed, 255, rounding_mode="floor").byte())
