"""The donors to try for each face of a photo: the face's looks, the people to avoid and the bank put together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfmc_engine import attributes, parameters
from mfmc_engine.attributes import Attributes
from mfmc_engine.donors import bank, forecast, identities, looks, selection
from mfmc_engine.donors.bank import Donor
from mfmc_engine.donors.identities import Identity
from mfmc_engine.guarantee import Thresholds
from mfmc_engine.landmarks import five_of
from mfmc_engine.recognition.space import DLIB
from mfmc_engine.types import Face, FloatArray, Gallery, Image, Selection

if TYPE_CHECKING:
    from mfmc_engine.packs.pack import Pack


@dataclass(frozen=True, slots=True)
class Candidate:
    """A donor, or an identity that was drawn."""

    donor: Donor | Identity
    # Euclidean, by which its decoy is foretold to exceed the distances wished for; inf where nothing is foretold
    spare: float = math.inf
    # How much less it and its decoy will look like the face than the best that may be taken, selection.mismatch
    unlike: float = 0.0
    folds: float = 0.0  # share of the person's own folds that makes up for its looking younger
    resort: bool = False  # whether it comes after those that fit

    @property
    def short(self) -> float:
        """What is missing of the margin that makes its decoy likely to pass, Euclidean."""
        return max(0.0, parameters.FORECAST_MARGIN - self.spare)


def candidates(
    image: Image, gallery: Gallery, thresholds: Thresholds, order: Selection, pack: Pack | None = None
) -> Callable[[Face, np.random.Generator, FloatArray], Iterator[Candidate]]:
    """A function that gives one face's donors in the order to try them, drawn with that face's random numbers.

    Its third argument (N, D) are the person's decoys in other photos: donors unlike them come first. Donors are chosen
    in dlib's space, the bank's. With a ``pack`` that recognises in another one, the people to avoid are left to the
    verification of the output. A ``pack`` that draws identities gets those instead of donors.
    """
    donors, foretold = bank.load(), forecast.load()
    contributed = foretold.contributed(donors.embeddings)
    rows = dict(zip(donors.ids.tolist(), range(len(donors)), strict=True))

    def of_face(face: Face, random: np.random.Generator, apart: FloatArray) -> Iterator[Candidate]:
        if pack is None or pack.space is DLIB:
            embedding, aim = face.embedding, thresholds.toward(face.embedding)
            avoid = selection.Avoid(
                original=thresholds.original, gallery=gallery.index, gallery_distance=thresholds.gallery
            )
        else:
            embedding = pack.chooser.embed(image, face.landmarks[None])[0]
            aim = Thresholds().toward(embedding)
            avoid = selection.Avoid(original=aim.original)
            apart = np.empty((0, len(embedding)), np.float32)
        wanted = looks.describe(image, face.landmarks, embedding)
        if pack is not None and pack.gender_age is not None:
            male, age = pack.gender_age(image, five_of(face.landmarks)[None])
            wanted = replace(wanted, male=float(male[0]), age=float(age[0]))
        if pack is not None and pack.draws_identities:
            avoid = replace(avoid, original=aim.preferred)
            drawn = identities.candidates(wanted, avoid, apart, aim.apart, random, order)
            return (Candidate(identity) for identity in drawn)
        expected = foretold.expected_with(embedding, contributed)
        own, theirs = attributes.load()(embedding), attributes.load()(expected)
        own = replace(own, age=leant(own.age))
        if wanted.age is not None:
            wanted = replace(wanted, age=float(leant(wanted.age)))
        theirs = replace(theirs, age=theirs.age + parameters.SEEN_AGE_SHARE * (donors.seen_age - donors.age))
        folds = folds_kept(own, theirs)
        spare = margins(expected, embedding, apart, aim) - parameters.FOLDS_DISTANCE * folds
        seeming = foretold_mismatch(own, theirs)
        ranked = selection.rank(donors, wanted, avoid, random.bytes(32), order, unfit(spare) + seeming)
        unlike = selection.mismatch(donors, wanted) + seeming
        if order == "random":
            kin = selection.kin(donors, replace(wanted, group=None))
            resort = spare - parameters.LAST_RESORT_SEEMING * np.sqrt(seeming)
            resort -= parameters.WISH_ORIGINAL / parameters.LOOKS_UNLIKE * unlike
            ranked = with_last_resort(ranked, donors.ids, np.where(kin, resort, -np.inf))
        least = float(unlike[[rows[donor_id] for donor_id in ranked]].min()) if ranked else 0.0
        return (
            Candidate(
                donors[donor_id],
                float(spare[row]),
                float(unlike[row]) - least,
                float(folds[row]),
                resort=order == "random" and place >= parameters.FIT_FIRST,
            )
            for place, donor_id in enumerate(ranked)
            for row in (rows[donor_id],)
        )

    return of_face


def leant(age: ArrayLike) -> FloatArray:
    """The ages in years that donors are looked for by, of what people's ages are estimated to be."""
    years = np.asarray(age, np.float32)
    return years + parameters.AGE_LEAN * np.maximum(0, years - parameters.AGE_LEAN_FROM)


def with_last_resort(ranked: list[str], ids: NDArray[np.str_], resort: NDArray[np.float64]) -> list[str]:
    """``ranked`` with those donors early, after the best-fitting ones, that are best as a last ``resort``, (N,) by the
    ``ids`` (N,): how far their decoys are foretold to be from the person, less what of age and gender that would cost.
    Beside pixels, even a face of another complexion looks natural.
    """
    first, allowed = ranked[: parameters.FIT_FIRST], set(ranked[parameters.FIT_FIRST :])
    best = [i for i in ids[np.argsort(-resort, kind="stable")].tolist() if i in allowed]
    seen = {*first, *best[: parameters.LAST_RESORT]}
    return [*first, *best[: parameters.LAST_RESORT], *(i for i in ranked if i not in seen)]


def margins(
    expected: FloatArray, embedding: FloatArray, apart: FloatArray, thresholds: Thresholds
) -> NDArray[np.float64]:
    """(N,) by how much decoys with the ``expected`` embeddings (N, D) are foretold to exceed the distances that redraws
    aim for: to the face (D,), and to the person's decoys in other photos ``apart`` (M, D)."""
    foretold = forecast.load()
    return np.minimum(
        foretold.distances(expected, embedding[None]) - thresholds.preferred,
        foretold.distances(expected, apart) - thresholds.apart,
    )


def unfit(spare: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) how unfit donors are for too little ``spare`` (N,) distance of their decoys, in the units of
    ``selection.mismatch``."""
    short = np.maximum(0, parameters.FORECAST_MARGIN - spare)
    return np.asarray((short / parameters.FORECAST_TOLERANCE["distance"]) ** 2)


def folds_kept(own: Attributes, theirs: Attributes) -> NDArray[np.float64]:
    """(N,) shares of the person's own folds that N decoys keep, the more the younger than the person they are foretold
    to look; by what the face (1) and the decoys (N) are estimated to be."""
    younger = float(own.age[0]) - theirs.age.astype(np.float64)
    share = (younger - parameters.FOLDS_FROM) / parameters.FOLDS_YEARS
    return np.asarray(np.clip(share, 0, 1) * parameters.FOLDS_LARGEST)


def foretold_mismatch(own: Attributes, theirs: Attributes) -> NDArray[np.float64]:
    """(N,) how much older or younger, or of another gender, N decoys will seem than the face (1), in the units of
    ``selection.mismatch``."""
    tolerance = parameters.FORECAST_TOLERANCE
    return np.asarray(
        ((theirs.male - own.male) / tolerance["gender"]) ** 2
        + ((theirs.age - own.age) / tolerance["age"]) ** 2
    )
