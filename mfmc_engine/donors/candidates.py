"""The donors to try for each face of a photo: the face's looks, the people to avoid and the bank put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mfmc_engine import parameters
from mfmc_engine.donors import bank, identities, looks, selection
from mfmc_engine.donors.bank import Donor
from mfmc_engine.donors.identities import Identity
from mfmc_engine.guarantee import Thresholds
from mfmc_engine.landmarks import five_of
from mfmc_engine.recognition.space import DLIB
from mfmc_engine.types import Face, FloatArray, Gallery, Image, Selection

if TYPE_CHECKING:
    from mfmc_engine.packs.pack import Pack


def candidates(
    image: Image, gallery: Gallery, thresholds: Thresholds, order: Selection, pack: Pack | None = None
) -> Callable[[Face, np.random.Generator, FloatArray], Iterator[Donor | Identity]]:
    """A function that gives one face's donors in the order to try them, drawn with that face's random numbers.

    Its third argument (N, D) are the person's decoys in other photos: donors unlike them come first. Donors are chosen
    in dlib's space, the bank's. With a ``pack`` that recognises in another one, the people to avoid are left to the
    verification of the output. A ``pack`` that draws identities gets those instead of donors.
    """
    donors = bank.load()

    def of_face(face: Face, random: np.random.Generator, apart: FloatArray) -> Iterator[Donor | Identity]:
        if pack is None or pack.space is DLIB:
            embedding, others = face.embedding, apart
            avoid = selection.Avoid(
                original=thresholds.preferred + parameters.DONOR_HEADROOM,
                gallery=gallery.index,
                gallery_distance=thresholds.gallery,
                apart=apart,
                apart_distance=thresholds.apart,
            )
        else:
            embedding = pack.chooser.embed(image, face.landmarks[None])[0]
            others = np.empty((0, len(embedding)), np.float32)
            avoid = selection.Avoid(original=DLIB.preferred + parameters.DONOR_HEADROOM)
        wanted = looks.describe(image, face.landmarks, embedding)
        if pack is not None and pack.gender_age is not None:
            male, age = pack.gender_age(image, five_of(face.landmarks)[None])
            wanted = replace(wanted, male=float(male[0]), age=float(age[0]))
        if pack is not None and pack.draws_identities:
            return identities.candidates(wanted, avoid, random, order)
        ranked = selection.rank(donors, wanted, avoid, random.bytes(32), order)
        if order == "random":
            kin = dict(zip(donors.ids.tolist(), selection.kin(donors, wanted).tolist(), strict=True))
            ranked = redraws(donors, ranked, np.concatenate([embedding[None], others]), kin, random)
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
