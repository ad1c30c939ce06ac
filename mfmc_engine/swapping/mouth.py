"""Mouths that are open wider than the donor's: its teeth keep their size, and what is below them is dark. Where the
photo shows no teeth between the lips, neither does the decoy; where it shows some and the donor none, it borrows them.
Lips that are shut in the photo meet in a line as dark as there, whatever the donor shows.

A mesh alone stretches the donor's teeth over the whole opening, tears the line between shut lips into a flat field, or
squeezes teeth to a ragged light one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
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


@dataclass(frozen=True, slots=True)
class Between:
    """What a photo shows between somebody's lips."""

    growth: float  # how many times their own size teeth may be drawn in: see TEETH_GROWTH
    tones: FloatArray  # (L, 3) shares of the lips' colour of what is dark, from top to bottom
    line: float  # share of the lips' brightness of the line in which they meet


def look(face: Lit) -> Between:
    """What is between the lips of the one ``face``: no teeth, some above a cavity, or a smile so broad that there is
    nothing else."""
    none, some, broad = P.TEETH_GROWTH
    usual = np.outer(P.CAVITY_TONE, np.ones(3)).astype(np.float32)
    inside = face.part(outlines.inner_mouth)[0, 0].cpu().numpy() > 0
    marks = face.landmarks[0]
    if opening(marks) < P.LIPS_SHUT or not inside.any():  # nothing to be looked into
        return Between(some, usual, _line(face))
    light = fields.luminance(face.detail(P.TEETH_LIGHT))[0, 0].cpu().numpy()
    layers = _layers(inside, marks)
    if np.quantile(light[inside], P.TEETH_QUANTILE) <= P.TEETH_SEEN:
        own = _tones(face, layers)
        return Between(none, usual if own is None else own, P.LINE_TONES[0])
    darkest = min((float(light[layer].mean()) for layer in layers[1:-1] if layer.any()), default=-math.inf)
    return Between(broad if darkest > P.TEETH_DARKEST else some, usual, P.LINE_TONES[0])


def _line(face: Lit) -> float:
    """The ``line`` of a mouth that is hardly open: the darkest that is found across it, on average along its middle."""
    marks = face.landmarks[0]
    grey = fields.luminance(face.pictures)
    lips = float(fields.mean(grey, face.part(outlines.lips)))
    across = outlines.up(marks) * np.arange(-P.LINE_REACH, P.LINE_REACH + 0.5)[:, None]
    seam = _seam(marks)[P.LINE_POINTS // 4 : -P.LINE_POINTS // 4]
    places = (seam[:, None] + across - 0.5).astype(np.float32)
    xs, ys = places[..., 0], places[..., 1]
    picture = grey[0, 0].cpu().numpy()
    seen = cv2.remap(picture, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return float(np.clip(seen.min(1).mean() / max(lips, 1e-3), *P.LINE_TONES))


def _seam(landmarks: FloatArray) -> FloatArray:
    """(LINE_POINTS, 2) px along which the lips meet, from corner to corner."""
    known = np.concatenate([landmarks[[60]], (landmarks[_UPPER] + landmarks[_LOWER]) / 2, landmarks[[64]]])
    curve = CubicSpline(np.linspace(0, 1, len(known)), known)
    return np.asarray(curve(np.linspace(0, 1, P.LINE_POINTS)), np.float32)


def _layers(inside: NDArray[np.bool_], landmarks: FloatArray) -> list[NDArray[np.bool_]]:
    """Where (H, W) each layer from the upper to the lower lip is, in the middle of the mouth. The first and the last
    are the lips' rims as often as not."""
    depth = fields.along(landmarks[_UPPER].mean(0), landmarks[_LOWER].mean(0), inside.shape).clip(0, 0.999)
    across = fields.along(landmarks[60], landmarks[64], inside.shape)
    low, high = P.TEETH_MIDDLE
    middle = inside & (across > low) & (across < high)
    return [middle & ((depth * P.TEETH_LAYERS).astype(int) == i) for i in range(P.TEETH_LAYERS)]


def _tones(face: Lit, layers: Sequence[NDArray[np.bool_]]) -> FloatArray | None:
    """What ``Between`` has of a dark mouth; None where a layer cannot be seen. Means along the mouth: how dark it is,
    not what is in there."""
    picture = face.pictures[0].permute(1, 2, 0).cpu().numpy()
    lips = face.part(outlines.lips)[0, 0].cpu().numpy() > 0
    if not all(layer.any() for layer in layers) or not lips.any():
        return None
    tones = np.stack([picture[layer].mean(0) for layer in layers]) / picture[lips].mean(0).clip(min=1e-3)
    for rim, beside in ((0, 1), (-1, -2)):
        if tones[rim].mean() > tones[beside].mean():
            tones[rim] = tones[beside]
    return tones.clip(0, 1).astype(np.float32)


def teeth_end(target: FloatArray, donor: FloatArray, growth: float) -> FloatArray | None:
    """(68, 2) the target's landmarks with the inner lower lip moved up to where the donor's teeth end at their own
    size (to the upper one for a ``growth`` of 0), or None where they reach the lower lip if they grow as much. Both
    (68, 2), of any frame."""
    height = opening(target)
    own = _own_opening(target, donor) if growth else 0.0
    if height < P.LIPS_SHUT or own * growth > height:
        return None
    ended = target.copy()
    ended[_LOWER] = target[_UPPER] + (target[_LOWER] - target[_UPPER]) * (own / height)
    return ended


def _own_opening(target: FloatArray, donor: FloatArray) -> float:
    """How far the donor's mouth is open, px, at the target's size."""
    return opening(apply(similarity(donor, target), donor))


def redraw(
    warped: Tensor,
    layers: Tensor,
    donors: Sequence[FloatArray],
    marks: Sequence[FloatArray],
    between: Between,
    lend: Callable[[int], tuple[Tensor, FloatArray]] | None = None,
) -> Tensor:
    """Warped donors (B, C, H, W), RGB first, with mouths redrawn where the donor's is not open wide enough, or shows
    teeth that shall not be seen.

    ``layers`` (B, C, S, S) are the donors before the warp with their landmarks ``donors``; ``marks`` (68, 2) px of the
    warped pictures. ``between``: what the photo shows there. ``lend`` says, for one of the batch that shows hardly any
    teeth itself, whose to show: the same of somebody with a broad smile, (1, C, S, S) and (68, 2).
    """
    out = warped
    for i, (target, donor) in enumerate(zip(marks, donors, strict=True)):
        # only the mouth's surroundings are worked on
        around = fields.window(target[48:], P.PART_ROOM, (warped.shape[-2], warped.shape[-1]))
        corner = np.array([around[-1].start, around[-2].start], np.float32)
        if opening(target) < P.LIPS_SHUT <= _own_opening(target, donor):
            out = warped.clone() if out is warped else out
            out[i : i + 1, :3][around] = _shut(warped[i : i + 1, :3][around], target - corner, between.line)
            continue
        ended = teeth_end(target, donor, between.growth)
        if ended is None:
            continue
        own = layers[i : i + 1]
        if between.growth and lend and _own_opening(target, donor) < opening(target) * P.TEETH_LENT:
            own, donor = lend(i)
            wide = teeth_end(target, donor, between.growth)
            ended = target if wide is None else wide
        out = warped.clone() if out is warped else out
        local = warped[i : i + 1, :3][around]
        out[i : i + 1, :3][around] = _opened(local, own, donor, target - corner, ended - corner, between)
    return out


def _opened(
    warped: Tensor,
    layers: Tensor,
    donor: FloatArray,
    target: FloatArray,
    ended: FloatArray,
    between: Between,
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
    if not between.growth:
        warped = _without_teeth(warped, lips, inside)
    tone = fields.mean(warped, lips)
    depth = _depth(target, ended, size)
    steps = np.linspace(0, 1, len(between.tones))
    shares = np.stack([np.interp(depth, steps, channel) for channel in between.tones.T]).astype(np.float32)
    drawn = tone * torch.from_numpy(shares).to(warped)
    inside, shown = (fields.gaussian(mask, P.CAVITY_FEATHER) for mask in (inside, shown * inside))
    return warped * (1 - inside) + (teeth * shown + drawn * (1 - shown)) * inside


def _shut(warped: Tensor, target: FloatArray, line: float) -> Tensor:
    """One warped donor (1, 3, H, W) with its lips shut, which meet in a ``line``; ``target`` (68, 2) px of it."""
    size = warped.shape[-2], warped.shape[-1]
    seam = _seam(target)
    half = (opening(target) + P.LINE_WIDTH) / 2 * np.sin(np.pi * np.linspace(0, 1, len(seam)))[:, None] ** 0.5
    rise = outlines.up(target) * half
    band = np.concatenate([seam + rise, (seam - rise)[::-1]]).astype(np.float32)
    drawn = fields.rasterise(lambda _: [band], [target], warped.device, size)
    mouth = fields.rasterise(lambda points: [points[48:60]], [target], warped.device, size)
    bare = _without_teeth(warped, mouth, drawn)
    return bare * (1 - (1 - line) * fields.gaussian(drawn, P.CAVITY_FEATHER))


def _without_teeth(warped: Tensor, lips: Tensor, inside: Tensor) -> Tensor:
    """One warped donor without the edges of its teeth that show beyond its inner lips, as these go on."""
    rim = fields.dilate(inside, P.TEETH_REACH)
    bare = fields.spread(warped, lips * (1 - rim), P.LIP_SIGMAS)
    return warped + fields.gaussian(rim * lips, P.CAVITY_FEATHER) * (bare - warped)


def _depth(target: FloatArray, ended: FloatArray, size: tuple[int, ...]) -> FloatArray:
    """(H, W) 0 at the edge of the upper teeth, 1 at the lower lip: the tongue comes up toward it."""
    along = fields.along(ended[_LOWER].mean(0), target[_LOWER].mean(0), size)
    return np.asarray(cv2.GaussianBlur(np.clip(along, 0, 1), (0, 0), 1.5), np.float32)
