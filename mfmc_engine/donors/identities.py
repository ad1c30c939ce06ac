"""Identities that nobody has: drawn from the distribution of the donors' embeddings, without a picture.

A swapper that is told who to show by an embedding needs no donor. The distribution is one Gaussian per gender and
group about its donors' mean, all with the same spread (pooled within the cells and shrunk toward its diagonal: there
are fewer donors than a covariance of 128 dimensions would like).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from mfmc_engine import attributes, parameters
from mfmc_engine.attributes import GROUPS
from mfmc_engine.donors import bank, selection
from mfmc_engine.donors.selection import Avoid, Wanted
from mfmc_engine.recognition.nearest import Index
from mfmc_engine.types import FloatArray, Selection


@dataclass(frozen=True, eq=False)
class Distribution:
    """A mixture of Gaussians in the embedding space."""

    shares: FloatArray  # (C,) of the cells, sum 1
    means: FloatArray  # (C, D)
    factor: FloatArray  # (D, D) lower triangular; factor @ factor.T is the covariance within a cell

    @classmethod
    def of(cls, embeddings: FloatArray, cells: NDArray[np.str_]) -> Distribution:
        """Fitted to (N, D) embeddings with their cells' names (N,). Raises ValueError for fewer than two rows."""
        if len(embeddings) < 2:
            raise ValueError("a distribution needs at least two embeddings")
        names, cell = np.unique(cells, return_inverse=True)
        rows = np.asarray(embeddings, np.float64)
        means = np.stack([rows[cell == i].mean(0) for i in range(len(names))])
        apart = rows - means[cell]
        spread = apart.T @ apart / max(len(rows) - len(names), 1)
        shrink = parameters.IDENTITY_SHRINKAGE
        spread = (1 - shrink) * spread + shrink * np.diag(np.diag(spread))
        spread += 1e-9 * np.eye(len(spread))  # rows that vary in nothing
        shares = np.bincount(cell) / len(rows)
        factor = np.linalg.cholesky(spread)
        return cls(shares.astype(np.float32), means.astype(np.float32), factor.astype(np.float32))

    def draw(self, random: np.random.Generator, count: int) -> FloatArray:
        """(count, D) embeddings."""
        cells = random.choice(len(self.shares), count, p=self.shares / self.shares.sum())
        noise = random.standard_normal((count, len(self.factor)))
        return (self.means[cells] + noise @ self.factor.T).astype(np.float32)


@cache
def donors() -> Distribution:
    """The distribution of the shipped donors."""
    shipped = bank.load()
    cells = np.array([f"{a} {b}" for a, b in zip(shipped.gender, shipped.group, strict=True)])
    return Distribution.of(shipped.embeddings, cells)


@dataclass(frozen=True, eq=False)
class Identity:
    """Somebody who does not exist: for a swapper that needs an embedding and no picture."""

    id: str
    embedding: FloatArray  # (128,) in dlib's space


class Drawn:
    """Identities drawn for one face, as selection reads donors: row ``i`` belongs to ``ids[i]``.

    What they look like is estimated from the embedding. Pose, expression, skin and beard are the network's to keep.
    """

    def __init__(self, embeddings: FloatArray) -> None:
        looks = attributes.load()(embeddings)
        self.embeddings = embeddings
        self.ids = np.array([f"drawn-{sha256(row.tobytes()).hexdigest()[:24]}" for row in embeddings])
        self.gender = np.where(looks.male > 0.5, "male", "female")
        self.group = np.array(GROUPS)[looks.group.argmax(1)]
        self.age = looks.age
        self.skin: FloatArray = np.full((len(embeddings), 3), np.nan, np.float32)
        self.beard: FloatArray = np.full(len(embeddings), np.nan, np.float32)
        self.folds: FloatArray = np.zeros(len(embeddings), np.float32)
        self.seen_age = looks.age  # a second network has no picture to look at
        self.seen_male = np.where(looks.male > 0.5, parameters.PLAINLY, -parameters.PLAINLY)

    def __len__(self) -> int:
        return len(self.ids)


def candidates(
    face: Wanted,
    avoid: Avoid,
    apart: FloatArray,
    apart_distance: float,
    random: np.random.Generator,
    order: Selection,
) -> Iterator[Identity]:
    """Identities to try for a face, in selection's order: like it in gender, group and age, far from whom to avoid;
    those nearer than ``apart_distance`` to the person's other decoys ``apart`` (L, D) rather late."""
    drawn = Drawn(donors().draw(random, parameters.IDENTITIES_DRAWN))
    wanted = Wanted(face.embedding, male=face.male, age=face.age, group=face.group)
    short = np.maximum(0, apart_distance - Index(apart).nearest(drawn.embeddings))
    further = (short / parameters.FORECAST_TOLERANCE["distance"]) ** 2
    rows = {str(id_): row for row, id_ in enumerate(drawn.ids)}
    for id_ in selection.rank(drawn, wanted, avoid, random.bytes(32), order, further):
        yield Identity(id_, drawn.embeddings[rows[id_]])
