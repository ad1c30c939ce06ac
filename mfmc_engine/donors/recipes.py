"""Which portraits to mix: recipes drawn at random among portraits alike in all that must not be mixed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mfmc_engine import parameters
from mfmc_engine.donors.portraits import Portraits, mirrored
from mfmc_engine.donors.traits import trait_vector

VARIANTS = tuple(product(("frontal", "left", "right"), ("neutral", "smiling")))


@dataclass(frozen=True, slots=True)
class Pick:
    """One portrait, possibly mirrored."""

    index: int
    mirror: bool


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to make one donor candidate."""

    texture: tuple[Pick, ...]
    shape: tuple[Pick, ...]
    strength: tuple[float, float]  # of the exaggeration of shape and of texture
    years: float  # by how much the face is aged


def variant_of(yaw: float, mouth: float) -> tuple[str, str] | None:
    """Which of VARIANTS a face belongs to; None if its mouth is neither closed nor clearly open."""
    side = "frontal" if abs(yaw) <= parameters.DONOR_FRONTAL_YAW else "left" if yaw < 0 else "right"
    if mouth <= parameters.DONOR_CLOSED_MOUTH:
        return side, "neutral"
    return (side, "smiling") if mouth >= parameters.DONOR_OPEN_MOUTH else None


class Pantry:
    """The portraits of one gender and group, and their mirror images, ready to be picked by variant."""

    def __init__(self, portraits: Portraits, rows: NDArray[np.int64], lightness: NDArray[np.float64]) -> None:
        """``rows`` (M,) are the portraits to use, ``lightness`` (M,) the CIE L* of their skin."""
        shapes = portraits.landmarks[rows]
        traits = trait_vector(np.concatenate([shapes, mirrored(shapes)]))
        age = portraits.age[rows]
        extra = np.tile(np.column_stack([age, lightness]), (2, 1))
        self._like = np.column_stack([traits, extra]) / np.array(list(parameters.DONOR_LIKE.values()))
        self._picks = [Pick(int(row), mirror) for mirror in (False, True) for row in rows]
        self._index = np.tile(rows, 2)
        self._variant = [variant_of(yaw, mouth) for yaw, _, mouth, _, _ in traits]
        # Rare ages are drawn as often as common ones: donors have to suit the old and the young, too.
        density = np.exp(-0.5 * ((age[:, None] - age[None]) / parameters.DONOR_LIKE["age"]) ** 2).sum(1)
        self._rarity = np.tile(1 / density, 2)

    def recipe(self, variant: tuple[str, str], rng: np.random.Generator) -> Recipe | None:
        """Draw an anchor of ``variant`` and its mix; None if there are too few portraits for one.

        The mix is of the same variant where there is choice enough, otherwise just the nearest in all traits.
        """
        pool = np.array([i for i, v in enumerate(self._variant) if v == variant], int)
        needed = 2 * parameters.DONOR_MIX
        if len(pool) == 0 or len(np.unique(self._index)) < needed:
            return None
        weights = self._rarity[pool]
        anchor = rng.choice(pool, p=weights / weights.sum())
        if len(np.unique(self._index[pool])) < parameters.DONOR_LIKE_POOL:
            pool = np.arange(len(self._picks))
        apart = np.linalg.norm(self._like[pool] - self._like[anchor], axis=1)
        # A face and its mirror image would make a symmetric copy of one portrait.
        order = [i for i in pool[np.argsort(apart, kind="stable")] if self._index[i] != self._index[anchor]]
        _, first = np.unique(self._index[order], return_index=True)
        near = np.array(order)[np.sort(first)][: parameters.DONOR_LIKE_POOL]
        mix = [self._picks[i] for i in (anchor, *rng.choice(near, needed - 1, replace=False))]
        shape_strength, texture_strength = rng.uniform(*parameters.DONOR_STRENGTH, 2).tolist()
        years = float(rng.uniform(*parameters.DONOR_YEARS))
        middle = parameters.DONOR_MIX
        return Recipe(tuple(mix[:middle]), tuple(mix[middle:]), (shape_strength, texture_strength), years)
