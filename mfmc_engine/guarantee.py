"""The promise behind a decoy, measured on the output: far from the replaced face, from everybody enrolled, and
from the other decoys of the photo. Pure functions on embeddings; distances are Euclidean in the pack's space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfmc_engine import parameters as P
from mfmc_engine.types import FloatArray


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What distances must exceed. ``original`` is the promise, ``preferred`` what redraws aim for."""

    original: float = P.ORIGINAL_THRESHOLD
    preferred: float = P.ORIGINAL_PREFERRED
    gallery: float = P.MATCH_THRESHOLD
    decoys: float = P.DECOYS_THRESHOLD


@dataclass(frozen=True, slots=True)
class Verdict:
    """Distances of one decoy, each the smallest over all views of the output; inf where there is nobody."""

    to_original: float
    to_gallery: float
    to_decoys: float

    def keeps(self, thresholds: Thresholds) -> bool:
        """Whether the promise is kept. NaN never is."""
        return (
            self.to_original > thresholds.original
            and self.to_gallery > thresholds.gallery
            and self.to_decoys > thresholds.decoys
        )

    def satisfies(self, thresholds: Thresholds) -> bool:
        """Whether it is kept with the preferred margin, so that no redraw is worth its time."""
        return self.keeps(thresholds) and self.to_original > thresholds.preferred


def judge(views: FloatArray, original: FloatArray, gallery: FloatArray, decoys: FloatArray) -> Verdict:
    """Verdict on one decoy seen in ``views`` (V, D): against the ``original`` (D,) or (K, D), the ``gallery``
    (N, D) and the other ``decoys`` (M, D) of the photo. Raises ValueError without a view or an original."""
    originals = np.atleast_2d(original)
    if len(views) == 0 or len(originals) == 0:
        raise ValueError("a verdict needs at least one view of the decoy and the face it replaces")
    return Verdict(nearest(views, originals), nearest(views, gallery), nearest(views, decoys))


def nearest(views: FloatArray, others: FloatArray) -> float:
    """Smallest distance between rows of (V, D) and (N, D); inf if there are no others, NaN if a number is not finite.

    The expansion |a|^2 + |b|^2 - 2ab finds the nearest row with one matrix product, in single precision; the
    distance to it is then taken exactly.
    """
    if len(others) == 0:
        return float("inf")
    if views.shape[1] != others.shape[1]:
        raise ValueError(
            f"embeddings of {views.shape[1]} and {others.shape[1]} dimensions cannot be compared"
        )
    squared = (others**2).sum(1)[None] - 2 * views @ others.T
    if not np.isfinite(squared).all():
        return float("nan")
    rows = squared.argmin(1)
    return float(np.linalg.norm(views.astype(np.float64) - others[rows].astype(np.float64), axis=1).min())


def best(verdicts: Sequence[Verdict], thresholds: Thresholds) -> int | None:
    """Index of the first verdict that satisfies, else of the one that keeps the promise with the widest margin to
    the original, else None: the face must be redacted."""
    kept = [i for i, verdict in enumerate(verdicts) if verdict.keeps(thresholds)]
    for i in kept:
        if verdicts[i].satisfies(thresholds):
            return i
    return max(kept, key=lambda i: verdicts[i].to_original, default=None)
