"""A folder of labelled synthetic portraits: what the donor bank is made of.

Layout of the folder: ``meta.npz`` with arrays ``name``, ``gender``, ``group``, ``landmarks`` (N, 68, 2) px and
``age``, all in one order, and the square pictures it names, all of one size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from mfmc_engine import parameters
from mfmc_engine.donors import traits
from mfmc_engine.donors.looks import cheeks, filled
from mfmc_engine.donors.warp import Mesh, Pixels, Points, forehead, mesh_shape
from mfmc_engine.errors import EngineError

SIZE = 256  # px, side of a portrait and of a donor

# Which landmark becomes which when a face is mirrored.
MIRROR = np.r_[
    16:-1:-1, 26:16:-1, 27:31, 35:30:-1, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, 54:47:-1, 59:54:-1,
    64:59:-1, 67:64:-1,
]  # fmt: skip


def mirrored(landmarks: Points, size: int = SIZE) -> Points:
    """Landmarks (..., 68, 2) px of the picture flipped left to right."""
    turned = landmarks[..., MIRROR, :].copy()
    turned[..., 0] = size - turned[..., 0]
    return turned


def names_in(text: str) -> list[str]:
    """The lines of a list of portraits that are neither empty nor comments."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@dataclass(frozen=True)
class Portraits:
    """N labelled portraits; pictures are read on demand."""

    folder: Path
    names: NDArray[np.str_]  # (N,)
    gender: NDArray[np.str_]  # (N,) female or male
    group: NDArray[np.str_]  # (N,)
    age: NDArray[np.float64]  # (N,) years
    landmarks: Points  # (N, 68, 2) px

    @classmethod
    def load(cls, folder: Path, leave_out: Sequence[str] = ()) -> Portraits:
        """Read ``folder``, without the portraits named in ``leave_out`` (file names)."""
        meta = folder / "meta.npz"
        if not meta.is_file():
            raise EngineError(f"{folder} holds no portraits: meta.npz is missing")
        with np.load(meta) as arrays:
            keep = ~np.isin(arrays["name"], list(leave_out))
            return cls(
                folder,
                arrays["name"][keep],
                arrays["gender"][keep],
                arrays["group"][keep],
                arrays["age"][keep].astype(np.float64),
                arrays["landmarks"][keep].astype(np.float64),
            )

    def __len__(self) -> int:
        return len(self.names)

    def picture(self, index: int, mirror: bool = False) -> Pixels:
        """(SIZE, SIZE, 3) float32 RGB in [0, 255]."""
        with PillowImage.open(self.folder / str(self.names[index])) as file:
            pixels = np.asarray(file.convert("RGB"), np.float32)
        if pixels.shape != (SIZE, SIZE, 3):
            raise EngineError(
                f"{self.names[index]} is {pixels.shape[1]}x{pixels.shape[0]}, not {SIZE}x{SIZE}"
            )
        return np.ascontiguousarray(pixels[:, ::-1]) if mirror else pixels

    def subset(self, keep: NDArray[np.bool_]) -> Portraits:
        """Those portraits where ``keep`` (N,) is true."""
        return Portraits(
            self.folder,
            self.names[keep],
            self.gender[keep],
            self.group[keep],
            self.age[keep],
            self.landmarks[keep],
        )

    @cached_property
    def mean_landmarks(self) -> Points:
        """The symmetric mean face, (68, 2) px: the frame in which portraits are compared pixel by pixel."""
        mean = self.landmarks.mean(0)
        return (mean + mirrored(mean)) / 2

    def aligned(self) -> NDArray[np.uint8]:
        """Every portrait warped onto the mean face, (N, SIZE, SIZE, 3): 200 kB each, about 6 ms each."""
        mesh = Mesh(mesh_shape(self.mean_landmarks, SIZE), SIZE)
        out = np.empty((len(self), SIZE, SIZE, 3), np.uint8)
        for index in range(len(self)):
            warped = mesh.warp(self.picture(index), mesh_shape(self.landmarks[index], SIZE))
            out[index] = np.clip(np.rint(warped), 0, 255)
        return out


def flaws(aligned: NDArray[np.uint8], face: Points) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much of the forehead is covered (share) and how unevenly the cheeks are lit (CIE L*), each (N,).

    ``aligned`` (N, SIZE, SIZE, 3) shows faces in the shape ``face`` (68, 2) px. The cheeks give the skin's colour. A
    forehead pixel far from it (CIE76) is hair, a hat or a hand; cheeks of unlike lightness mean side light.
    """
    brows = face[[17, 18, 19, 21, 22, 24, 25, 26]]
    upper = forehead(face) * 0.85 + brows * 0.15
    skin = filled(np.concatenate([face[17:27], upper[::-1]]), (SIZE, SIZE))
    skin[int(face[19, 1] - 0.125 * traits.interocular(face)) :] = False
    sides = cheeks(face, (SIZE, SIZE))
    covered, uneven = np.empty(len(aligned)), np.empty(len(aligned))
    for index, picture in enumerate(aligned):
        lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
        left, right = (np.median(lab[side], 0) for side in sides)
        apart = np.linalg.norm(lab[skin] - (left + right) / 2, axis=1)
        covered[index] = np.mean(apart > parameters.DONOR_HAIR_COLOUR)
        uneven[index] = abs(left[0] - right[0])
    return covered, uneven
