"""Making a finished donor look older than any portrait, by what the years do to faces in photos.

Portraits end at about 45 years, people in LFW do not. How landmarks, colour and the strength of fine detail change
with age is regressed over all of LFW's 840 people at once, apart from gender, pose, expression, skin tone and beard
(Rowland & Perrett 1995, with detail after Tiddeman et al. 2001). The result is one average change per year, smooth as
an average of thousands is: folds beside the nose, bags under the eyes, paler brows and lips, a heavier jaw. It holds
nobody's face; pores and wrinkles stay the donor's own, drawn more strongly where age roughens skin.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from mfmc_engine import parameters
from mfmc_engine.donors.ageing import skin_and_beard, to_lab
from mfmc_engine.donors.embedding import lfw_picture
from mfmc_engine.donors.looks import upright_crop
from mfmc_engine.donors.morph import blurred, face_mask, to_rgb
from mfmc_engine.donors.portraits import MIRROR, SIZE
from mfmc_engine.donors.traits import trait_vector
from mfmc_engine.donors.warp import Mesh, Pixels, Points, mesh_shape
from mfmc_engine.types import FloatArray, Image

MEAN_FACE = np.array(parameters.MEAN_FACE, np.float64)  # (68, 2) px: the shape in which photos are compared


@dataclass(frozen=True)
class LaterYears:
    """What one year does to a face, in the shape MEAN_FACE."""

    shape: Points  # (68, 2) px a year
    colour: Pixels  # (SIZE, SIZE, 3) CIE Lab a year, 0 on average over the face
    detail: Pixels  # (SIZE, SIZE, 1) log amplitude of fine lightness a year

    @classmethod
    def learn(cls, folder: Path) -> LaterYears:
        """From a folder of LFW crops with people.csv; about two minutes."""
        with (folder / "people.csv").open(newline="") as file:
            rows = sorted(csv.DictReader(file), key=lambda row: row["file"])
        _, owner = np.unique([row["person"] for row in rows], return_inverse=True)
        count = np.bincount(owner)
        # One photo's estimate of age is rough: the mean over a person's photos is less so.
        age, male = (
            (np.bincount(owner, [float(row[name]) for row in rows]) / count)[owner]
            for name in ("age_estimate", "male_probability")
        )
        shapes, pictures = aligned([folder / row["file"] for row in rows])
        lab = [to_lab(picture) for picture in pictures]
        looks = np.column_stack([trait_vector(shapes), [skin_and_beard(p, MEAN_FACE) for p in lab]])
        looks = (looks - looks.mean(0)) / looks.std(0)
        design = np.column_stack([np.ones(len(age)), male > 0.5, looks, age - age.mean()])
        ridge = parameters.DONOR_AGEING_RIDGE * np.eye(design.shape[1])
        per_year = np.linalg.solve(design.T @ design + ridge, design.T)[-1]  # (N,): age's row of the fit
        shape, colour, detail = np.zeros((68, 2)), np.zeros((SIZE, SIZE, 3)), np.zeros((SIZE, SIZE))
        for weight, points, picture in zip(per_year, shapes, lab, strict=True):
            shape += weight * points
            colour += weight * picture
            detail += weight * _log_amplitude(picture)
        # Both sides of a face age alike: averaging them halves the noise.
        shape = (shape + shape[MIRROR] * [-1, 1]) / 2
        colour, detail = (colour + colour[:, ::-1]) / 2, (detail + detail[:, ::-1]) / 2
        # Skin tone is no matter of age here: it is matched to the photo.
        colour -= np.median(colour[face_mask(MEAN_FACE, -10, 1)[..., 0] > 0.9], 0)
        return cls(shape, colour.astype(np.float32), detail[..., None].astype(np.float32))

    def apply(self, picture: Image, landmarks: FloatArray, years: float) -> tuple[Image, Points]:
        """``picture`` (SIZE, SIZE, 3) of a face at ``landmarks`` (68, 2) px, ``years`` older, and its landmarks."""
        old = np.asarray(landmarks, np.float64)
        new = old + years * self.shape
        mesh = Mesh(mesh_shape(new, SIZE), SIZE)
        lab = to_lab(np.clip(mesh.warp(picture.astype(np.float32), mesh_shape(old, SIZE)), 0, 255))
        colour, detail = (
            mesh.warp(change, mesh_shape(MEAN_FACE, SIZE)).reshape(SIZE, SIZE, -1)
            for change in (self.colour, self.detail)
        )
        where = face_mask(new, -8, 5) * seen(new)
        coarse = blurred(lab, parameters.LATER_DETAIL_BLUR)
        gain = np.exp(np.clip(years * detail, *parameters.LATER_DETAIL_RANGE))
        lab = coarse + (1 + (gain - 1) * where) * (lab - coarse)
        limit = np.array(parameters.LATER_COLOUR_LIMIT, np.float32)
        lab += where * limit * np.tanh(years * colour / limit)
        return np.clip(np.rint(to_rgb(lab.astype(np.float32))), 0, 255).astype(np.uint8), new


def aligned(files: list[Path]) -> tuple[Points, list[NDArray[np.uint8]]]:
    """Landmarks (N, 68, 2) px in a donor's frame, and the photos warped onto MEAN_FACE."""
    mesh = Mesh(mesh_shape(MEAN_FACE, SIZE), SIZE)
    shapes, pictures = [], []
    for file in tqdm(files, desc="LFW", disable=None):
        upright, points = upright_crop(*lfw_picture(file))
        warped = mesh.warp(upright.astype(np.float32), mesh_shape(points, SIZE))
        shapes.append(points)
        pictures.append(np.clip(warped, 0, 255).astype(np.uint8))
    return np.stack(shapes), pictures


def _log_amplitude(lab: Pixels) -> NDArray[np.float64]:
    """Logarithm of the local strength of fine lightness (SIZE, SIZE)."""
    fine = lab[..., 0] - blurred(lab[..., 0], parameters.LATER_DETAIL_BLUR)
    return np.asarray(0.5 * np.log(blurred(fine**2, parameters.LATER_DETAIL_SPREAD) + 1), np.float64)


def seen(landmarks: Points) -> Pixels:
    """(SIZE, SIZE, 1), 0 high on the forehead, which LFW's tight crops do not show."""
    brows = landmarks[17:27, 1].min()
    eyes = landmarks[36:48, 1].mean()
    rows = (np.arange(SIZE) + 0.5 - brows) / (eyes - brows) + parameters.LATER_FOREHEAD
    fade = np.clip(rows, 0, 1).astype(np.float32)
    return np.asarray(
        np.broadcast_to(cv2.GaussianBlur(fade[:, None], (1, 9), 0)[:, :, None], (SIZE, SIZE, 1)), np.float32
    )
