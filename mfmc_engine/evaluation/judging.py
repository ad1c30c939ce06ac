"""What each recogniser makes of each treatment: the paper's table, per recogniser and averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mfmc_engine import parameters as P
from mfmc_engine.evaluation import verification as V
from mfmc_engine.evaluation.recognizers import FaceRecognizer, Metric, distances
from mfmc_engine.types import FloatArray

PAPER_DROP = 0.61  # mean accuracy drop of seven recognisers (Ciftci et al. 2023, abstract)


@dataclass(slots=True)
class Vectors:
    """One recogniser's view of the set: (N, D) of the gallery, (M, D) of the probes under each treatment."""

    name: str
    metric: Metric
    gallery: FloatArray
    arms: dict[str, FloatArray]
    before: FloatArray = field(init=False)  # (M, N) distances of the untouched probes
    strangers: FloatArray = field(init=False)  # of all pairs of different people in the gallery, ascending
    mates: FloatArray = field(init=False)  # of all pairs of one person

    def prepare(self, trial: V.Trial) -> None:
        """Distances before any treatment."""
        everybody = distances(self.gallery, self.gallery, self.metric)
        upper = np.triu_indices(len(self.gallery), 1)
        same = (trial.people[:, None] == trial.people[None])[upper]
        pairs = everybody[upper]
        self.before, self.mates, self.strangers = everybody[trial.probes], pairs[same], np.sort(pairs[~same])

    def after(self, arm: str) -> FloatArray:
        """(M, N) distances of the treated probes."""
        return distances(self.arms[arm], self.gallery, self.metric)

    def threshold(self, rate: float = P.EVAL_FMR) -> float:
        """The distance below which so many strangers lie."""
        return float(V.sorted_quantiles(self.strangers, np.array([rate]))[0])


def vectors_of(
    recognizer: FaceRecognizer, metric: Metric | None, gallery: Any, arms: Mapping[str, Any], several: bool
) -> Vectors:
    """Features to vectors; ``several`` metrics are told apart in the name."""
    project = recognizer.fit(gallery)
    chosen = metric or recognizer.metric
    name = f"{recognizer.name}, {chosen}" if several else recognizer.name
    return Vectors(name, chosen, project(gallery), {arm: project(found) for arm, found in arms.items()})


def judge(vectors: Vectors, trial: V.Trial, arms: Sequence[str], seed: int) -> dict[str, Any]:
    """All figures of one recogniser."""
    eer, _ = V.equal_error_rate(vectors.mates, vectors.strangers)
    accuracy, decides = V.best_accuracy(vectors.mates, vectors.strangers)
    thresholds = {str(rate): vectors.threshold(rate) for rate in P.EVAL_FMRS}
    everybody = {
        "mated_pairs": len(vectors.mates),
        "stranger_pairs": len(vectors.strangers),
        "accepts": {rate: V.accepted(vectors.mates, t) for rate, t in thresholds.items()},
        "equal_error_rate": eer,
        "accuracy": accuracy,
    }
    found: dict[str, Any] = {
        "metric": vectors.metric,
        "thresholds": thresholds,
        "whole_set": everybody,
        "stranger_quantiles": _quantiles(vectors.strangers),
        "arms": {"none": _arm(vectors, vectors.before, trial, thresholds, decides, seed)},
    }
    for arm in arms:
        found["arms"][arm] = _arm(vectors, vectors.after(arm), trial, thresholds, decides, seed)
        before = found["arms"]["none"]
        found["arms"][arm]["drop"] = {
            key: _drop(before[key], found["arms"][arm][key]) for key in ("rank1", "rank5", "accuracy")
        }
    return found


def _arm(
    vectors: Vectors,
    after: FloatArray,
    trial: V.Trial,
    thresholds: Mapping[str, float],
    decides: float,
    seed: int,
) -> dict[str, Any]:
    mates, strangers = after[trial.mated()], after[trial.strangers()]
    places = V.ranks(after, trial)
    cmc = V.match_curve(places)
    owners = np.repeat(trial.people[trial.probes], trial.mated().sum(1))
    main = thresholds[str(P.EVAL_FMR)]
    rates, accepts = V.curve(mates, vectors.strangers)
    impostors = np.where(trial.strangers(), after, np.inf).min(1)
    return {
        "accepts": {rate: V.accepted(mates, t) for rate, t in thresholds.items()},
        "accepts_interval": V.interval(mates <= main, owners, seed),
        "strangers_accepted": {rate: V.accepted(strangers, t) for rate, t in thresholds.items()},
        "own_photo_accepts": {rate: V.accepted(after[trial.itself()], t) for rate, t in thresholds.items()},
        "equal_error_rate": V.equal_error_rate(mates, strangers)[0],
        "accuracy": (V.accepted(mates, decides) + 1 - V.accepted(strangers, decides)) / 2,
        "rank1": cmc[0],
        "rank1_interval": V.interval(places == 0, trial.people[trial.probes], seed),
        "rank5": cmc[4],
        "cmc": cmc,
        "ranks": places,
        "roc": {"false_match_rate": rates, "true_accept_rate": accepts},
        "open_set": V.open_set(vectors.before, after, trial, seed),
        "impersonation": {rate: V.accepted(impostors, t) for rate, t in thresholds.items()},
        "own_photo_distances": after[trial.itself()],
        "mated_distances": mates,
        "nearest_other_person": impostors,
    }


def _drop(before: float, after: float) -> dict[str, float]:
    return {"points": before - after, "relative": (before - after) / before if before else float("nan")}


def _quantiles(values: FloatArray) -> dict[str, Any]:
    """A distribution that a file can hold: 201 quantiles."""
    at = np.linspace(0, 1, 201)
    return {"at": at, "distance": V.sorted_quantiles(values, at)}


def averaged(judged: Mapping[str, Mapping[str, Any]], arms: Sequence[str]) -> dict[str, Any]:
    """Means over the recognisers, beside the paper's figure."""
    found: dict[str, Any] = {"paper_relative_drop": PAPER_DROP, "arms": {}}
    for arm in ("none", *arms):
        rows = [r["arms"][arm] for r in judged.values()]
        figures: dict[str, Any] = {
            key: float(np.mean([r[key] for r in rows])) for key in ("rank1", "rank5", "accuracy")
        }
        figures["accepts"] = {
            rate: float(np.mean([r["accepts"][rate] for r in rows])) for rate in rows[0]["accepts"]
        }
        if arm != "none":
            figures["drop"] = {
                key: {
                    kind: float(np.mean([r["drop"][key][kind] for r in rows]))
                    for kind in ("points", "relative")
                }
                for key in ("rank1", "rank5", "accuracy")
            }
        found["arms"][arm] = figures
    return found
