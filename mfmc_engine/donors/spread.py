"""Choosing a bank that is spread out, from many candidates."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from mfmc_engine.donors.selection import distances
from mfmc_engine.types import FloatArray

Kind = TypeVar("Kind", bound=Hashable)


def spread_out(embeddings: FloatArray, kinds: Sequence[Kind], quota: Mapping[Kind, int]) -> list[int]:
    """Rows of ``embeddings`` (N, D) far from each other, at most ``quota[kind]`` of each kind, in order of choice.

    Greedy farthest-point selection (Gonzalez 1985): the next row has the largest sum of its distance to the closest
    row chosen and its mean distance to all chosen; the first is the one farthest from the mean.
    """
    apart = distances(embeddings, embeddings)
    left = dict(quota)
    closest = np.linalg.norm(embeddings - embeddings.mean(0), axis=1)
    total = closest.copy()
    chosen: list[int] = []
    free = np.array([left.get(kind, 0) > 0 for kind in kinds], bool)
    while free.any():
        row = int(np.argmax(np.where(free, closest + total / max(len(chosen), 1), -np.inf)))
        closest = apart[row] if not chosen else np.minimum(closest, apart[row])
        total = apart[row] if not chosen else total + apart[row]
        chosen.append(row)
        left[kinds[row]] -= 1
        free[row] = False
        if left[kinds[row]] == 0:
            free &= np.array([kind != kinds[row] for kind in kinds])
    return chosen
