"""Mouths that are open wider than the donor's: its teeth keep their size, and what is below them is dark. Where the
photo shows no teeth between the lips, neither does the decoy; where it shows some and the donor none, it borrows them.

A mesh alone stretches the donor's teeth over the whole opening, or tears the line between shut lips into a flat field.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
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


def teeth_growth(face: Lit) -> float:
    """How many times their own size a donor's teeth may be drawn in the mouth of the one ``face``: not at all where it
    shows none, nearly as they are above a cavity, and large where it smiles so broadly that there is nothing else."""
    none, some, broad = P.TEETH_GROWTH
    inside = face.part(outlines.inner_mouth)[0, 0].cpu().numpy() > 0
    if opening(face.landmarks[0]) < P.CAVITY_LEAST or not inside.any():  # not wide enough to be looked into
        return some
    light = fields.luminance(face.detail(P.TEETH_LIGHT))[0, 0].cpu().numpy()
    if np.quantile(light[inside], P.TEETH_QUANTILE) <= P.TEETH_SEEN:
        return none
    return broad if _darkest_layer(light, inside, face.landmarks[0]) > P.TEETH_DARKEST else some


def _darkest_layer(light: FloatArray, inside: NDArray[np.bool_], landmarks: FloatArray) -> float:
    """Mean of ``light`` (H, W) in the darkest of some layers from upper to lower lip, in the middle of the mouth. The
    first and the last layer are left out: they are the lips' rims as often as not."""
    depth = _along(landmarks[_UPPER].mean(0), landmarks[_LOWER].mean(0), light.shape).clip(0, 0.999)
    across = _along(landmarks[60], landmarks[64], light.shape)
    low, high = P.TEETH_MIDDLE
    layers = np.where(inside & (across > low) & (across < high), (depth * P.TEETH_LAYERS).astype(int), -1)
    return min(
        (float(light[layers == i].mean()) for i in range(1, P.TEETH_LAYERS - 1) if (layers == i).any()),
        default=-math.inf,
    )


def teeth_end(target: FloatArray, donor: FloatArray, growth: float) -> FloatArray | None:
    """(68, 2) the target's landmarks with the inner lower lip moved up to where the donor's teeth end at their own
    size (to the upper one for a ``growth`` of 0), or None where they reach the lower lip if they grow as much. Both
    (68, 2), of any frame."""
    height = opening(target)
    own = _own_opening(target, donor) if growth else 0.0
    if height < P.CAVITY_LEAST or own * growth > height:
        return None
    ended = target.copy()
    ended[_LOWER] = target[_UPPER] + (target[_LOWER] - target[_UPPER]) * (own / height)
    return ended


def _own_opening(target: FloatArray, donor: FloatArray) -> float:
    """How far the donor's mouth is open, px, at the target's size."""
    return opening(apply(similarity(donor, target), donor))


def open_wide(
    warped: Tensor,
    layers: Tensor,
    donors: Sequence[FloatArray],
    marks: Sequence[FloatArray],
    growth: float = P.TEETH_GROWTH[1],
    lend: Callable[[int], tuple[Tensor, FloatArray]] | None = None,
) -> Tensor:
    """Warped donors (B, C, H, W), RGB first, with the openings of mouths redrawn where the donor's is too small or
    shows teeth that shall not be seen.

    ``layers`` (B, C, S, S) are the donors before the warp with their landmarks ``donors``; ``marks`` (68, 2) px of the
    warped pictures. ``growth``: see ``teeth_growth``. ``lend`` says, for one of the batch that shows hardly any teeth
    itself, whose to show: the same of somebody with a broad smile, (1, C, S, S) and (68, 2).
    """
    out = warped
    for i, (target, donor) in enumerate(zip(marks, donors, strict=True)):
        ended = teeth_end(target, donor, growth)
        if ended is None:
            continue
        own = layers[i : i + 1]
        if growth and lend and _own_opening(target, donor) < opening(target) * P.TEETH_LENT:
            own, donor = lend(i)
            wide = teeth_end(target, donor, growth)
            ended = target if wide is None else wide
        out = warped.clone() if out is warped else out
        # only the mouth's surroundings are worked on
        around = fields.window(target[48:], P.PART_ROOM, (warped.shape[-2], warped.shape[-1]))
        corner = np.array([around[-1].start, around[-2].start], np.float32)
        local = warped[i : i + 1, :3][around]
        out[i : i + 1, :3][around] = _opened(local, own, donor, target - corner, ended - corner)
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


def _depth(target: FloatArray, ended: FloatArray, size: tuple[int, ...]) -> FloatArray:
    """(H, W) 0 at the edge of the upper teeth, 1 at the lower lip: the tongue comes up toward it."""
    along = _along(ended[_LOWER].mean(0), target[_LOWER].mean(0), size)
    return np.asarray(cv2.GaussianBlur(np.clip(along, 0, 1), (0, 0), 1.5), np.float32)


def _along(start: FloatArray, end: FloatArray, size: tuple[int, ...]) -> FloatArray:
    """(H, W) how far along the way from ``start`` (0) to ``end`` (1), both (2,), each pixel lies."""
    axis = end - start
    ys, xs = np.mgrid[: size[0], : size[1]].astype(np.float32) + 0.5
    along = ((xs - start[0]) * axis[0] + (ys - start[1]) * axis[1]) / max(float(axis @ axis), 1e-6)
    return np.asarray(along, np.float32)
