"""Linear estimators on the builtin pack's 128-d embedding.

They say how a face is likely to *look*, so that its decoy can look alike in this respect. They are not a statement
about the person: shown to nobody, stored nowhere, wrong for some.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfmc_engine import parameters

GROUPS = ("asian", "black", "latino", "white")  # the labels of the portraits, in the order of the scores


@dataclass(frozen=True, slots=True)
class Attributes:
    """Estimates for N faces."""

    male: NDArray[np.float32]  # (N,) probability in [0, 1]
    age: NDArray[np.float32]  # (N,) years
    group: NDArray[np.float32]  # (N, 4) probabilities in the order of GROUPS, rows sum to 1

    def __len__(self) -> int:
        return len(self.male)


@dataclass(frozen=True)
class AttributeEstimator:
    """``embedding @ weights + bias``: column 0 the male logit, 1 the age in years, 2-5 the group logits."""

    weights: NDArray[np.float64]  # (128, 6)
    bias: NDArray[np.float64]  # (6,)

    def __call__(self, embeddings: ArrayLike) -> Attributes:
        """Estimate for ``embeddings`` (N, 128) or (128,); raises ValueError for any other width."""
        rows = np.atleast_2d(np.asarray(embeddings, np.float64))
        if rows.ndim != 2 or rows.shape[1] != len(self.weights):
            raise ValueError(f"expected embeddings of shape (N, {len(self.weights)}), got {rows.shape}")
        scores = rows @ self.weights + self.bias
        group = np.exp(scores[:, 2:] - scores[:, 2:].max(1, keepdims=True))
        return Attributes(
            male=(1 / (1 + np.exp(-scores[:, 0]))).astype(np.float32),
            age=np.clip(scores[:, 1], *parameters.AGE_RANGE).astype(np.float32),
            group=(group / group.sum(1, keepdims=True)).astype(np.float32),
        )


@cache
def load() -> AttributeEstimator:
    """The shipped estimator; how it was made stands in PROVENANCE.md beside it."""
    with (files("mfmc_engine.attributes") / "linear.npz").open("rb") as file, np.load(file) as arrays:
        return AttributeEstimator(arrays["weights"], arrays["bias"])
