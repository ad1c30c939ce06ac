"""Where the eyes look: read off the person, and given to the decoy by turning its donor's eyes behind their lids.

Along an eye a place is ``u``, 0 at the left corner and 1 at the right one; across it ``v``, 0 at the upper lid and 1 at
the lower one. Turning an eye moves its iris along ``u`` and leaves the lids where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mfmc_engine import parameters as P
from mfmc_engine.landmarks import EYES
from mfmc_engine.types import FloatArray

_COLUMNS, _ROWS = 48, 8  # samples along and across an eye

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Eye:
    """One eye's own coordinates, from its six landmarks."""

    corner: Values  # (2,) px
    along: Values  # (2,) px, corner to corner
    across: Values  # (2,) px, as long, downward
    lids: tuple[
        tuple[Values, Values], tuple[Values, Values]
    ]  # u and height in eye widths of the upper, the lower one

    @classmethod
    def of(cls, points: FloatArray) -> _Eye | None:
        """None of an eye that has no width."""
        marks = np.asarray(points, np.float64)
        corner, along = marks[0], marks[3] - marks[0]
        square = float(along @ along)
        if square < 1:
            return None
        across = np.array([-along[1], along[0]])
        u, height = (marks - corner) @ along / square, (marks - corner) @ across / square
        upper, lower = [0, 1, 2, 3], [0, 5, 4, 3]
        return cls(corner, along, across, ((u[upper], height[upper]), (u[lower], height[lower])))

    def lid(self, which: int, u: Values) -> Values:
        """Height of the upper (0) or lower (1) lid at ``u``, eye widths."""
        return np.interp(u, *self.lids[which])

    def opening(self, u: Values) -> Values:
        """Height between the lids at ``u``, eye widths."""
        return np.maximum(self.lid(1, u) - self.lid(0, u), 0)

    def place(self, u: Values, v: Values) -> Values:
        """(..., 2) px."""
        top, bottom = self.lid(0, u), self.lid(1, u)
        height = top + v * (bottom - top)
        return self.corner + u[..., None] * self.along + height[..., None] * self.across

    def locate(self, places: Values) -> tuple[Values, Values, Values]:
        """``u`` and ``v`` of (..., 2) px, and how far beyond a lid they lie, px."""
        square = float(self.along @ self.along)
        u, height = ((places - self.corner) @ axis / square for axis in (self.along, self.across))
        top, bottom = self.lid(0, u), self.lid(1, u)
        beyond = np.maximum(np.maximum(top - height, height - bottom), 0) * np.sqrt(square)
        return u, (height - top) / np.maximum(bottom - top, 1e-3), beyond


def glance(grey: NDArray[np.uint8], landmarks: FloatArray) -> float | None:
    """Mean place of both irises in (H, W) ``grey``, in eye widths right of the middle between the corners of each eye.

    The iris is the stretch of an eye, as wide as irises are, that is darkest beside the rest. None where an eye shows
    no such stretch plainly, or the two do not agree: eyes move together (Hering's law).
    """
    found = [_iris(grey, eye) for eye in (_Eye.of(landmarks[part]) for part in EYES) if eye]
    seen = [place for place in found if place is not None]
    if len(seen) < len(EYES) or abs(seen[0] - seen[1]) > P.GLANCE_APART:
        return None
    return float(np.mean(seen)) - 0.5


def _iris(grey: NDArray[np.uint8], eye: _Eye) -> float | None:
    """``u`` of one iris."""
    u, v = (np.arange(_COLUMNS) + 0.5) / _COLUMNS, (np.arange(_ROWS) + 0.5) / _ROWS
    places = eye.place(*np.meshgrid(u, P.GLANCE_ROWS[0] + v * (P.GLANCE_ROWS[1] - P.GLANCE_ROWS[0])))
    xs, ys = (places[..., i].astype(np.float32) - 0.5 for i in (0, 1))
    strip = cv2.remap(grey, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).mean(0)
    rim = P.GLANCE_RIM
    judged = (u > rim) & (u < 1 - rim)  # the corners lie in the shade of the lids
    centres = u[(u > rim + P.IRIS_HALF) & (u < 1 - rim - P.IRIS_HALF)]
    white = max(float(np.quantile(strip[judged], 0.9)), 1.0)
    inside = judged & (np.abs(u - centres[:, None]) < P.IRIS_HALF)  # a row a centre
    contrast = (_means(strip, judged & ~inside) - _means(strip, inside)) / white
    best = int(np.argmax(contrast))
    return float(centres[best]) if contrast[best] > P.GLANCE_CONTRAST else None


def _means(values: NDArray[np.float32], masks: NDArray[np.bool_]) -> Values:
    """(M,) means of (N,) values over each of the (M, N) masks."""
    return np.asarray(masks @ values.astype(np.float64) / masks.sum(1))


def behind_lids(
    grid: FloatArray, landmarks: FloatArray, donor: FloatArray, glances: tuple[float, float] | None
) -> FloatArray:
    """A map (H, W, 2) of where each pixel comes from, see ``mesh.warp_grid``, with the eyes at ``landmarks`` (68, 2)
    shown as they are behind their lids: where those leave less open than the ``donor``'s (68, 2), less of the eye is
    seen, none of it squeezed. They are turned from the first of the ``glances`` to the second, if given."""
    seen = grid
    for part in EYES:
        eye, theirs = _Eye.of(landmarks[part]), _Eye.of(donor[part])
        if eye is not None and theirs is not None:
            iris, shift = (0.5 + glances[0], glances[1] - glances[0]) if glances else (0.5, 0.0)
            seen = _seen(seen, eye, theirs, landmarks[part], iris, shift)
    return seen


def _seen(
    grid: FloatArray, eye: _Eye, donor: _Eye, points: FloatArray, iris: float, shift: float
) -> FloatArray:
    room = P.TURN_FEATHER + 2
    height, width = grid.shape[:2]
    low = np.clip(np.floor(points.min(0)).astype(int) - room, 0, [width, height])
    high = np.clip(np.ceil(points.max(0)).astype(int) + room, low, [width, height])
    (x0, y0), (x1, y1) = low, high
    if x1 - x0 < 2 or y1 - y0 < 2:
        return grid
    places = np.stack(np.meshgrid(np.arange(x0, x1) + 0.5, np.arange(y0, y1) + 0.5), -1)
    u, v, beyond = eye.locate(places)
    half = P.IRIS_HALF
    moved = np.clip(iris + shift, half + P.TURN_RIM, 1 - half - P.TURN_RIM)
    # an iris keeps its width, the white on either side gives way
    came = np.interp(u, [0, moved - half, moved + half, 1], [0, iris - half, iris + half, 1])
    covered = np.clip(eye.opening(u) / np.maximum(donor.opening(came), 1e-3), P.LIDS_LEAST, 1)
    share = np.clip(1 - beyond / P.TURN_FEATHER, 0, 1) * ((u > 0) & (u < 1))
    behind = eye.place(came, P.LIDS_MEET + (v - P.LIDS_MEET) * covered)
    source = places + share[..., None] * (behind - places)
    xs, ys = ((source[..., i] - low[i] - 0.5).astype(np.float32) for i in (0, 1))  # px of the part worked on
    out = grid.copy()
    around = np.ascontiguousarray(grid[y0:y1, x0:x1])
    out[y0:y1, x0:x1] = cv2.remap(around, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return out


def wanted_turns(own: float | None, donors: Sequence[float | None]) -> list[tuple[float, float] | None]:
    """For each donor, from which glance to which its eyes are turned to look where the person's do; None to leave
    them, where either is unknown or they hardly differ."""
    turns: list[tuple[float, float] | None] = []
    for theirs in donors:
        if own is None or theirs is None or abs(own - theirs) < P.TURN_LEAST:
            turns.append(None)
        else:
            turns.append((theirs, theirs + float(np.clip(own - theirs, -P.TURN_LARGEST, P.TURN_LARGEST))))
    return turns
