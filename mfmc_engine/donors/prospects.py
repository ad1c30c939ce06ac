"""Whether a donor is worth a draw: how likely its decoy is to be far enough from the person, before it is swapped in.

The forecast of that distance errs from donor to donor, and about as much from face to face. What the draws on one face
have shown so far tells of the latter: the mean of a normal distribution with a normal prior (Murphy 2012, 4.6.1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from mfmc_engine import parameters as P


@dataclass(frozen=True, slots=True)
class Prospects:
    """How distances to come differ from those foretold on one face, Euclidean."""

    mean: float
    deviation: float

    @classmethod
    def after(cls, errors: Sequence[float]) -> Prospects:
        """What is known of a face on which distances were larger than foretold by ``errors``, one a draw."""
        prior, each = P.FORECAST_BETWEEN**-2, P.FORECAST_WITHIN**-2
        known = prior + each * len(errors)
        return cls(each * sum(errors) / known, math.sqrt(P.FORECAST_WITHIN**2 + 1 / known))

    def chance(self, spare: float, least: float) -> float:
        """Probability that a distance foretold to exceed what is wanted by ``spare`` exceeds it by ``least`` or more;
        both are negative for what is missing."""
        return NormalDist().cdf((spare + self.mean - least) / self.deviation)
