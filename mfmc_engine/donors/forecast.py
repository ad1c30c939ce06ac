"""What the recogniser will see after a swap, foretold from the two embeddings that go into it.

A decoy keeps the person's outline, pose and hair and gets the donor's features, so its embedding lies between both.
Where exactly is nearly linear in them. Foretelling it costs a matrix product, swapping and looking tens of
milliseconds: donors that would fail are hardly ever tried. A forecast only orders the donors; every decoy is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from mfmc_engine.recognition.nearest import Index
from mfmc_engine.types import FloatArray


@dataclass(frozen=True)
class Forecast:
    """``[face, donor, 1] @ weights`` is the decoy's expected embedding, off by ``error`` (RMS distance) on average."""

    weights: NDArray[np.float64]  # (2 D + 1, D)
    error: float

    def expected(self, face: FloatArray, donors: FloatArray) -> FloatArray:
        """(N, D) expected embeddings of decoys of one ``face`` (D,), or one each (N, D), with the ``donors`` (N, D)."""
        own, others = np.split(self.weights[:-1], 2)
        return np.asarray(face @ own + donors @ others + self.weights[-1], np.float32)

    def distances(self, expected: FloatArray, others: FloatArray | Index) -> NDArray[np.float64]:
        """(N,) distances to expect between the decoys and the nearest of ``others`` (M, D); inf without any.

        An error in another direction only makes a distance longer (Pythagoras).
        """
        index = others if isinstance(others, Index) else Index(others)
        return np.hypot(index.nearest(expected), self.error)


@cache
def load() -> Forecast:
    """The shipped forecast; how it was made stands in forecast.md beside it."""
    with (files("mfmc_engine.donors") / "forecast.npz").open("rb") as file, np.load(file) as arrays:
        return Forecast(arrays["weights"].astype(np.float64), float(arrays["error"]))
