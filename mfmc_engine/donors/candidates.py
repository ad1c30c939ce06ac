"""The donors to try for one face of a photo, read off what the engine knows of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mfmc_engine import attributes, parameters
from mfmc_engine.donors import bank, selection, traits
from mfmc_engine.donors.bank import Donor
from mfmc_engine.guarantee import Thresholds
from mfmc_engine.types import Face, Gallery, Selection


def candidates(
    face: Face, gallery: Gallery, thresholds: Thresholds, seed: bytes, order: Selection = "random"
) -> Iterator[Donor]:
    """Donors of like gender, age, pose and expression, in the order to try them.

    A swap draws near the face it replaces, so donors keep more distance from it than the threshold. When the first
    draws fail, the rest of the well-fitting ones follow from the most to the least distant: every redraw costs time.
    """
    shipped = bank.load()
    avoid = selection.Avoid(
        original=max(thresholds.preferred, thresholds.original) + parameters.DONOR_HEADROOM,
        gallery=gallery.embeddings,
        gallery_distance=thresholds.gallery,
    )
    ranked = selection.rank(shipped, wanted(face), avoid, seed, order)
    if order == "random":
        drawn = ranked[: parameters.RANDOM_DRAWS]
        rest = ranked[parameters.RANDOM_DRAWS : parameters.REDRAW_POOL]
        apart = {i: float(np.linalg.norm(shipped[i].embedding - face.embedding)) for i in rest}
        ranked = [*drawn, *sorted(rest, key=lambda i: (-apart[i], i))]
    return (shipped[i] for i in ranked)


def wanted(face: Face) -> selection.Wanted:
    """What a donor for ``face`` should look like."""
    seen = attributes.load()(face.embedding)
    yaw, pitch, _ = traits.head_pose(face.landmarks)
    return selection.Wanted(
        embedding=face.embedding,
        male=float(seen.male[0]),
        age=float(seen.age[0]),
        group=seen.group[0],
        yaw=float(yaw),
        pitch=float(pitch),
        mouth=float(traits.mouth_opening(face.landmarks)),
        smile=float(traits.smile(face.landmarks)),
        eyes=float(traits.eye_opening(face.landmarks)),
    )
