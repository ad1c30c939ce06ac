"""Mouths that are open wider than the donor's: its teeth keep their size, and what is below them is dark. Where the
photo shows no teeth between the lips, neither does the decoy.

A mesh alone stretches the donor's teeth over the whole opening, or tears the line between shut lips into a flat field.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.geometry import apply, similarity
from mfmc_engine.swapping import fields, mesh, outlines
from mfmc_engine.swapping.lit import Lit
from mfmc_engine.types import FloatArray

# Landmarks along the inner edge of the upper lip, and below each of them along that of the lower one.
_UPPER, _LOWER = [61, 62, 63], [67, 66, 65]


def opening(landmarks: FloatArray) -> float:
    """Mean height of the opening, px."""
    return float(np.linalg.norm(landmarks[_LOWER] - landmarks[_UPPER], axis=1).mean())


def shows_teeth(face: Lit) -> bool:
    """Whether what lies between the lips of the one ``face`` is about as light as its skin in places; True of a mouth
    that is not open wide enough to be looked into."""
    if opening(face.landmarks[0]) < P.CAVITY_LEAST:
        return True
    inside = fields.luminance(face.detail(P.TEETH_LIGHT))[face.part(outlines.inner_mouth) > 0]
    return len(inside) == 0 or float(inside.quantile(P.TEETH_QUANTILE)) > P.TEETH_SEEN


def teeth_end(target: FloatArray, donor: FloatArray, teeth: bool = True) -> FloatArray | None:
    """(68, 2) the target's landmarks with the inner lower lip moved up to where the donor's teeth end at their own
    size (to the upper one if no ``teeth`` are wanted), or None where the donor's mouth is open as wide as the target's.
    Both (68, 2), of any frame."""
    height = opening(target)
    own = opening(apply(similarity(donor, target), donor)) if teeth else 0.0
    if height < P.CAVITY_LEAST or own > height * P.CAVITY_RATIO:
        return None
    ended = target.copy()
    ended[_LOWER] = target[_UPPER] + (target[_LOWER] - target[_UPPER]) * (own / height)
    return ended


def open_wide(
    warped: Tensor,
    layers: Tensor,
    donors: Sequence[FloatArray],
    marks: Sequence[FloatArray],
    teeth: bool = True,
) -> Tensor:
    """Warped donors (B, C, H, W), RGB first, with the openings of mouths redrawn where the donor's is too small or
    shows ``teeth`` that shall not be seen.

    ``layers`` (B, C, S, S) are the donors before the warp with their landmarks ``donors``; ``marks`` (68, 2) px of the
    warped pictures.
    """
    out = warped
    for i, (target, donor) in enumerate(zip(marks, donors, strict=True)):
        ended = teeth_end(target, donor, teeth)
        if ended is None:
            continue
        out = warped.clone() if out is warped else out
        # only the mouth's surroundings are worked on
        around = fields.window(target[48:], P.PART_ROOM, (warped.shape[-2], warped.shape[-1]))
        corner = np.array([around[-1].start, around[-2].start], np.float32)
        local = warped[i : i + 1, :3][around]
        out[i : i + 1, :3][around] = _opened(local, layers[i : i + 1], donor, target - corner, ended - corner)
    return out


def _opened(
    warped: Tensor, layers: Tensor, donor: FloatArray, target: FloatArray, ended: FloatArray
) -> Tensor:
    """One warped donor (1, 3, H, W) with its mouth redrawn; all landmarks (68, 2) but the donor's in px of it."""
    size = warped.shape[-2], warped.shape[-1]
    teeth = mesh.warp_donors(layers, [donor], [ended], size)[:, :3]
    inside, shown, lips = (
        fields.rasterise(outline, [points], warped.device, size)
        for outline, points in (
            (outlines.inner_mouth, target),
            (outlines.inner_mouth, ended),
            (outlines.lips, target),
        )
    )
    tone = fields.mean(warped, lips)
    depth = torch.from_numpy(_depth(target, ended, size)).to(warped)
    low, high = P.CAVITY_TONE
    drawn = tone * (low + (high - low) * depth)
    inside, shown = (fields.gaussian(mask, P.CAVITY_FEATHER) for mask in (inside, shown * inside))
    return warped * (1 - inside) + (teeth * shown + drawn * (1 - shown)) * inside


def _depth(target: FloatArray, ended: FloatArray, size: tuple[int, int]) -> FloatArray:
    """(H, W) 0 at the edge of the upper teeth, 1 at the lower lip: the tongue comes up toward it."""
    top, bottom = ended[_LOWER].mean(0), target[_LOWER].mean(0)
    axis = bottom - top
    ys, xs = np.mgrid[: size[0], : size[1]].astype(np.float32) + 0.5
    along = ((xs - top[0]) * axis[0] + (ys - top[1]) * axis[1]) / max(float(axis @ axis), 1e-6)
    return np.asarray(cv2.GaussianBlur(np.clip(along, 0, 1).astype(np.float32), (0, 0), 1.5), np.float32)
