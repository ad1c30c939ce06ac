"""Which donors may replace a face, and in which order to try them.

A pure function of its arguments: the caller measures the faces, the bank holds the donors, the seed decides among
the good ones. It promises nothing about the *output*, which is verified after swapping; it only keeps the donors
that have a chance, so that few swaps are thrown away.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mfmc_engine import parameters
from mfmc_engine.attributes import GROUPS
from mfmc_engine.checks import check_selection
from mfmc_engine.recognition.nearest import Index
from mfmc_engine.types import FloatArray, Selection

Values = NDArray[np.float64]


class Donors(Protocol):
    """What selection reads of a bank: its arrays, row ``i`` of each belonging to ``ids[i]``; others by their name."""

    ids: NDArray[np.str_]
    gender: NDArray[np.str_]
    group: NDArray[np.str_]
    age: FloatArray
    skin: FloatArray  # (N, 3)
    beard: FloatArray
    folds: FloatArray
    seen_male: FloatArray
    seen_age: FloatArray
    embeddings: FloatArray  # (N, D)

    def __len__(self) -> int: ...


def _no_embeddings() -> FloatArray:
    return np.empty((0, 128), np.float32)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of the face to replace. A trait left None does not count.

    ``male`` is a probability; angles in degrees; ``group`` (4,) scores in the order of attributes.GROUPS; ``skin``
    (3,) CIE L*, a*, b*; ``beard`` as donors/looks.py; mouth, smile and eyes as donors/traits.py measures them.
    """

    embedding: FloatArray  # (D,)
    male: float | None = None
    age: float | None = None
    group: FloatArray | None = None
    yaw: float | None = None
    pitch: float | None = None
    mouth: float | None = None
    smile: float | None = None
    eyes: float | None = None
    skin: FloatArray | None = None
    beard: float | None = None


@dataclass(frozen=True, slots=True)
class Avoid:
    """Whom a donor must not resemble, and how far from each it must lie (Euclidean, embedding space)."""

    original: float  # least distance to the face to replace
    gallery: FloatArray | Index = field(default_factory=_no_embeddings)  # (N, D) templates
    gallery_distance: float = 0.0
    decoys: FloatArray = field(default_factory=_no_embeddings)  # (M, D) other decoys of the photo
    decoy_distance: float = 0.0


def distances(a: FloatArray, b: FloatArray) -> Values:
    """Euclidean distances between the rows of ``a`` (N, D) and ``b`` (M, D): (N, M), differences taken exactly.

    Not by the expansion |a|^2 - 2ab + |b|^2, whose rounding could let through a donor right at a threshold.
    """
    out = np.empty((len(a), len(b)))
    for row, x in enumerate(np.asarray(a, np.float64)):
        out[row] = np.sqrt(np.einsum("nd,nd->n", b - x, b - x))
    return out


def allowed(bank: Donors, face: Wanted, avoid: Avoid) -> NDArray[np.bool_]:
    """Which donors lie farther than every threshold from everybody named: (N,). NaN anywhere allows nothing."""
    donors = bank.embeddings
    gallery = avoid.gallery if isinstance(avoid.gallery, Index) else Index(avoid.gallery)
    return np.asarray(
        (Index(face.embedding[None]).nearest(donors) > avoid.original)
        & (gallery.nearest_to(donors) > avoid.gallery_distance)
        & (Index(avoid.decoys).nearest(donors) > avoid.decoy_distance)
    )


def mismatch(bank: Donors, face: Wanted) -> Values:
    """How unlike the face each donor looks: (N,), 0 for a perfect fit, about 1 per trait that is plainly off.

    Each difference is divided by the size at which it becomes noticeable (parameters.DONOR_TOLERANCE) and squared,
    so that one large difference costs more than several small ones.
    """
    cost = np.zeros(len(bank))
    for trait in ("age", "yaw", "pitch", "mouth", "smile", "eyes", "beard"):
        value = getattr(face, trait)
        if value is not None:
            donors = _age(bank) if trait == "age" else getattr(bank, trait)
            # Where no donor reaches, the nearest fit: squares would let that one trait decide over all others.
            within = np.clip(value, donors.min(), donors.max())
            cost += ((donors - within) / parameters.DONOR_TOLERANCE[trait]) ** 2
    if face.age is not None:
        cost += (_folds_beyond(bank, face.age) / parameters.DONOR_TOLERANCE["folds"]) ** 2
    if face.male is not None:
        wrong = 1 - _chance_of_gender(bank, face.male)
        cost += (wrong / parameters.DONOR_TOLERANCE["gender"]) ** 2
        cost += (_hardly(bank, face.male) / parameters.DONOR_TOLERANCE["plainly"]) ** 2
        cost += (_too_plainly(bank, face.male) / parameters.DONOR_TOLERANCE["plainly"]) ** 2
    if face.group is not None:
        wrong = 1 - _of_group(bank, face.group)
        cost += (wrong / parameters.DONOR_TOLERANCE["group"]) ** 2
    if face.skin is not None:
        apart = np.linalg.norm(bank.skin - face.skin, axis=1)
        cost += (apart / parameters.DONOR_TOLERANCE["skin"]) ** 2
    return cost


def _of_group(bank: Donors, scores: FloatArray) -> Values:
    """(N,) each donor's own group's score, of (4,) scores in the order of GROUPS."""
    own = np.full(len(bank), np.nan)
    for group, score in zip(GROUPS, scores, strict=True):
        own[bank.group == group] = score
    return own


def _age(bank: Donors) -> Values:
    """(N,) years that donors look, of two opinions."""
    return np.asarray((bank.age + bank.seen_age) / 2, np.float64)


def _chance_of_gender(bank: Donors, male: float) -> Values:
    """(N,) probability that a face that is ``male`` with this one is of each donor's gender."""
    return np.where(bank.gender == "male", male, 1 - male)


def _hardly(bank: Donors, male: float) -> Values:
    """(N,) by how much donors look less plainly of their gender than a face should that is ``male`` with this
    probability, log-odds."""
    wanted = parameters.PLAINLY * (2 * male - 1)
    return np.maximum(0, _sign(bank) * (wanted - bank.seen_male))


def _too_plainly(bank: Donors, male: float) -> Values:
    """(N,) by how much donors look more plainly of their gender than a face that may well be of the other, log-odds;
    whoever is surely of one may get the plainest donor."""
    usual = parameters.PLAINLY * abs(2 * male - 1)
    return 4 * male * (1 - male) * np.maximum(0, _sign(bank) * bank.seen_male - usual)


def _sign(bank: Donors) -> Values:
    """(N,) of the log-odds with which donors look their own gender: 1 for men, -1 for women."""
    return np.where(bank.gender == "male", 1.0, -1.0)


def _folds_beyond(bank: Donors, age: float) -> Values:
    """(N,) by how much the folds drawn on donors are stronger than those of people of that ``age`` in years."""
    first, years = parameters.FOLDS_AGE
    return np.maximum(0, bank.folds - np.clip((age - first) / years, 0, 1))


def kin(bank: Donors, face: Wanted) -> NDArray[np.bool_]:
    """Which donors pass for the face's own gender, group, beard and folds: (N,). Unsure traits rule nobody out."""
    same = np.ones(len(bank), np.bool_)
    if face.male is not None:
        same &= _chance_of_gender(bank, face.male) >= parameters.KIN_GENDER
        same &= _hardly(bank, face.male) <= parameters.KIN_PLAINLY
        same &= _too_plainly(bank, face.male) <= parameters.KIN_TOO_PLAINLY
    if face.group is not None:
        scores = _of_group(bank, face.group)
        same &= scores >= min(parameters.KIN_GROUP, float(np.max(face.group)))
    if face.age is not None:
        same &= _folds_beyond(bank, face.age) <= parameters.KIN_FOLDS
    return same & ~_bearded(bank, face)


def by_fit(bank: Donors, face: Wanted) -> NDArray[np.intp]:
    """(N,) rows of all donors, best fit first: those of the face's own kind before others."""
    return np.lexsort((mismatch(bank, face), ~kin(bank, face)))


def _bearded(bank: Donors, face: Wanted) -> NDArray[np.bool_]:
    """(N,) which donors have more of a beard than the face may be given."""
    if face.beard is None:
        return np.zeros(len(bank), np.bool_)
    # Shaving a face is easier to believe than growing it a beard: its skin turns pale. Stubble on a woman is worst.
    most = np.full(len(bank), face.beard + parameters.KIN_BEARD)
    if face.male is not None:
        most[bank.gender == "male"] *= max(0.0, 2 * face.male - 1)
    return np.asarray(bank.beard > most)


def _of_other_gender(bank: Donors, face: Wanted) -> NDArray[np.bool_]:
    """(N,) which donors are plainly not of the face's gender, or bearded where it may well be a woman's."""
    if face.male is None:
        return np.zeros(len(bank), np.bool_)
    other = np.asarray(_chance_of_gender(bank, face.male) < parameters.OTHER_GENDER)
    return other if face.male >= parameters.SURELY_MALE else other | _bearded(bank, face)


def generator(seed: bytes) -> np.random.Generator:
    """PCG64 from a seed of any length, through SHA-256: near seeds give unrelated streams."""
    return np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(seed).digest())))


def rank(
    bank: Donors,
    face: Wanted,
    avoid: Avoid,
    seed: bytes,
    selection: Selection = "random",
    further: Values | None = None,
) -> list[str]:
    """Ids of all allowed donors in the order to try them; empty if none is allowed. ``further`` (N,) adds to each
    donor's ``mismatch``.

    ``random``: the best-fitting share (parameters.DONOR_POOL, at least DONOR_POOL_LEAST) in random order, then the
    rest from best to worst fit; donors of the face's own gender and group fit better than any other, those plainly
    not of its gender worse. ``farthest`` and ``nearest``: the same pool, by distance to the original. The
    order depends on nothing but the arguments. Raises InvalidInputError for any other ``selection``.
    """
    check_selection(selection)
    rows = np.flatnonzero(allowed(bank, face, avoid))
    cost = mismatch(bank, face) + (0.0 if further is None else further)
    order = (bank.ids, cost, ~kin(bank, face), _of_other_gender(bank, face))  # the last counts first
    rows = rows[np.lexsort([key[rows] for key in order])]
    size = max(parameters.DONOR_POOL_LEAST, round(parameters.DONOR_POOL * len(bank)))
    pool, rest = rows[:size], rows[size:]
    if selection == "random":
        pool = generator(seed).permutation(pool)
    else:
        apart = distances(bank.embeddings[pool], face.embedding[None])[:, 0]
        pool = pool[np.lexsort((bank.ids[pool], -apart if selection == "farthest" else apart))]
    ids: list[str] = bank.ids[np.concatenate([pool, rest])].tolist()
    return ids
