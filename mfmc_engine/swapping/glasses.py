"""Spectacles: found as dark lines round both eyes that meet over the nose, and drawn again on the decoy.

Frames stand in front of what is replaced, but kept pixel by pixel they would keep brows and lids with them. So what is
kept is their course, the breadth of their line and its tone. Frames hardly darker than skin, and rimless ones, are not
found. Distances are px of the crop.
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
from mfmc_engine.swapping.lit import Lit
from mfmc_engine.types import FloatArray

ROUND: Final = 40  # directions round an eye that its rim is looked for in, from outward to below
TURNS: Final = 8  # directions across which lines are looked for, over half a turn
SIDES: Final = (-1, 1)  # of the picture: left, right
FINER: Final = 4  # pixels of the drawing a pixel of the crop

ANGLES: Final = np.arange(ROUND, dtype=np.float32) * np.float32(2 * np.pi / ROUND)
RADII: Final = np.arange(*P.GLASSES_RADII, dtype=np.float32)
_LOWER: Final = np.sin(ANGLES) > -0.2  # above there may be a brow and no rim
_OUTER: Final = np.flatnonzero((np.cos(ANGLES) > 0.5) & (np.sin(ANGLES) < 0.3))  # where temples begin
_INNER: Final = np.flatnonzero((np.cos(ANGLES) < -0.7) & (np.sin(ANGLES) < 0.5))  # where bridges do
_SHARES: Final = np.linspace(0, 1, 9)[:, None]  # along a bar


@dataclass(frozen=True, slots=True)
class Eyes:
    """Where glasses sit: both eyes' centres and widths, and the face's axes."""

    centres: FloatArray  # (2, 2)
    widths: FloatArray  # (2,)
    along: FloatArray  # (2,) unit vector to the right of the picture
    down: FloatArray  # (2,) unit vector toward the mouth

    @classmethod
    def of(cls, landmarks: FloatArray) -> Eyes:
        centres = np.stack([landmarks[36:42].mean(0), landmarks[42:48].mean(0)])
        widths = np.linalg.norm(landmarks[[36, 42]] - landmarks[[39, 45]], axis=1)
        along = centres[1] - centres[0]
        along = along / max(float(np.linalg.norm(along)), 1e-3)
        return cls(centres, widths, along, np.array([-along[1], along[0]], np.float32))

    def around(self, side: int, radii: FloatArray) -> FloatArray:
        """(ROUND, N, 2) points so far (ROUND, N) from one eye's centre in each of the directions. The eye that is
        farther away on a turned head is narrower, and so is its rim."""
        i = SIDES.index(side)
        narrower = self.widths[i] / max(float(self.widths.mean()), 1e-3)
        x, y = radii * np.cos(ANGLES)[:, None], radii * np.sin(ANGLES)[:, None]
        points = self.centres[i] + side * narrower * x[..., None] * self.along + y[..., None] * self.down
        return np.asarray(points, np.float32)

    def outward(self, side: int) -> FloatArray:
        """(ROUND, 1, 2) the directions as unit vectors."""
        x, y = np.cos(ANGLES)[:, None, None], np.sin(ANGLES)[:, None, None]
        return np.asarray(side * x * self.along + y * self.down, np.float32)


@dataclass(frozen=True, slots=True)
class Frames:
    """Spectacles as lines, and what these look like."""

    rims: tuple[FloatArray, ...]  # (ROUND, 2) each, closed
    bars: tuple[FloatArray, ...]  # (N, 2) each, open: the bridge and the temples
    hides: FloatArray  # (R,) share of what is behind that the line hides, by the px from its middle
    tone: FloatArray  # (3,) log ratio to the light of the line's middle


def drawn(target: Lit) -> tuple[Tensor, Tensor] | None:
    """(1, 1, H, W) how much of a decoy the frames hide, and (1, 3, H, W) their colour; None without any."""
    found = find(target)
    if found is None:
        return None
    canvas = np.full([side * FINER for side in target.size], 255, np.uint8)
    for lines, closed in ((found.rims, True), (found.bars, False)):
        cv2.polylines(canvas, finer_corners(lines), closed, 0, 1, shift=4)
    finer = cv2.distanceTransform(canvas, cv2.DIST_L2, 5) / FINER
    distance = cv2.resize(finer, target.size[::-1], interpolation=cv2.INTER_AREA)
    hidden = np.interp(distance, np.arange(len(found.hides)), found.hides, right=0.0).astype(np.float32)
    light = target.light(P.GLASSES_LIGHT)
    tone = torch.from_numpy(found.tone).to(light).view(1, 3, 1, 1)
    colour = (light + P.LIGHT_OFFSET) * torch.exp(tone) - P.LIGHT_OFFSET
    return torch.from_numpy(hidden)[None, None].to(light), colour.clamp(min=0)


def find(target: Lit) -> Frames | None:
    """The spectacles of one face; None without any, or where they cannot be told surely from lids, folds and brows."""
    eyes = Eyes.of(target.landmarks[0])
    detail = target.detail(P.GLASSES_LIGHT)
    tone = fields.luminance(detail)[0, 0].cpu().numpy()
    if _glimpse(tone, eyes) < P.GLASSES_BRIDGE / 2:  # saves nearly all others the whole search
        return None
    lines = dark_lines(tone, eyes)
    radii, strong = traced([_rim_strengths(lines, eyes, side) for side in SIDES])
    seen, room = strong[:, _LOWER], np.stack(radii)[:, _LOWER].mean()
    if (
        seen.mean() < P.GLASSES_RIM
        or np.quantile(seen, 0.2) < P.GLASSES_EVEN * seen.mean()
        or room < P.GLASSES_ROOM
    ):
        return None
    rims = [eyes.around(side, r[:, None])[:, 0] for side, r in zip(SIDES, radii, strict=True)]
    nose, bridged = bridge(lines, eyes, rims)
    temples = [temple(lines, eyes, side, rim) for side, rim in zip(SIDES, rims, strict=True)]
    held = float(np.mean([strength for _, strength in temples]))
    if bridged < P.GLASSES_BRIDGE or held < P.GLASSES_TEMPLE:
        return None
    if room < P.GLASSES_NEAR and bridged + held < P.GLASSES_HELD:
        return None  # folds run round eyes, too, but nothing from one to the other and to the ears
    hides, middle = _across(tone, detail[0].permute(1, 2, 0).contiguous().cpu().numpy(), eyes, radii, strong)
    worn = [bar for bar, strength in temples if strength >= P.GLASSES_TEMPLE]
    return Frames(tuple(rims), (nose, *worn), hides, middle)


def _glimpse(tone: FloatArray, eyes: Eyes) -> float:
    """How dark the darkest straight line across the nose is beside what is above and below it."""
    heights = np.arange(*P.GLASSES_GLIMPSE)[:, None, None]
    apart = eyes.centres[1] - eyes.centres[0]
    points = eyes.centres[0] + apart * (0.33 + 0.34 * _SHARES) + heights * eyes.down

    def at(moved: float) -> FloatArray:
        return sampled(tone, points + moved * eyes.down)

    darker = [np.minimum(at(reach), at(-reach)) for reach in P.GLASSES_LINE]
    return float(np.quantile(np.max(darker, 0) - at(0), 0.3, axis=1).max())


def sampled(field: FloatArray, points: FloatArray) -> FloatArray:
    """(..., C) a field (H, W, C), or (...) one of (H, W), at points (..., 2), bilinear."""
    x, y = (np.ascontiguousarray(points[..., i] - 0.5, np.float32) for i in (0, 1))
    return np.asarray(cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def finer_corners(lines: Sequence[FloatArray]) -> list[NDArray[np.int32]]:
    """``lines`` (N, 2) as OpenCV draws them, with shift 4, on a canvas of FINER pixels a pixel of the crop."""
    return [np.round((points * FINER - 0.5) * 16).astype(np.int32) for points in lines]


def dark_lines(tone: FloatArray, eyes: Eyes) -> FloatArray:
    """(TURNS, H, W) by how much each pixel of ``tone`` (H, W, log) is darker than both sides of it, across each of the
    directions; -inf far above and below the ``eyes``."""
    low, high = eyes.centres[:, 1].min() - P.GLASSES_BAND, eyes.centres[:, 1].max() + P.GLASSES_BAND
    rows = slice(max(0, int(low)), max(1, int(high)))
    found = np.full((TURNS, *tone.shape), -np.inf, np.float32)
    part = tone[rows]
    for turn in range(TURNS):
        across = np.array([np.cos(turn * np.pi / TURNS), np.sin(turn * np.pi / TURNS)])
        for reach in P.GLASSES_LINE:
            darker = np.minimum(_moved(part, across * reach), _moved(part, -across * reach)) - part
            np.maximum(found[turn, rows], darker, out=found[turn, rows])
    return found


def _moved(field: FloatArray, by: NDArray[np.float64]) -> FloatArray:
    matrix = np.array([[1, 0, by[0]], [0, 1, by[1]]])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(field, matrix, field.shape[::-1], flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _at(lines: FloatArray, points: FloatArray, across: FloatArray) -> FloatArray:
    """(...) what ``dark_lines`` found at points (..., 2), across about the unit vectors ``across`` (..., 2)."""
    height, width = lines.shape[1:]
    x, y = (points[..., i].astype(np.intp).clip(0, end - 1) for i, end in ((0, width), (1, height)))
    turn = np.rint(np.arctan2(across[..., 1], across[..., 0]) * (TURNS / np.pi)).astype(np.intp)
    return np.asarray(np.max([lines[(turn + k) % TURNS, y, x] for k in (-1, 0, 1)], 0))


def _rim_strengths(lines: FloatArray, eyes: Eyes, side: int) -> FloatArray:
    """(ROUND, R) of lines that may be a rim, by direction and radius; the eye itself is none."""
    radii = np.broadcast_to(RADII, (ROUND, len(RADII)))
    strength = _at(lines, eyes.around(side, radii), eyes.outward(side)).clip(*P.GLASSES_STRENGTH)
    width, height = P.GLASSES_EYE
    x, y = radii * np.cos(ANGLES)[:, None], radii * np.sin(ANGLES)[:, None]
    return np.where(np.hypot(x / width, y / height) < 1, P.GLASSES_STRENGTH[0], strength)


def closed_path(strength: FloatArray) -> NDArray[np.intp]:
    """(N,) the column of each row of (N, R) on the strongest way round, less what its bends cost: dynamic programming,
    twice round to end where it began."""
    count, radii = strength.shape
    steps = np.arange(-P.GLASSES_STEP, P.GLASSES_STEP + 1)
    before = np.arange(radii)[:, None] + steps
    cost = np.where((before < 0) | (before >= radii), np.inf, P.GLASSES_BEND * steps**2)
    before = before.clip(0, radii - 1)
    total, back = np.zeros(radii), []
    for number in range(2 * count):
        reached = total[before] - cost
        back.append(before[np.arange(radii), reached.argmax(1)])
        total = reached.max(1) + strength[number % count]
    path = [int(total.argmax())]
    for origin in reversed(back[1:]):
        path.append(int(origin[path[-1]]))
    middle = path[::-1][count // 2 : count // 2 + count]
    return np.roll(np.array(middle, np.intp), count // 2)


def traced(each: Sequence[FloatArray]) -> tuple[list[FloatArray], FloatArray]:
    """(ROUND,) distances from each eye's centre of the strongest way round it, of strengths (ROUND, len(RADII)) there,
    and (2, ROUND) how strong it is. Glasses are alike on both sides, folds and shadows are not."""
    shared = closed_path(np.mean(each, 0))
    paths = [_refined(strength, shared) for strength in each]
    strong = np.stack([v[np.arange(ROUND), path] for v, path in zip(each, paths, strict=True)])
    return [_smooth(RADII[path]) for path in paths], strong


def _refined(strength: FloatArray, path: NDArray[np.intp]) -> NDArray[np.intp]:
    """The strongest column of each row near a path (N,) that both eyes share."""
    near = np.abs(np.arange(strength.shape[1]) - path[:, None]) <= P.GLASSES_UNLIKE
    return np.asarray(np.where(near, strength, -np.inf).argmax(1))


def _smooth(radii: FloatArray) -> FloatArray:
    """(ROUND,) without the steps of whole pixels."""
    row = np.tile(radii, 3)[None].astype(np.float32)
    return np.asarray(cv2.GaussianBlur(row, (0, 0), P.GLASSES_SMOOTH)[0, ROUND : 2 * ROUND])


def _strongest(lines: FloatArray, eyes: Eyes, bars: NDArray) -> tuple[FloatArray, float]:
    """Of (M, N, 2) bars along the eyes the one that is darkest nearly all along, and how dark it is there."""
    strength = np.quantile(_at(lines, bars, eyes.down), 0.3, axis=1)
    return np.asarray(bars[strength.argmax()], np.float32), float(strength.max())


def bridge(lines: FloatArray, eyes: Eyes, rims: Sequence[FloatArray]) -> tuple[FloatArray, float]:
    """(N, 2) the bar between both rims, and how strong it is."""
    left, right = (rim[_INNER][:, None, None] for rim in rims)
    rises = np.array(P.GLASSES_RISES)[:, None, None] * 4 * _SHARES * (1 - _SHARES)
    bars = left + (right - left) * _SHARES - rises * eyes.down
    return _strongest(lines, eyes, bars.reshape(-1, len(_SHARES), 2))


def temple(lines: FloatArray, eyes: Eyes, side: int, rim: FloatArray) -> tuple[FloatArray, float]:
    """(N, 2) the bar from a rim outward, and how strong it is."""
    falls = np.array(P.GLASSES_FALLS)[:, None, None]
    way = (side * eyes.along + falls * eyes.down) * P.GLASSES_TEMPLE_LENGTH
    bars = rim[_OUTER][:, None, None] + way * _SHARES
    return _strongest(lines, eyes, bars.reshape(-1, len(_SHARES), 2))


def _across(
    tone: FloatArray, detail: FloatArray, eyes: Eyes, radii: Sequence[FloatArray], strong: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(R,) the share that the line hides by the distance from its middle, and (3,) its tone there: over where the rims
    are seen best, each place laid with its darkest pixel in the middle."""
    half, reach = P.GLASSES_HALF, P.GLASSES_HALF + P.GLASSES_UNLIKE
    offsets = np.arange(-reach, reach + 1, dtype=np.float32)
    best = _LOWER & (strong >= np.quantile(strong[:, _LOWER], 0.5))
    rows, tones = [], []
    for side, r, seen in zip(SIDES, radii, best, strict=True):
        points = eyes.around(side, r[:, None] + offsets)[seen]
        line = sampled(tone, points)
        middle = line[:, half : half + 2 * P.GLASSES_UNLIKE + 1].argmin(1) + half
        rows += [one[m - half : m + half + 1] for one, m in zip(line, middle, strict=True)]
        tones.append(sampled(detail, points)[np.arange(len(middle)), middle])
    line = np.median(rows, 0)
    folded = (line[half:] + line[half::-1]) / 2
    dark = np.minimum.accumulate((folded.max() - folded).clip(min=0))
    hides = (dark - dark[-1]) / max(float(dark[0] - dark[-1]), 1e-3)
    return hides.astype(np.float32), np.quantile(np.concatenate(tones), P.GLASSES_DARK, axis=0).astype(
        np.float32
    )
