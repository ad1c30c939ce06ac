"""Heads turned so far that the nose stands out over the far cheek: its ridge is laid on the silhouette.

Those who mark landmarks have seen few such heads. They put the ridge some way inside the face and a sliver of far cheek
beyond it, where background is; a decoy by these has a second, pale outline beside a flat nose. The silhouette is the
strongest edge along the nose, and below a nose that stands out it recedes; that of a far cheek goes on. Distances are
px of the crop.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.swapping import fields, outlines
from mfmc_engine.types import FloatArray

Values = NDArray[np.float64]

_RIDGE, _TIP, _BASE, _LIP = [28, 29, 30], 30, 33, 51


def on_silhouette(crop: Tensor, landmarks: FloatArray) -> FloatArray:
    """``landmarks`` (68, 2) px of a ``crop`` (3, H, W), the nose on the silhouette and no far cheek beyond it; as they
    are where both cheeks are seen, or the nose does not stand out plainly."""
    side = outlines.averted(landmarks)
    if side is None:
        return landmarks
    rise = outlines.up(landmarks)
    outward = np.array([rise[1], -rise[0]]) * (1 if side == "left" else -1)
    moved = landmarks.astype(np.float64)
    lab = np.asarray(
        cv2.cvtColor(fields.to_image(crop).astype(np.float32) / 255, cv2.COLOR_RGB2Lab), np.float32
    )
    top, tip, strength = _edge(lab, moved[_RIDGE[0]], moved[_TIP], outward, P.SILHOUETTE_REACH)
    if strength < P.SILHOUETTE_EDGE or min(top, tip) < P.SILHOUETTE_LEAST:
        return landmarks
    first, last = (moved[_BASE] + share * (moved[_LIP] - moved[_BASE]) for share in P.SILHOUETTE_BELOW)
    below = _edge(lab, first, last, outward, P.SILHOUETTE_REACH_BELOW)[:2]
    if (moved[_TIP] - (first + last) / 2) @ outward + tip - np.mean(below) < P.SILHOUETTE_RECESS:
        return landmarks
    wing, base, lip, jaw = (31, 32, 48, [0, 1, 2, 3]) if side == "left" else (35, 34, 54, [16, 15, 14, 13])
    for mark, by in (
        (27, top / 2),
        (28, top),
        (29, (top + tip) / 2),
        (30, tip),
        (wing, tip),
        (base, P.SILHOUETTE_BASE[0] * tip),
        (33, P.SILHOUETTE_BASE[1] * tip),
    ):
        moved[mark] += (by - P.SILHOUETTE_INSET) * outward
    moved[jaw[:3]] = moved[_RIDGE] + P.SILHOUETTE_INSET * outward
    moved[jaw[3]] = (moved[_BASE] + moved[lip]) / 2 + 2 * P.SILHOUETTE_INSET * outward
    return moved.astype(np.float32)


def _edge(
    lab: FloatArray, first: Values, last: Values, outward: Values, reach: tuple[float, float, float]
) -> tuple[float, float, float]:
    """How far ``outward`` (2,) of the points ``first`` and ``last`` (2,) the strongest straight edge runs in ``lab``
    (H, W, 3), and how strong it is on the mean: CIE76 across it. ``reach``: first, last and step of what is tried.
    """
    share = np.linspace(0, 1, P.SILHOUETTE_PLACES)
    away = np.arange(*reach)
    places = (first + share[:, None] * (last - first))[:, None] + away[:, None] * outward

    def at(beyond: float) -> FloatArray:
        xs, ys = ((places + beyond * outward)[..., i].astype(np.float32) - 0.5 for i in (0, 1))
        return np.asarray(
            cv2.remap(lab, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
        )

    change = np.linalg.norm(at(P.SILHOUETTE_HALF) - at(-P.SILHOUETTE_HALF), axis=-1)
    i, j = np.meshgrid(np.arange(len(away)), np.arange(len(away)), indexing="ij")
    ways = np.rint(i[..., None] + share * (j - i)[..., None]).astype(np.intp)
    strength = change[np.arange(len(share)), ways].mean(-1)
    strength[np.abs(away[i] - away[j]) > P.SILHOUETTE_SLANT] = -1
    best = np.unravel_index(int(strength.argmax()), strength.shape)
    return float(away[best[0]]), float(away[best[1]]), float(strength[best])
