"""The promise behind a decoy, measured on the output: far from the replaced face, from everybody enrolled, and
from the other decoys of the photo. Pure functions on embeddings; distances are Euclidean in the pack's space.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mfmc_engine import attributes
from mfmc_engine import parameters as P
from mfmc_engine.recognition.nearest import Index
from mfmc_engine.recognition.space import DLIB, Space
from mfmc_engine.types import FloatArray


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What distances must exceed. ``original`` is the promise, ``preferred`` what redraws aim for if looks allow."""

    original: float = P.ORIGINAL_THRESHOLD
    preferred: float = P.ORIGINAL_PREFERRED
    gallery: float = P.MATCH_THRESHOLD
    decoys: float = P.DECOYS_THRESHOLD
    apart: float = P.APART_PREFERRED  # preferred only: toward the person's decoys in other photos

    @classmethod
    def beside(cls, templates: int, space: Space = DLIB) -> Thresholds:
        """The thresholds in a photo of a site where that many templates are enrolled."""
        return cls(
            original=space.original,
            preferred=space.preferred,
            gallery=gallery_threshold(templates, space),
            decoys=space.match,
            apart=space.apart,
        )

    def toward(self, embedding: FloatArray, space: Space = DLIB) -> Thresholds:
        """The same for a face with this ``embedding`` (D,): a wish that its decoy be as far from it as strangers of its
        own group are, see parameters.WISH_NEARER. Only in dlib's space, which group is estimated in."""
        if space is not DLIB:
            return self
        scores = attributes.load()(embedding).group[0]
        nearer = float(scores @ np.array([P.WISH_NEARER[group] for group in attributes.GROUPS]))
        return replace(self, preferred=max(self.original, self.preferred - nearer))


def gallery_threshold(templates: int, space: Space = DLIB) -> float:
    """Distance up to which a face is taken for somebody in a gallery of ``templates`` rows, and so the distance that
    a decoy has to keep from every one of them. Never grows with the gallery.

    At most parameters.FALSE_IDENTIFICATION_RATE of strangers lie that near to anybody: each comparison gets an equal
    share of it (union bound), and the tail of the distances between strangers says which distance has that share.
    Small galleries get ``space.match``. Raises ValueError for a negative number.
    """
    if templates < 0:
        raise ValueError(f"a gallery cannot hold {templates} templates")
    share = P.FALSE_IDENTIFICATION_RATE / max(templates, 1)
    tail = space.tail_distance * (share / space.tail_rate) ** (1 / space.tail_exponent)
    return min(space.match, tail)


def false_match_rate(distance: float) -> float:
    """Share of pairs of strangers that lie nearer than ``distance``, from the fitted tail.

    A power law ends at distance 0, as distances do (extreme-value theory's Weibull domain; Hill 1975). Fitted below
    STRANGERS_TAIL_DISTANCE and held to a little beyond it: raises ValueError above MATCH_THRESHOLD.
    """
    if not 0 <= distance <= P.MATCH_THRESHOLD:
        raise ValueError(f"the tail is known up to {P.MATCH_THRESHOLD}, not at {distance}")
    ratio = distance / P.STRANGERS_TAIL_DISTANCE
    return P.STRANGERS_TAIL_RATE * math.pow(ratio, P.STRANGERS_TAIL_EXPONENT)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Distances of one decoy, each the smallest over all views of the output; inf where there is nobody."""

    to_original: float
    to_gallery: float
    to_decoys: float
    to_apart: float = math.inf

    def keeps(self, thresholds: Thresholds) -> bool:
        """Whether the promise is kept. NaN never is."""
        return (
            self.to_original > thresholds.original
            and self.to_gallery > thresholds.gallery
            and self.to_decoys > thresholds.decoys
        )

    def missed(self, thresholds: Thresholds) -> float:
        """What it costs that wishes are missed, in the unit of ``appearance.Looks.cost``; 0 if none is."""
        original = max(0.0, thresholds.preferred - self.to_original) / P.WISH_ORIGINAL
        apart = min(1.0, max(0.0, thresholds.apart - self.to_apart) / P.WISH_APART)
        return original + P.WISH_LOST * apart


def judge(
    views: FloatArray,
    original: FloatArray,
    gallery: FloatArray | Index,
    decoys: FloatArray,
    apart: FloatArray | None = None,
) -> Verdict:
    """Verdict on one decoy seen in ``views`` (V, D): against the ``original`` (D,) or (K, D), the ``gallery``
    (N, D), the other ``decoys`` (M, D) of the photo, and the person's decoys in other photos ``apart`` (L, D).
    Raises ValueError without a view or an original."""
    originals = np.atleast_2d(original)
    if len(views) == 0 or len(originals) == 0:
        raise ValueError("a verdict needs at least one view of the decoy and the face it replaces")
    elsewhere = math.inf if apart is None else nearest(views, apart)
    return Verdict(nearest(views, originals), nearest(views, gallery), nearest(views, decoys), elsewhere)


def nearest(views: FloatArray, others: FloatArray | Index) -> float:
    """Smallest distance between rows of (V, D) and (N, D); inf without others, NaN if a number is not finite."""
    index = others if isinstance(others, Index) else Index(others)
    return float(index.nearest(views).min())


def best(verdicts: Sequence[Verdict], looks: Sequence[float], thresholds: Thresholds) -> int | None:
    """Index of the decoy that keeps the promise and costs least by its ``looks`` and by what it misses of the wishes;
    None if none keeps it: the face must be redacted."""
    kept = [i for i, verdict in enumerate(verdicts) if verdict.keeps(thresholds)]
    return min(kept, key=lambda i: looks[i] + verdicts[i].missed(thresholds), default=None)
