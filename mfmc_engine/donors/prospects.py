"""Whether a donor is worth a draw: how likely its decoy is to be far enough from the person, before it is swapped in.

The forecast of that distance errs from donor to donor, and about as much from face to face. What the draws on one face
have shown so far tells of the latter: the mean of a normal distribution with a normal prior (Murphy 2012, 4.6.1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import NormalDist

from mfmc_engine import parameters as P
from mfmc_engine.donors.candidates import Candidate


@dataclass(frozen=True, slots=True)
class Outlook:
    """How distances to come differ from those foretold on one face, Euclidean."""

    mean: float
    deviation: float

    @classmethod
    def after(cls, errors: Sequence[float]) -> Outlook:
        """What is known of a face on which distances were larger than foretold by ``errors``, one a draw."""
        prior, each = P.FORECAST_BETWEEN**-2, P.FORECAST_WITHIN**-2
        known = prior + each * len(errors)
        return cls(each * sum(errors) / known, math.sqrt(P.FORECAST_WITHIN**2 + 1 / known))

    def chance(self, spare: float, least: float) -> float:
        """Probability that a distance foretold to exceed what is wanted by ``spare`` exceeds it by ``least`` or more;
        both are negative for what is missing."""
        return NormalDist().cdf((spare + self.mean - least) / self.deviation)


def pick(
    donors: Iterator[Candidate],
    number: int,
    chance: Callable[[Candidate], float],
    least: float,
    resort: bool,
    taken: Collection[str],
) -> tuple[list[Candidate], Iterator[Candidate]]:
    """The next ``number`` donors that are not ``taken`` and have at ``least`` that chance, fewer where they run out: in
    the order of fit, if they are likely to do, else those that are likelier; and the others, those passed over first.
    ``resort``: also of those of last resort."""
    reach = P.FIT_FIRST + P.LAST_RESORT if resort else P.FIT_FIRST
    seen: list[Candidate] = []
    free: list[Candidate] = []
    while len(free) < reach and (candidate := next(donors, None)):
        seen.append(candidate)
        if candidate.resort and not resort:
            break
        if candidate.donor.id not in taken:
            free.append(candidate)
    chances = [chance(candidate) for candidate in free]
    order = sorted(range(len(free)), key=lambda i: (-min(chances[i], P.LIKELY_CHANCE), i))
    drawn = [free[i] for i in order[:number] if chances[i] >= least]
    return drawn, chain([one for one in seen if one not in drawn], donors)


def share(shape_share: float, short: float) -> float:
    """Of the donor's shape in a round, more than ``shape_share`` where its decoy is foretold to fall ``short``."""
    return min(P.SHAPE_LARGEST_SHARE, shape_share + short / P.SHAPE_DISTANCE)


def foretold(candidate: Candidate, share: float) -> float:
    """By how much a decoy with that share of the donor's shape is foretold to exceed the distances wished for."""
    return candidate.spare + P.SHAPE_GAIN * (share - P.DRAW_ROUNDS[0][0])
