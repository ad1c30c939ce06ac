"""Faces behind something: a mask, a scarf, a phone or a cup before nose or mouth, told by its colour.

Whatever lies there is not of the colour of the bare skin over the nose's root, between the brows, which masks and
scarves leave free. So places of the lower face are compared with that skin of the same face: who has dark skin, or
stands in red light, has it all over. Lips are redder than skin, beards darker and noses lighter, and no one threshold
tells them from cloth; a small perceptron, fitted on drawn covers (cover_fit.py), weighs them up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mfmc_engine import parameters as P
from mfmc_engine.swapping.lit import Lit
from mfmc_engine.types import FloatArray

Values = NDArray[np.float64]

_REACH: Final = int(P.COVERED_RADIUS)
_SIDE: Final = np.arange(-_REACH, _REACH + 1)
_DISC: Final = np.array(
    [(x, y) for y in _SIDE for x in _SIDE if x * x + y * y <= P.COVERED_RADIUS**2], np.int64
)  # (D, 2) px of the half-size crop round a place


@dataclass(frozen=True)
class CoverEstimator:
    """A perceptron with one hidden layer: the log-odds that a face is covered, were half of all faces."""

    inner: Values  # (K, H) from features to hidden units
    shift: Values  # (H,)
    outer: Values  # (H,) from these to the log-odds
    bias: float

    def __call__(self, rows: Values) -> Values:
        """(N,) log-odds of (N, K) or (K,) features."""
        return np.asarray(np.tanh(np.atleast_2d(rows) @ self.inner + self.shift) @ self.outer + self.bias)


@cache
def load() -> CoverEstimator:
    """The shipped estimator; how it was made stands in PROVENANCE.md beside it."""
    with (files("mfmc_engine.swapping") / "covered.npz").open("rb") as file, np.load(file) as arrays:
        inner, shift, outer = (arrays[name].astype(np.float64) for name in ("inner", "shift", "outer"))
        return CoverEstimator(inner, shift, outer, float(arrays["bias"]))


def is_covered(target: Lit) -> bool:
    """Whether something stands before the nose or the mouth of a target (a batch of one)."""
    return target.once("covered", lambda: bool(load()(features(target))[0] > P.COVERED_ODDS))


def features(target: Lit) -> Values:
    """(K,) how the colours of places of a face differ from its skin over the nose's root, and from side to side.

    A difference is three numbers. A place gives these, their squares and products: so hues far from skin's count
    alike, whichever they are. Places on both sides of the face give the mean of the two, and squares and products of
    the difference between them: phones are held to one side.
    """
    half = target.half()[0].permute(1, 2, 0).cpu().numpy()
    places = _places(target.landmarks[0].astype(np.float64))
    skin = np.median(_colours(half, places.skin).reshape(-1, 3), 0)
    middle, left, right = (
        np.median(_colours(half, points), 1) for points in (places.middle, places.left, places.right)
    )
    one = _terms(_differences(middle, skin))
    both = (_terms(_differences(left, skin)) + _terms(_differences(right, skin))) / 2
    across = _terms(_differences(left, right))[:, 3:]
    return np.concatenate([one.ravel(), both.ravel(), across.ravel()])


@dataclass(frozen=True, slots=True)
class _Places:
    """Points (N, 2) px of the crop that colours are read round."""

    skin: Values  # over the nose's root, together
    middle: Values  # down the middle of the face
    left: Values
    right: Values  # as ``left``, on the other side


def _places(marks: Values) -> _Places:
    """Where to look, by (68, 2) landmarks. Chins are left out: beards are there, and the edge of many a photo."""
    up = marks[17:27].mean(0) - marks[33]
    root = (marks[21] + marks[22]) / 2
    skin = np.stack([root + 0.25 * up, root + 0.12 * up, root, marks[27]])
    middle = np.stack(
        [marks[28], (marks[29] + 3 * marks[30]) / 4, (marks[33] + marks[51]) / 2, marks[51], marks[57]]
    )

    def side(wing: int, corner: int, lids: tuple[int, int], ear: int, cheek: int, jaw: int) -> Values:
        return np.stack(
            [
                (marks[lids[0]] + marks[lids[1]]) / 2 - 0.18 * up,  # below the eye: masks leave it free
                (marks[wing] + marks[ear]) / 2,
                marks[wing] + 0.06 * up,
                (marks[wing] + marks[corner]) / 2,
                marks[corner],
                (marks[corner] + marks[cheek]) / 2,
                0.4 * marks[corner] + 0.6 * marks[jaw],
            ]
        )

    return _Places(skin, middle, side(31, 48, (40, 41), 1, 3, 5), side(35, 54, (46, 47), 15, 13, 11))


def _colours(half: FloatArray, points: Values) -> Values:
    """(N, D, 3) of a half-size crop (H, W, 3) in [0, 1], in a disc round each of (N, 2) points of the crop: log ratios
    of red and of blue to green, log luma."""
    x, y = np.moveaxis(np.floor(points / 2).astype(np.int64)[:, None] + _DISC, -1, 0)
    height, width = half.shape[:2]
    logs = np.log(half[y.clip(0, height - 1), x.clip(0, width - 1)].astype(np.float64) + P.COVERED_OFFSET)
    red, green, blue = np.moveaxis(logs, -1, 0)
    luma = P.LUMA[0] * red + P.LUMA[1] * green + P.LUMA[2] * blue
    return np.stack([red - green, blue - green, luma], -1)


def _differences(colours: Values, others: Values) -> Values:
    """(N, 3) of log colours in units of COVERED_UNITS; beyond COVERED_LONGEST of these a longer one tells no more."""
    units = np.array(P.COVERED_UNITS)
    apart = (colours - others) / units[[0, 0, 1]]
    length = np.linalg.norm(apart, axis=1, keepdims=True)
    return np.asarray(
        apart * P.COVERED_LONGEST * np.tanh(length / P.COVERED_LONGEST) / np.maximum(length, 1e-6)
    )


def _terms(apart: Values) -> Values:
    """(N, 9) numbers of (N, 3), their squares and products."""
    i, j = np.triu_indices(3)
    return np.concatenate([apart, apart[:, i] * apart[:, j]], 1)
