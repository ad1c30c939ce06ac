"""Making a donor look older or younger (Rowland & Perrett 1995).

The portraits are mostly 23 to 36 years old, the people in photos are not. How shape and colour change with age is
regressed over all portraits of one gender, apart from group, pose, expression, skin tone and beard, and carried on
beyond the ages seen. It moves the jaw, the brows and the folds; it cannot draw wrinkles nobody in the data has.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mfmc_engine import parameters
from mfmc_engine.donors.looks import beard_regions, cheeks, filled
from mfmc_engine.donors.portraits import MIRROR, SIZE, Portraits
from mfmc_engine.donors.traits import trait_vector
from mfmc_engine.donors.warp import Pixels, Points


@dataclass(frozen=True)
class Ageing:
    """What one year does to a face of one gender."""

    shape: Points  # (68, 2) px a year
    colour: Pixels  # (SIZE, SIZE, 3) CIE Lab a year, in the shape the portraits were aligned to

    @classmethod
    def learn(
        cls, portraits: Portraits, aligned: NDArray[np.uint8], rows: NDArray[np.int64], face: Points
    ) -> Ageing:
        """From the portraits ``rows`` (M,), all of one gender. ``aligned`` (N, SIZE, SIZE, 3) to ``face`` (68, 2)."""
        traits = trait_vector(portraits.landmarks[rows])
        skins = np.stack([skin_and_beard(to_lab(aligned[row]), face) for row in rows])
        confounders = np.column_stack([traits, skins])
        confounders = (confounders - confounders.mean(0)) / confounders.std(0)
        groups = portraits.group[rows][:, None] == np.unique(portraits.group[rows])
        age = portraits.age[rows] - portraits.age[rows].mean()
        design = np.column_stack([groups, confounders, age])
        ridge = parameters.DONOR_AGEING_RIDGE * np.eye(design.shape[1])
        per_year = np.linalg.solve(design.T @ design + ridge, design.T)[-1]  # (M,): age's row of the fit
        shape = np.einsum("m,mpd->pd", per_year, portraits.landmarks[rows])
        colour = np.zeros((SIZE, SIZE, 3))
        for weight, row in zip(per_year, rows, strict=True):
            colour += weight * to_lab(aligned[row])
        # Both sides of a face age alike: averaging them halves the noise.
        shape = (shape + shape[MIRROR] * [-1, 1]) / 2
        colour = (colour + colour[:, ::-1]) / 2
        eyes = filled(face[36:42], (SIZE, SIZE)) | filled(face[42:48], (SIZE, SIZE))
        eyes = cv2.dilate(eyes.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        colour[eyes] = 0  # eyelids sink with age, which in this frame would bleach the eyes
        return cls(shape, colour.astype(np.float32))


def to_lab(picture: NDArray[np.uint8]) -> Pixels:
    return np.asarray(cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), np.float32)


def skin_and_beard(lab: Pixels, face: Points) -> NDArray[np.float64]:
    """Colour of the cheeks, and of chin and upper lip beside it: (9,) CIE Lab."""
    left, right = cheeks(face, (SIZE, SIZE))
    chin, lip = beard_regions(face, (SIZE, SIZE))
    skin = lab[left | right].mean(0)
    return np.concatenate([skin, lab[chin].mean(0) - skin, lab[lip].mean(0) - skin])
