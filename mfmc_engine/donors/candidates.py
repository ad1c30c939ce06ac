"""The donors to try for each face of a photo: the face's looks, the people to avoid and the bank put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from mfmc_engine import parameters
from mfmc_engine.donors import bank, looks, selection
from mfmc_engine.donors.bank import Donor
from mfmc_engine.guarantee import Thresholds
from mfmc_engine.types import Face, Gallery, Image, Selection


def candidates(
    image: Image, gallery: Gallery, thresholds: Thresholds, order: Selection
) -> Callable[[Face, np.random.Generator], Iterator[Donor]]:
    """A function that gives one face's donors in the order to try them, drawn with that face's random numbers."""
    donors = bank.load()

    def of_face(face: Face, random: np.random.Generator) -> Iterator[Donor]:
        wanted = looks.describe(image, face.landmarks, face.embedding)
        avoid = selection.Avoid(
            original=thresholds.preferred + parameters.DONOR_HEADROOM,
            gallery=gallery.embeddings,
            gallery_distance=thresholds.gallery,
        )
        ranked = selection.rank(donors, wanted, avoid, random.bytes(32), order)
        if order == "random":
            ranked = _hurried(donors, ranked, face)
        return (donors[donor_id] for donor_id in ranked)

    return of_face


def _hurried(donors: bank.DonorBank, ranked: list[str], face: Face) -> list[str]:
    """The first draws stay random. If they fail, the rest of the well-fitting donors follow from the most to the
    least distant: a redraw costs time, and a distant donor is the likeliest to end it."""
    drawn = ranked[: parameters.RANDOM_DRAWS]
    rest = ranked[parameters.RANDOM_DRAWS : parameters.REDRAW_POOL]
    apart = {i: float(np.linalg.norm(donors[i].embedding - face.embedding)) for i in rest}
    return [*drawn, *sorted(rest, key=lambda i: (-apart[i], i))]
