"""Shut and lowered eyes: told by the contour of the lids, and given to the decoy by drawing its lids together.

Donors look at the camera. Squeezed into the narrow opening that landmarks find on a shut eye, theirs would peer out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.donors.traits import eye_opening
from mfmc_engine.landmarks import eyelids
from mfmc_engine.swapping import fields, gaze, outlines
from mfmc_engine.swapping.skin import certainty
from mfmc_engine.types import FloatArray, Image

Values = NDArray[np.float64]
Places = list[tuple[Values, Values]]  # of every pixel, beside each of both eyes' lids: see Lids

# Numbers of the landmarks on each upper lid, and of those below them on the lower one.
_UPPER, _LOWER = [37, 38, 43, 44], [41, 40, 47, 46]
LIDS: Final = ([39, 40, 41, 36], [42, 47, 46, 45])  # along the lower lids, from the nose outward


def shut(crops: Tensor, landmarks: Sequence[FloatArray]) -> list[bool]:
    """Whether both eyes of each face are shut or lowered, from ``crops`` (B, 3, H, W) and landmarks (68, 2) in crop px.

    Landmarks that lie so near ask a network what it sees: laughing eyes are open. So are narrow ones where irises are.
    """
    return [_shut(fields.to_image(crop), points) for crop, points in zip(crops, landmarks, strict=True)]


def _shut(crop: Image, points: FloatArray) -> bool:
    if float(eye_opening(points)) > P.NARROW_OPENING:
        return False
    seen = eyelids.openness(crop, points, P.PLAINLY_OPEN)
    if P.SURELY_SHUT_OPENNESS < seen <= P.SHUT_OPENNESS:
        grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)
        glance = gaze.glance(grey, points)
        return glance is None or abs(glance) > P.SHUT_GLANCE
    return seen <= P.SHUT_OPENNESS


def close(landmarks: FloatArray) -> FloatArray:
    """(68, 2) with the upper lids drawn down to the lower ones, so that a mesh stretches their skin over the eyes."""
    closed = landmarks.copy()
    closed[_UPPER] = landmarks[_LOWER]
    return closed


@dataclass(frozen=True, slots=True)
class Lids:
    """Coordinates beside the line in which one eye's lids meet: ``u`` from its inner corner (0) to the outer one (1),
    ``v`` upward from that line, both in widths of the eye."""

    corner: Values  # (2,) px
    along: Values  # (2,) px, corner to corner
    up: Values  # (2,) px, as long
    curve: Values  # (3,) coefficients of the height of the line over that between the corners

    @classmethod
    def of(cls, lid: FloatArray) -> Lids:
        """A parabola through a lower lid (4, 2), from the inner corner outward; beyond the corners it goes on level."""
        marks = np.asarray(lid, np.float64)
        along = marks[3] - marks[0]
        square = max(float(along @ along), 1e-6)
        left = np.array([along[1], -along[0]])
        up = left if along[0] > 0 else -left  # one eye's way outward is the other's inward
        u, v = ((marks - marks[0]) @ axis / square for axis in (along, up))
        return cls(marks[0], along, up, np.polyfit(u, v, 2))

    def place(self, u: Values, v: Values) -> Values:
        """(..., 2) px."""
        return self.corner + u[..., None] * self.along + (v + self._line(u))[..., None] * self.up

    def locate(self, size: tuple[int, int]) -> tuple[Values, Values]:
        """``u`` and ``v`` of every pixel of ``size`` rows and columns."""
        ys, xs = np.mgrid[: size[0], : size[1]] + 0.5
        square = max(float(self.along @ self.along), 1e-6)
        u, height = (
            ((xs - self.corner[0]) * axis[0] + (ys - self.corner[1]) * axis[1]) / square
            for axis in (self.along, self.up)
        )
        return u, height - self._line(u)

    def _line(self, u: Values) -> Values:
        return np.polyval(self.curve, u.clip(0, 1))


def draw_lids(donors: Tensor, skin: Tensor, marks: Sequence[FloatArray], closed: Sequence[bool]) -> Tensor:
    """Warped donors (B, 3, H, W), skin where ``skin`` (B, 1, H, W) says so, with lids over eyes that are ``closed``:
    bare ones, shaded as those of many people are on the mean (lid_fit.py). A mesh squeezes open eyes to a smear of
    white, iris and lashes."""
    if not any(closed):
        return donors
    places = [beside_lids(points, (donors.shape[-2], donors.shape[-1])) for points in marks]
    shading = donors.new_tensor(np.stack([_shading(both) for both in places])).permute(0, 3, 1, 2)
    bare, share = bare_lids(donors, skin, marks, places)
    share = share * share.new_tensor(closed)[:, None, None, None]
    return donors + (bare * fields.exp(shading) - donors) * share


def beside_lids(landmarks: FloatArray, size: tuple[int, int]) -> Places:
    """Of a crop of ``size`` rows and columns with a face at ``landmarks`` (68, 2) px."""
    return [Lids.of(landmarks[lid]).locate(size) for lid in LIDS]


def bare_lids(
    donors: Tensor, skin: Tensor, marks: Sequence[FloatArray], places: Sequence[Places]
) -> tuple[Tensor, Tensor]:
    """The skin round shut eyes carried on over them (B, 3, H, W), and the share (B, 1, H, W) that it has there: all of
    it where a squeezed eye, its lashes and the folds beside it may be, none on brows. ``places``: ``beside_lids`` at
    the ``marks``."""
    smear = donors.new_tensor(np.stack([_smear(both) for both in places]))[:, None]
    brows = fields.rasterise(outlines.brow_hair, marks, donors.device, (donors.shape[-2], donors.shape[-1]))
    off_brows = 1 - fields.dilate(brows, P.LID_BROW)
    around = fields.dilate(smear, P.LID_AROUND) * (1 - fields.dilate(smear, P.LID_BROW)) * off_brows
    # brows are broader than their outline, and hair hangs beside eyes
    plain = around * certainty(skin).clamp(min=P.LID_DOUBT)
    return fields.spread(donors, plain, P.LID_SIGMAS), fields.gaussian(smear * off_brows, P.LID_FEATHER)


def _smear(places: Places) -> FloatArray:
    """(H, W) 1 on what a squeezed eye, its lashes and the folds at its corners smear over."""
    first, last = P.LID_BEYOND
    above, below = P.LID_SMEAR
    smear = np.zeros(places[0][0].shape, np.float32)
    for u, v in places:
        bulge = np.sqrt(np.sin(np.pi * ((u - first) / (last - first)).clip(0, 1)))
        smear[(v < above * bulge) & (v > -below * bulge)] = 1
    return smear


def _shading(places: Places) -> FloatArray:
    """(H, W, 3) log gain of bare lids."""
    gain = np.zeros((*places[0][0].shape, 3), np.float32)
    rows, columns = P.LID_SAMPLES
    for u, v in places:
        xs, ys = (
            ((along - first) / (last - first) * (count - 1)).astype(np.float32)
            for along, (first, last), count in ((u, P.LID_ALONG, columns), (v, P.LID_ACROSS, rows))
        )
        gain += cv2.remap(_usual(), xs, ys, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
    return gain


@cache
def _usual() -> FloatArray:
    """(*LID_SAMPLES, 3) the shipped log gain; how it was made stands in lids.md beside it."""
    with (files("mfmc_engine.swapping") / "lids.npz").open("rb") as file, np.load(file) as arrays:
        return np.asarray(arrays["log_gain"], np.float32)
