"""The small learners that attack and judge: ridge regression in closed form, fitted on some people, asked about others.

Closed form, so that a run has one outcome and no step size.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfmc_engine import parameters as P

Values = NDArray[np.float64]


def ridge(x: ArrayLike, y: ArrayLike, penalty: float = P.RIDGE) -> tuple[Values, Values, Values]:
    """(mean, weights, bias) with ``y (N, K) ~ (x (N, D) - mean) @ weights + bias``; in its dual where D > N."""
    rows, targets = np.asarray(x, np.float64), np.asarray(y, np.float64)
    mean, bias = rows.mean(0), targets.mean(0)
    a, b = rows - mean, targets - bias
    scale = penalty * max(float((a**2).mean()), 1e-12) * len(a)
    if a.shape[1] <= len(a):
        weights = np.linalg.solve(a.T @ a + scale * np.eye(a.shape[1]), a.T @ b)
    else:
        weights = a.T @ np.linalg.solve(a @ a.T + scale * np.eye(len(a)), b)
    return mean, weights, bias


def predict(model: tuple[Values, Values, Values], x: ArrayLike) -> Values:
    """(N, K) of a model made by ``ridge``."""
    mean, weights, bias = model
    return np.asarray((np.asarray(x, np.float64) - mean) @ weights + bias)


def folds(
    people: NDArray[np.str_], seed: int, count: int = P.EVAL_FOLDS
) -> Iterator[tuple[NDArray, NDArray]]:
    """(train, test) flags (N,) over rows; nobody is in both."""
    unique, owner = np.unique(people, return_inverse=True)
    count = min(count, len(unique))
    fold = np.random.default_rng(seed).permutation(np.arange(len(unique)) % count)[owner]
    for held_out in range(count):
        yield fold != held_out, fold == held_out


def area_under_curve(positive: ArrayLike, negative: ArrayLike) -> float:
    """Chance that a positive's score lies above a negative's (ROC AUC by ranks); nan without both."""
    a, b = np.asarray(positive, np.float64).ravel(), np.sort(np.asarray(negative, np.float64).ravel())
    if not len(a) or not len(b):
        return float("nan")
    below = np.searchsorted(b, a, side="left") + np.searchsorted(b, a, side="right")
    return float(below.sum() / (2 * len(a) * len(b)))
