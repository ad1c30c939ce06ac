"""What distances mean in an embedding space: every recogniser has its own, and none can be compared with another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mfmc_engine import parameters as P


@dataclass(frozen=True, slots=True)
class Space:
    """Euclidean distances in one recogniser's space; sources in parameters.py."""

    name: str
    original: float  # the promise toward a replaced face
    preferred: float  # what redraws aim for
    match: float  # the most at which any gallery takes a face for somebody
    margin: float  # of a match to the next person
    claim: float  # at which "that's me" is believed without asking
    claim_limit: float  # beyond which it never is
    same_person: float  # beyond which two pictures cannot belong to one account
    apart: float  # wished for between one person's decoys
    # share of pairs of strangers nearer than ``tail_distance``, falling with that power of the distance
    tail_rate: float
    tail_distance: float
    tail_exponent: float


DLIB: Final = Space(
    "dlib-resnet",
    P.ORIGINAL_THRESHOLD,
    P.ORIGINAL_PREFERRED,
    P.MATCH_THRESHOLD,
    P.AMBIGUITY_MARGIN,
    P.CLAIM_THRESHOLD,
    P.CLAIM_LIMIT,
    P.ENROLMENT_SAME_PERSON,
    P.APART_PREFERRED,
    P.STRANGERS_TAIL_RATE,
    P.STRANGERS_TAIL_DISTANCE,
    P.STRANGERS_TAIL_EXPONENT,
)
ARCFACE: Final = Space(
    "arcface",
    P.ARCFACE_ORIGINAL,
    P.ARCFACE_PREFERRED,
    P.ARCFACE_MATCH,
    P.ARCFACE_MARGIN,
    P.ARCFACE_CLAIM,
    P.ARCFACE_CLAIM_LIMIT,
    P.ARCFACE_SAME_PERSON,
    P.ARCFACE_APART,
    P.ARCFACE_TAIL_RATE,
    P.ARCFACE_TAIL_DISTANCE,
    P.ARCFACE_TAIL_EXPONENT,
)


def space_of(recognizer: str) -> Space:
    """The space of a recogniser by the name of its source in packs/catalogue.py."""
    return DLIB if recognizer == "dlib-resnet" else ARCFACE
