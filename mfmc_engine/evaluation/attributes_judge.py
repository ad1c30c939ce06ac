"""How far decoys keep apparent gender and age, by a network that takes no part in choosing donors (``faceres``).

It reads pixels; donors are chosen by linear estimates on the embedding. It is asked about each picture alone, before
and after, and never fitted here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfmc_engine.evaluation.learning import area_under_curve
from mfmc_engine.evaluation.protocols import Sample
from mfmc_engine.evaluation.verification import Trial

Values = NDArray[np.float64]


def judge(
    samples: tuple[Sample, ...],
    before: NDArray[Any],
    after: NDArray[Any],
    trial: Trial,
    swapped: NDArray[np.bool_],
) -> dict[str, Any]:
    """How much of gender and age the swaps keep.

    ``before`` (N, 2) and ``after`` (M, 2) are the readings of the set and of its treated probes: probability of "male",
    years. Empty without swaps. ``gender_kept``: same side of .5 before and after. ``age_difference``: years between the
    estimates before and after. Beside it stands how far the estimator agrees with itself on two untouched pictures of
    one person, which no decoy can beat but by luck, and with the set's labels, where it has any.
    """
    if not swapped.any():
        return {}
    at, now = before[trial.probes][swapped].astype(np.float64), after[swapped].astype(np.float64)
    years = np.abs(now[:, 1] - at[:, 1])
    return {
        "gender_kept": float(np.mean((at[:, 0] > 0.5) == (now[:, 0] > 0.5))),
        "gender_kept_of": {
            name: float(np.mean((now[rows, 0] > 0.5) == (at[rows, 0] > 0.5))) if rows.any() else None
            for name, rows in (("female", at[:, 0] <= 0.5), ("male", at[:, 0] > 0.5))
        },
        "age_difference": {"median": float(np.median(years)), "95 %": float(np.quantile(years, 0.95))},
        "age_change": float(np.mean(now[:, 1] - at[:, 1])),
        "estimator": {
            **_beside_labels(samples, before.astype(np.float64)),
            **_with_itself(before.astype(np.float64), trial.people),
        },
    }


def _beside_labels(samples: tuple[Sample, ...], read: Values) -> dict[str, float]:
    """Agreement of the readings (N, 2) with the set's labels."""
    found: dict[str, float] = {}
    male = np.array([np.nan if s.male is None else s.male > 0.5 for s in samples], np.float64)
    known = np.isfinite(male)
    if known.any():
        found["gender_accuracy"] = float(np.mean((read[known, 0] > 0.5) == (male[known] > 0.5)))
        found["gender_auc"] = area_under_curve(read[male == 1, 0], read[male == 0, 0])
    age = np.array([np.nan if s.age is None else s.age for s in samples], np.float64)
    known = np.isfinite(age)
    if known.any():
        found["age_error_median"] = float(np.median(np.abs(read[known, 1] - age[known])))
    return found


def _with_itself(read: Values, people: NDArray[Any]) -> dict[str, float]:
    """Agreement of the readings (N, 2) over all pairs of untouched pictures of one person."""
    first, second = np.triu_indices(len(people), 1)
    same = people[first] == people[second]
    a, b = read[first[same]], read[second[same]]
    if not len(a):
        return {}
    return {
        "gender_same_person": float(np.mean((a[:, 0] > 0.5) == (b[:, 0] > 0.5))),
        "age_same_person": float(np.median(np.abs(a[:, 1] - b[:, 1]))),
    }
