"""The folds of older people, carried onto donors.

Portraits end at about 45 years. What the years do on average (donors/later.py) is smooth: no two people's folds lie in
one place. So a donor also gets those of FOLD_MIX people of LFW chosen anew for each donor, warped into its shape and
mixed (after Tiddeman et al. 2001, who carry the fine bands of a texture): only what is finer than FOLD_BLUR of their
lightness, on bare skin. Eyes, brows, nose, mouth, shape and colour stay the donor's, and of no one person's folds is
more than a third in it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mfmc_engine import parameters
from mfmc_engine.donors.later import MEAN_FACE, aligned, seen
from mfmc_engine.donors.looks import beard_regions
from mfmc_engine.donors.morph import blurred, face_mask
from mfmc_engine.donors.portraits import SIZE
from mfmc_engine.donors.warp import Mesh, Pixels, Points, mesh_shape
from mfmc_engine.swapping import outlines
from mfmc_engine.types import FloatArray, Image

SOURCES = "fold_sources.txt"


@dataclass(frozen=True)
class Folds:
    """(N, SIZE, SIZE) fine lightness of N older people, log ratio to that of young ones, in the shape MEAN_FACE."""

    maps: Pixels

    @classmethod
    def learn(cls, folder: Path) -> Folds:
        """From a folder of LFW crops with people.csv; about a minute."""
        names = (files(__package__) / SOURCES).read_text().splitlines()
        with (folder / "people.csv").open(newline="") as file:
            young = [
                folder / row["file"]
                for row in csv.DictReader(file)
                if float(row["age_estimate"]) < parameters.FOLD_YOUNG
            ]
        usual = np.mean([_fine(picture) for picture in aligned(sorted(young))[1]], axis=0)
        own = [folder / name for name in names if name and not name.startswith("#")]
        return cls(np.stack([_fine(picture) - usual for picture in aligned(own)[1]]).astype(np.float32))

    def apply(
        self, picture: Image, landmarks: FloatArray, strength: float, random: np.random.Generator
    ) -> Image:
        """``picture`` (SIZE, SIZE, 3) of a face at ``landmarks`` (68, 2) px with folds; 0 leaves it as it is, 1 makes
        them as deep as those mixed would be if they lay in one place."""
        mixed = self.maps[random.choice(len(self.maps), parameters.FOLD_MIX, replace=False)]
        # a mean of several people's is flatter than each, by the root of their number
        depth = np.sqrt(parameters.FOLD_MIX) * strength * mixed.mean(0)
        if random.random() < 0.5:
            depth = depth[:, ::-1]
        depth = np.where(depth > 0, parameters.FOLD_RIDGES, 1.0) * depth
        depth = parameters.FOLD_DEEPEST * np.tanh(depth / parameters.FOLD_DEEPEST)
        points = np.asarray(landmarks, np.float64)
        mesh = Mesh(mesh_shape(points, SIZE), SIZE)
        there = mesh.warp(depth[..., None].astype(np.float32), mesh_shape(MEAN_FACE, SIZE))
        gain = np.exp(there.reshape(SIZE, SIZE, 1) * bare_skin(points))
        return np.clip(np.rint(picture * gain), 0, 255).astype(np.uint8)


def bare_skin(landmarks: Points) -> Pixels:
    """(SIZE, SIZE, 1), 1 on skin that may fold, 0 on eyes, brows, nostrils, lips and outside the face."""
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    for part in outlines.features(landmarks.astype(np.float32)):
        cv2.fillPoly(canvas, [np.rint(part - 0.5).astype(np.int32)], 1)
    room = 2 * parameters.FOLD_ROOM + 1
    parts = cv2.dilate(canvas, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (room, room)))
    clear = 1 - blurred(parts.astype(np.float32), parameters.FOLD_FEATHER)
    # what is fine there is beard or the lips of mouths that open elsewhere
    chin, lip = beard_regions(landmarks, (SIZE, SIZE))
    clear *= 1 - blurred((chin | lip).astype(np.float32), parameters.FOLD_BLUR)
    return np.asarray(face_mask(landmarks, -8, 5) * seen(landmarks) * clear[..., None], np.float32)


def _fine(picture: NDArray[np.uint8]) -> Pixels:
    """(SIZE, SIZE) log luma beside what it is around."""
    luma = picture.astype(np.float32) @ np.array(parameters.LUMA, np.float32) / 255
    log = np.log(luma + parameters.LIGHT_OFFSET)
    return np.asarray(log - blurred(log, parameters.FOLD_BLUR), np.float32)
