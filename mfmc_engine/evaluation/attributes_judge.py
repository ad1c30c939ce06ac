"""Apparent gender and age by an estimator that takes no part in choosing donors.

A ridge regression from a recogniser that the engine never asks (an ONNX one) to the set's own labels. It is fitted in
folds: nobody is judged, before or after, by a fit that saw them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mfmc_engine.evaluation.learning import area_under_curve, folds, predict, ridge
from mfmc_engine.evaluation.protocols import Sample
from mfmc_engine.evaluation.verification import Trial

PENALTY = 0.01  # of the features' mean variance; LFW age error 4.4 years over .003-.03


def judge(
    samples: tuple[Sample, ...],
    features: Any,
    treated: Any,
    trial: Trial,
    swapped: NDArray[np.bool_],
    seed: int,
) -> dict[str, Any]:
    """How much of gender and age the swaps keep. ``features`` (N, D) of the set, ``treated`` (M, D) of the probes.

    Empty without labels. ``gender_kept``: same side of .5 before and after. ``age_difference``: years between the
    estimates before and after. The estimator's own errors against the labels stand beside them, and how far it agrees
    with itself on two untouched pictures of one person: no decoy can do better than that but by luck.
    """
    known = np.array([s.male is not None and s.age is not None for s in samples])
    if known.sum() < 20 or not swapped.any():
        return {}
    labels = np.array([[s.male or 0.0, s.age or 0.0] for s in samples])
    labels[:, 0] = labels[:, 0] > 0.5
    before, after = np.full(labels.shape, np.nan), np.full((len(trial.probes), 2), np.nan)
    probes = trial.people[trial.probes]
    for train, test in folds(trial.people, seed):
        model = ridge(features[train & known], labels[train & known], PENALTY)
        before[test] = predict(model, features[test])
        own = np.isin(probes, trial.people[test])
        after[own] = predict(model, treated[own])
    at, now = before[trial.probes][swapped], after[swapped]
    truth = labels[trial.probes][swapped]
    years = np.abs(now[:, 1] - at[:, 1])
    return {
        "gender_kept": float(np.mean((at[:, 0] > 0.5) == (now[:, 0] > 0.5))),
        "gender_kept_by_label": float(np.mean((truth[:, 0] > 0.5) == (now[:, 0] > 0.5))),
        "age_difference": {"median": float(np.median(years)), "95 %": float(np.quantile(years, 0.95))},
        "age_change": float(np.mean(now[:, 1] - at[:, 1])),
        "age_difference_to_label": {"median": float(np.median(np.abs(now[:, 1] - truth[:, 1])))},
        "estimator": {
            "gender_accuracy": float(np.mean((before[known, 0] > 0.5) == (labels[known, 0] > 0.5))),
            "gender_auc": area_under_curve(
                before[known][labels[known, 0] > 0.5, 0], before[known][labels[known, 0] < 0.5, 0]
            ),
            "age_error_median": float(np.median(np.abs(before[known, 1] - labels[known, 1]))),
            **_with_itself(before, trial.people),
        },
    }


def _with_itself(read: NDArray[np.float64], people: NDArray[Any]) -> dict[str, float]:
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
