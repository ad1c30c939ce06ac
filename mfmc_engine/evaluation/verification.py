"""From distances to error rates: verification, identification, open-set search. Definitions: docs/evaluation.md.

Rows are probes, columns the gallery. A distance of or below a threshold is a match.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfmc_engine import parameters as P
from mfmc_engine.types import FloatArray

Flags = NDArray[np.bool_]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trial:
    """Who is compared with whom: ``probes`` (M,) are rows of the gallery, ``people`` (N,) own the gallery's rows."""

    probes: NDArray[np.int64]
    people: NDArray[np.str_]

    def mated(self) -> Flags:
        """(M, N): another picture of the same person."""
        return (self.people[self.probes][:, None] == self.people[None]) & ~self.itself()

    def strangers(self) -> Flags:
        """(M, N): a picture of somebody else."""
        return self.people[self.probes][:, None] != self.people[None]

    def itself(self) -> Flags:
        """(M, N): the very picture that the probe is or was made from."""
        return self.probes[:, None] == np.arange(len(self.people))[None]


def threshold_at(strangers: FloatArray, rate: float) -> float:
    """The distance below which the share ``rate`` of strangers' distances (K,) lies."""
    return float(np.quantile(strangers, rate))


def sorted_quantiles(ordered: FloatArray, rates: Values) -> Values:
    """What np.quantile gives, of values (K,) in ascending order: millions are sorted once, not per curve."""
    place = rates * (len(ordered) - 1)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, len(ordered) - 1)
    return np.asarray(
        ordered[low] + (place - low) * (ordered[high].astype(np.float64) - ordered[low]), np.float64
    )


def accepted(distances: FloatArray, threshold: float) -> float:
    """The share of distances that match; nan of none."""
    return float(np.mean(distances <= threshold)) if len(distances) else float("nan")


def curve(mated: FloatArray, strangers: FloatArray, points: int = 200) -> tuple[Values, Values]:
    """A ROC: (false match rates, true accept rates), at rates spread evenly in logarithm, then evenly.

    ``strangers`` (K,) in ascending order.
    """
    rates = np.unique(np.concatenate([np.geomspace(1e-4, 1, points // 2), np.linspace(0, 1, points // 2)]))
    thresholds = sorted_quantiles(strangers, rates)
    ordered = np.sort(mated)
    return rates, np.searchsorted(ordered, thresholds, side="right") / max(len(ordered), 1)


def equal_error_rate(mated: FloatArray, strangers: FloatArray) -> tuple[float, float]:
    """(rate, threshold) where as many strangers match as mates are refused."""
    a, b = np.sort(mated), np.sort(strangers)
    thresholds = a
    refused = 1 - np.searchsorted(a, thresholds, side="right") / len(a)
    matched = np.searchsorted(b, thresholds, side="right") / len(b)
    at = int(np.abs(refused - matched).argmin())
    return float((refused[at] + matched[at]) / 2), float(thresholds[at])


def best_accuracy(mated: FloatArray, strangers: FloatArray) -> tuple[float, float]:
    """(accuracy, threshold) of the threshold that decides most pairs right, mates and strangers weighing the same."""
    a, b = np.sort(mated), np.sort(strangers)
    right = np.searchsorted(a, a, side="right") / len(a) + 1 - np.searchsorted(b, a, side="right") / len(b)
    at = int(right.argmax())
    return float(right[at] / 2), float(a[at])


def ranks(distances: FloatArray, trial: Trial) -> NDArray[np.int64]:
    """(M,) how many other people lie nearer than the probe's own person, by each one's nearest picture; 0 is rank 1.

    The picture that the probe is or was made from is not in the gallery.
    """
    columns = np.where(trial.itself(), np.inf, distances)
    own = np.where(trial.mated(), columns, np.inf).min(1)
    people, owner = np.unique(trial.people, return_inverse=True)
    nearest = np.full((len(distances), len(people)), np.inf)
    for column in range(distances.shape[1]):  # a person's nearest picture
        np.minimum(nearest[:, owner[column]], columns[:, column], out=nearest[:, owner[column]])
    nearest[np.arange(len(distances)), owner[trial.probes]] = np.inf
    return np.asarray((nearest <= own[:, None]).sum(1), np.int64)


def match_curve(found: NDArray[np.int64], length: int = P.EVAL_RANKS) -> list[float]:
    """Cumulative match characteristic: share of probes found at rank 1, 2, ..."""
    return [round(float(np.mean(found < rank)), 6) for rank in range(1, length + 1)]


def open_set(before: FloatArray, after: FloatArray, trial: Trial, seed: int) -> dict[str, float]:
    """Half of the people are enrolled. The threshold lets EVAL_FPIR of the others' originals be named; how many of
    the enrolled are found at rank 1 within it, from originals and from treated pictures (true positive
    identification rate), and how many others are named from treated ones.
    """
    people = np.unique(trial.people)
    enrolled = set(np.random.default_rng(seed).permutation(people)[: len(people) // 2].tolist())
    columns = np.array([person in enrolled for person in trial.people])
    rows = columns[trial.probes]
    if not rows.any() or rows.all():
        return {}
    hidden = trial.itself() | ~columns[None]

    def search(distances: FloatArray) -> tuple[Values, Flags]:
        searched = np.where(hidden, np.inf, distances)
        at = searched.argmin(1)
        return searched.min(1), trial.people[at] == trial.people[trial.probes]

    (far_before, right_before), (far_after, right_after) = search(before), search(after)
    threshold = threshold_at(np.asarray(far_before[~rows], np.float32), P.EVAL_FPIR)
    return {
        "threshold": threshold,
        "found_before": float(np.mean((far_before <= threshold)[rows] & right_before[rows])),
        "found_after": float(np.mean((far_after <= threshold)[rows] & right_after[rows])),
        "others_named_after": float(np.mean((far_after <= threshold)[~rows])),
    }


def interval(values: ArrayLike, people: NDArray[np.str_], seed: int) -> tuple[float, float]:
    """95 % bootstrap confidence interval of the mean of ``values`` (K,), people being drawn, not pictures."""
    _, owner = np.unique(people, return_inverse=True)
    count = np.bincount(owner).astype(np.float64)
    total = np.bincount(owner, np.asarray(values, np.float64))
    drawn = np.random.default_rng(seed).integers(len(count), size=(P.EVAL_BOOTSTRAP, len(count)))
    means = total[drawn].sum(1) / count[drawn].sum(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def rounded(value: Any, digits: int = 6) -> Any:
    """Numbers to so many digits, all the way down; nan and inf become None, arrays lists: ready for JSON."""
    if isinstance(value, dict):
        return {str(k): rounded(v, digits) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [rounded(v, digits) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return round(value, digits) if np.isfinite(value) else None
    return value
