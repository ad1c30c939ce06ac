"""The donors to try for each face of a photo: the face's looks, the people to avoid and the bank put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from mfmc_engine import parameters
from mfmc_engine.donors import bank, looks, selection
from mfmc_engine.donors.bank import Donor
from mfmc_engine.guarantee import Thresholds
from mfmc_engine.types import Face, FloatArray, Gallery, Image, Selection


def candidates(
    image: Image, gallery: Gallery, thresholds: Thresholds, order: Selection
) -> Callable[[Face, np.random.Generator, FloatArray], Iterator[Donor]]:
    """A function that gives one face's donors in the order to try them, drawn with that face's random numbers.

    Its third argument (N, D) are the person's decoys in other photos: donors unlike them come first.
    """
    donors = bank.load()

    def of_face(face: Face, random: np.random.Generator, apart: FloatArray) -> Iterator[Donor]:
        wanted = looks.describe(image, face.landmarks, face.embedding)
        avoid = selection.Avoid(
            original=thresholds.preferred + parameters.DONOR_HEADROOM,
            gallery=gallery.index,
            gallery_distance=thresholds.gallery,
            apart=apart,
            apart_distance=thresholds.apart,
        )
        ranked = selection.rank(donors, wanted, avoid, random.bytes(32), order)
        if order == "random":
            kin = dict(zip(donors.ids.tolist(), selection.kin(donors, wanted).tolist(), strict=True))
            ranked = redraws(donors, ranked, np.concatenate([face.embedding[None], apart]), kin, random)
        return (donors[donor_id] for donor_id in ranked)

    return of_face


def redraws(
    donors: bank.DonorBank,
    ranked: list[str],
    originals: FloatArray,
    kin: dict[str, bool],
    random: np.random.Generator,
) -> list[str]:
    """``ranked`` in the order of least time. The first draws stay random; if they fail, the best-fitting ``kin``
    follow, then the best-fitting others, and among each the ones distant from ``originals`` (N, D) early: a redraw
    costs time, and a distant donor is the likeliest to end it. Chance blurs that order, or all photos of one person
    would end on one donor. Whatever is left comes last: in a crowd, others use donors up.
    """
    drawn, rest = ranked[: parameters.RANDOM_DRAWS], ranked[parameters.RANDOM_DRAWS :]
    noise = parameters.REDRAW_CHANCE * random.standard_normal(len(rest))
    away = np.array([donors[i].embedding for i in rest]).reshape(-1, 1, originals.shape[1]) - originals
    apart = dict(zip(rest, (np.linalg.norm(away, axis=2).min(1) + noise).tolist(), strict=True))
    order = list(drawn)
    for own in (True, False):
        fitting = [i for i in rest if kin[i] == own][: parameters.REDRAW_POOL]
        order += sorted(fitting, key=lambda i: (-apart[i], i))
    seen = set(order)
    return [*order, *(i for i in rest if i not in seen)]
