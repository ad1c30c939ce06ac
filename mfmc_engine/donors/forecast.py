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
        return self.expected_with(face, self.contributed(donors))

    def contributed(self, donors: FloatArray) -> NDArray[np.float64]:
        """(N, D) what the ``donors`` (N, D) have in it, the same for every face."""
        return np.asarray(donors @ self.weights[len(self.weights) // 2 : -1])

    def expected_with(self, face: FloatArray, contributed: NDArray[np.float64]) -> FloatArray:
        """``expected`` with what donors ``contributed``, so that the faces of a photo share it."""
        return np.asarray(
            face @ self.weights[: len(self.weights) // 2] + contributed + self.weights[-1], np.float32
        )

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
