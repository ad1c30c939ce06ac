"""Sunglasses: found as two dark fields round the eyes that end abruptly below, and drawn again on the decoy.

Kept pixel by pixel, what passes for a lens might be an eye in deep shade. So what is kept is their outline, how sharp
it is, and their tone, from top to bottom. Lenses that are mirrors, or hardly dark, are not found. Distances are px of
the crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.swapping import fields
from mfmc_engine.swapping.glasses import (
    ANGLES,
    FINER,
    RADII,
    ROUND,
    SIDES,
    Eyes,
    bridge,
    dark_lines,
    finer_corners,
    sampled,
    temple,
    traced,
)
from mfmc_engine.swapping.lit import Lit
from mfmc_engine.types import FloatArray

_BELOW: Final = np.sin(ANGLES) > 0.25  # above there may be a brow, or the peak of a cap
_REACH: Final = np.arange(1, P.GLASSES_RADII[1] + P.SHADES_EDGE + 1, dtype=np.float32)  # from an eye's centre


@dataclass(frozen=True, slots=True)
class Shades:
    """Dark lenses, and what holds them."""

    lenses: tuple[FloatArray, ...]  # (ROUND, 2) each, closed
    bars: tuple[FloatArray, ...]  # (N, 2) each, open: the bridge and the temples
    hides: FloatArray  # (2 * SHADES_EDGE + 1,) share of what is behind that is hidden, from so far inside to outside
    middle: FloatArray  # (3,) colour in [0, 1] at the eyes' height
    slope: FloatArray  # (3,) what it gains a px downward


def drawn(target: Lit) -> tuple[Tensor, Tensor] | None:
    """(1, 1, H, W) how much of a decoy they hide, and (1, 3, H, W) their colour; None without any."""
    found = find(target)
    if found is None:
        return None
    eyes = Eyes.of(target.landmarks[0])
    canvas = np.zeros([side * FINER for side in target.size], np.uint8)
    cv2.fillPoly(canvas, finer_corners(found.lenses), 1, shift=4)
    cv2.polylines(canvas, finer_corners(found.bars), False, 1, P.SHADES_BAR * FINER, shift=4)
    inside, outside = (cv2.distanceTransform(part, cv2.DIST_L2, 5) for part in (canvas, 1 - canvas))
    beyond = cv2.resize((outside - inside) / FINER, target.size[::-1], interpolation=cv2.INTER_AREA)
    edge = np.arange(-P.SHADES_EDGE, P.SHADES_EDGE + 1)
    hidden = torch.from_numpy(np.interp(beyond, edge, found.hides).astype(np.float32))
    middle = eyes.centres.mean(0)
    down = fields.along(middle, middle + eyes.down, target.size)
    colour = torch.from_numpy((found.middle[:, None, None] + found.slope[:, None, None] * down).clip(0, 1))
    return hidden[None, None].to(target.pictures), colour[None].to(target.pictures)


def find(target: Lit) -> Shades | None:
    """The sunglasses of one face; None without any, or where they cannot be told surely from eyes in the shade."""
    eyes = Eyes.of(target.landmarks[0])
    tone = fields.luminance(target.detail(P.GLASSES_LIGHT))[0, 0].cpu().numpy()
    around = [_around(tone, eyes, side) for side in SIDES]
    if max(one[:, : P.SHADES_GLIMPSE[0]].mean() for one in around) > P.SHADES_GLIMPSE[1]:
        return None  # saves nearly all others the whole search
    radii, strong = traced([_edges(one) for one in around])
    inside = [_within(r) for r in radii]
    lightest = max(
        float(np.quantile(one[part], P.SHADES_LIGHTEST[0])) for one, part in zip(around, inside, strict=True)
    )
    if lightest > P.SHADES_LIGHTEST[1] or np.quantile(strong[:, _BELOW], 0.2, axis=1).min() < P.SHADES_STEP:
        return None
    lenses = tuple(eyes.around(side, r[:, None])[:, 0] for side, r in zip(SIDES, radii, strict=True))
    lines = dark_lines(tone, eyes)
    temples = [temple(lines, eyes, side, lens) for side, lens in zip(SIDES, lenses, strict=True)]
    bars = [bridge(lines, eyes, lenses), *temples]
    worn = tuple(bar for bar, strength in bars if strength >= P.GLASSES_TEMPLE)
    return Shades(lenses, worn, _edge(around, radii), *_colour(target, eyes, radii))


def _within(radii: FloatArray) -> NDArray[np.bool_]:
    """(ROUND, R) what is well inside a lens that ends at ``radii`` (ROUND,)."""
    return np.asarray(radii[:, None] - P.SHADES_RIM > _REACH)


def _around(field: FloatArray, eyes: Eyes, side: int) -> FloatArray:
    """(ROUND, R, ...) a field (H, W, ...) in all directions round an eye."""
    return sampled(field, eyes.around(side, np.broadcast_to(_REACH, (ROUND, len(_REACH)))))


def _edges(tones: FloatArray) -> FloatArray:
    """(ROUND, len(RADII)) how much lighter it is just beyond each radius than nearly everywhere within."""
    low, high = P.SHADES_STRENGTH
    strength = np.empty((ROUND, len(RADII)), np.float32)
    for i, radius in enumerate(RADII.astype(int)):
        within = np.quantile(tones[:, : radius - P.SHADES_RIM], P.SHADES_LIGHTEST[0], axis=1)
        strength[:, i] = tones[:, radius + P.SHADES_RIM : radius + P.SHADES_EDGE].mean(1) - within
    return strength.clip(low, high)


def _edge(around: Sequence[FloatArray], radii: Sequence[FloatArray]) -> FloatArray:
    """How the lenses end below, see ``Shades.hides``."""
    offsets = np.arange(-P.SHADES_EDGE, P.SHADES_EDGE + 1)
    rows = []
    for tones, r in zip(around, radii, strict=True):
        for one, radius in zip(tones[_BELOW], r[_BELOW], strict=True):
            rows.append(np.interp(radius + offsets, _REACH, one))
    rising = np.maximum.accumulate(np.median(rows, 0))
    return np.asarray((rising[-1] - rising) / max(float(rising[-1] - rising[0]), 1e-3), np.float32)


def _colour(target: Lit, eyes: Eyes, radii: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """What ``Shades`` has of it: a straight line through all that is well inside the lenses."""
    picture = target.pictures[0].permute(1, 2, 0).cpu().numpy()
    seen, heights = [], []
    for side, r in zip(SIDES, radii, strict=True):
        inside = _within(r)
        seen.append(_around(picture, eyes, side)[inside])
        heights.append((np.sin(ANGLES)[:, None] * _REACH)[inside])
    slope, middle = np.polyfit(np.concatenate(heights), np.concatenate(seen), 1)
    return middle.astype(np.float32), slope.astype(np.float32)
