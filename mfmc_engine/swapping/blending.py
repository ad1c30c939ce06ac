"""From a warped donor to a decoy: skin, mask, light, sharpness, seam, and the way back into the photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.batching.cores import shared_out
from mfmc_engine.geometry import apply, index_space
from mfmc_engine.resampling import Picture
from mfmc_engine.swapping import (
    eyes,
    fields,
    finish,
    gaze,
    masks,
    mesh,
    outlines,
    profile,
    relight,
    skin,
    texture,
    there,
)
from mfmc_engine.swapping.eyewear import Eyewear
from mfmc_engine.swapping.lit import Lit
from mfmc_engine.swapping.mesh import Frame
from mfmc_engine.swapping.patch import Patch
from mfmc_engine.types import FloatArray, Image


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One face of a photo, ready to be replaced as often as it takes. A batch of one, whatever stands beside it."""

    frame: Frame  # of the window that the swap works in
    lit: Lit  # (1, 3, H, W) crop, its skin and landmarks
    barred: Tensor  # (1, 1, H, W), 1 on pixels of another face in front
    shut: bool  # whether the eyes are
    behind: bool = False  # whether so much is barred that what is left would still show who it is

    @property
    def landmarks(self) -> FloatArray:
        """(68, 2) px of the window."""
        return self.lit.landmarks[0]

    def glance(self) -> float | None:
        """Where the eyes look, see ``gaze.glance``; None of shut ones."""

        def work_out() -> float | None:
            if self.shut:
                return None
            grey = fields.luminance(self.lit.pictures)[0, 0].mul(255).round().byte().cpu().numpy()
            return gaze.glance(grey, self.landmarks)

        return self.lit.once("glance", work_out)

    def repainted(self, pictures: Tensor) -> Lit:
        """Swapped (B, 3, H, W) ``pictures`` of the window that kept the person's own outlines and skin."""
        skins = self.lit.skin.expand(len(pictures), -1, -1, -1).contiguous()
        return Lit(pictures, skins, [self.landmarks] * len(pictures))


def prepare(image: Picture, landmarks: Sequence[FloatArray], device: str = "cpu") -> list[Target]:
    """Crops and skin of all faces of a photo; ``landmarks`` (68, 2) px of ``image`` each."""
    frames = [Frame.of(points) for points in landmarks]
    frames = [frame.window(_reach(frame, points)) for frame, points in zip(frames, landmarks, strict=True)]

    def target(i: int) -> Target:
        frame, inside = frames[i], [apply(frames[i].to_crop, landmarks[i])]
        crop = (
            there.crop(image, frame)
            if isinstance(image, Tensor)
            else to_tensor([mesh.crop(image, frame)], device)
        )
        likelihood = skin.likelihood(crop, inside)
        inside = [profile.on_silhouette(crop[0], inside[0])]
        lit = Lit(crop, likelihood, inside)
        others, crowns = _others_in_front(
            i, frames, landmarks
        )  # asked in main memory whether there is anybody
        barred = torch.from_numpy(others[None, None]).to(device)
        behind = bool(others.any()) and masks.is_behind(lit, barred)
        if crowns.any():
            heads = masks.heads_in_front(lit, torch.from_numpy(crowns[None, None]).to(device))
            behind = behind or masks.are_eyes_behind(lit, heads)
            barred = torch.maximum(barred, heads)
        return Target(frame, lit, barred, eyes.shut(crop, inside)[0], behind)

    return shared_out(target, range(len(frames)), device)


def _reach(frame: Frame, landmarks: FloatArray) -> FloatArray:
    """(N, 2) px of the photo: the outline of all that a swap may replace."""
    return apply(frame.to_photo, np.concatenate(outlines.region(apply(frame.to_crop, landmarks))))


def to_tensor(images: Sequence[Image], device: str | torch.device = "cpu") -> Tensor:
    """Equally sized uint8 pictures to (B, 3, H, W) in [0, 1], channel by channel in memory."""
    return interleaved(images, device).contiguous()


def interleaved(images: Sequence[Image], device: str | torch.device = "cpu") -> Tensor:
    """The same, pixel by pixel in memory: as pictures come, and as they are sampled."""
    batch = torch.from_numpy(np.stack(images)).to(device)
    return batch.permute(0, 3, 1, 2).float().div_(255)


def blend(
    target: Target, donor: Lit, folds: Sequence[float] = (), worn: Eyewear | None = None
) -> tuple[Tensor, Tensor]:
    """Decoys (B, 3, H, W) and alpha (B, 1, H, W), both in [0, 1], of each of the warped ``donor``s on the target.

    ``folds`` as for ``relight.relight``; ``worn``: the person's glasses, if decoys shall wear them."""
    alpha = masks.swap_mask(target.lit, donor, target.barred, worn is not None)
    decoys = relight.relight(donor, target.lit, folds)
    decoys = texture.match_sharpness(decoys, target.lit)
    decoys = finish.close_seam(decoys, donor, target.lit, alpha)
    decoys = finish.darken_rim(finish.keep_in_range(decoys, target.lit), target.lit)
    if worn:
        decoys = worn.on(decoys)
    return decoys.clamp(0, 1), alpha


def _others_in_front(
    index: int, frames: Sequence[Frame], landmarks: Sequence[FloatArray]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(H, W) masks of pixels that belong to another face: outside this face's outline, or inside the outlines of
    both where the other face is the larger one, hence the nearer one; and of where hair of such a one may be."""
    frame = frames[index]
    own = _outline(apply(frame.to_crop, landmarks[index]), frame.size)
    others, crowns = np.zeros((2, *frame.size), np.uint8)
    for other, points in enumerate(landmarks):
        if other == index:
            continue
        moved, nearer = apply(frame.to_crop, points), frames[other].scale < frame.scale
        crown = outlines.crown(moved)
        if nearer and _meets(crown, frame.size):
            crowns |= _outline(crown, frame.size)
        if _meets(moved, frame.size):
            covered = _outline(moved, frame.size)
            others |= covered if nearer else covered & ~own
    return _soft(others), _soft(crowns)


def _meets(points: FloatArray, size: tuple[int, int]) -> bool:
    """Whether the box around ``points`` (N, 2) px reaches into a window of ``size`` rows and columns."""
    return not ((points.max(0) < 0).any() or (points.min(0) > size[::-1]).any())


def _soft(mask: NDArray[np.uint8]) -> NDArray[np.float32]:
    if not mask.any():
        return mask.astype(np.float32)
    return np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), P.BARRED_FEATHER), np.float32)


def _outline(landmarks: FloatArray, size: tuple[int, int]) -> NDArray[np.uint8]:
    canvas = np.zeros(size, np.uint8)
    hull = cv2.convexHull(np.round(landmarks).astype(np.int32))
    cv2.fillConvexPoly(canvas, hull, 1)
    return canvas


def place(
    image: Image,
    decoy: FloatArray,
    alpha: FloatArray,
    target: Target,
    random: np.random.Generator,
) -> Patch:
    """Resample one (H, W, 3) decoy and its (H, W) alpha, both in [0, 1], into ``image`` and give it its grain."""
    frame = target.frame
    bounds = frame.bounds(_extent(alpha), (image.shape[0], image.shape[1]))
    if bounds is None:
        return Patch((0, 0), np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.uint8))
    x0, y0, x1, y1 = bounds
    shift = frame.to_photo.copy()
    shift[:, 2] -= [x0, y0]
    colours, covered = (
        np.asarray(cv2.warpAffine(layer, index_space(shift), (x1 - x0, y1 - y0)), np.float32)
        * np.float32(255)
        for layer in (cv2.merge(list(np.moveaxis(decoy, -1, 0))), alpha)
    )
    cover = np.round(covered).clip(0, 255).astype(np.uint8)
    cheeks = outlines.cheek_mask(target.landmarks, shift, (y1 - y0, x1 - x0))
    region = image[y0:y1, x0:x1].astype(np.float32)
    grained = texture.add_grain(colours, region, (cheeks > 0) & (cover == 255), random)
    pixels = np.round(grained).clip(0, 255).astype(np.uint8)
    return Patch((x0, y0), np.asarray(cv2.copyTo(pixels, cover), np.uint8), cover)


def _extent(alpha: FloatArray) -> tuple[int, int, int, int] | None:
    """x0, y0, x1, y1 px that hold all of ``alpha``, None if that is empty."""
    shown = alpha > 0
    xs, ys = np.flatnonzero(shown.any(0)), np.flatnonzero(shown.any(1))
    if len(ys) == 0:
        return None
    return int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1
