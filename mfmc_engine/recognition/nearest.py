"""The nearest of very many embeddings, exactly, at the speed of a matrix product.

|a - b|^2 = |a|^2 + |b|^2 - 2ab finds in single precision who may be nearest; the distance to those few is then taken
in double precision. A gallery keeps its index, so that norms and distances to the donors are taken once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mfmc_engine.parameters import NEAREST_BLOCK, NEAREST_SLACK
from mfmc_engine.types import FloatArray

Values = NDArray[np.float64]


class Index:
    """Nearest-row search in ``embeddings`` (N, D), which must not be changed while this lives."""

    def __init__(self, embeddings: FloatArray) -> None:
        self._rows = np.ascontiguousarray(embeddings, np.float32)
        self._squares = np.einsum("nd,nd->n", self._rows, self._rows)
        self._known: dict[int, tuple[FloatArray, Values]] = {}

    def nearest(self, probes: FloatArray) -> Values:
        """Distance of each row of ``probes`` (M, D) to its nearest row: (M,), inf if there is none.

        NaN for a probe, or for all of them if any embedding is not finite: nothing is known then. Raises ValueError
        if the dimensions differ.
        """
        if len(self._rows) == 0:
            return np.full(len(probes), np.inf)
        if probes.shape[1] != self._rows.shape[1]:
            raise ValueError(
                f"embeddings of {probes.shape[1]} and {self._rows.shape[1]} dimensions cannot be compared"
            )
        if not np.isfinite(self._squares).all():
            return np.full(len(probes), np.nan)
        closest = np.full(len(probes), np.inf)
        single = np.ascontiguousarray(probes, np.float32)
        own = np.einsum("md,md->m", single, single)
        for start in range(0, len(self._rows), NEAREST_BLOCK):
            rows = self._rows[start : start + NEAREST_BLOCK]
            squared = single @ rows.T
            squared *= -2
            squared += self._squares[start : start + NEAREST_BLOCK]
            squared += own[:, None]
            # Whoever cannot beat what was found before, even with all rounding in their favour, is out.
            limit = np.minimum(squared.min(1), closest**2) + NEAREST_SLACK * (1 + own)
            probe, row = np.nonzero(squared <= limit[:, None])
            apart = probes[probe].astype(np.float64) - rows[row]
            np.minimum.at(closest, probe, np.sqrt(np.einsum("nd,nd->n", apart, apart)))
        return np.where(np.isfinite(own), closest, np.nan)

    def nearest_to(self, fixed: FloatArray) -> Values:
        """The same for probes that are asked for again and again (the donor bank), measured once."""
        known = self._known.get(id(fixed))
        if known is None or known[0] is not fixed:
            known = self._known[id(fixed)] = (fixed, self.nearest(fixed))
        return known[1]
