"""Photos spoiled as photos are: how many annotated faces the detector finds in the dark, under noise, in bad copies.

Every way is applied to whole photos as they are (``recall`` says what counts as found); faces stay where they were.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from mfmc_engine import imaging
from mfmc_engine.types import Image

NOISE_SEED: Final = 0


@dataclass(frozen=True, slots=True)
class Way:
    """One way to spoil a photo."""

    name: str
    spoil: Callable[[Image], Image]  # (H, W, 3) to the same


def _gamma(exponent: float) -> Callable[[Image], Image]:
    curve = np.round(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return lambda photo: curve[photo]


def _noisy(photo: Image) -> Image:
    noise = np.random.default_rng(NOISE_SEED).normal(0, 30, photo.shape)
    return np.asarray(np.round(photo + noise).clip(0, 255), np.uint8)


def _grey(photo: Image) -> Image:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)


def _hazy(photo: Image) -> Image:
    return np.asarray(np.round(photo * 0.25 + 96), np.uint8)


def _red(photo: Image) -> Image:
    return np.asarray(np.round(photo * np.array([1, 0.25, 0.15])), np.uint8)


WAYS: Final = (
    Way("as they are", lambda photo: photo),
    Way("dark, gamma 3", _gamma(3)),
    Way("bright, gamma .35", _gamma(0.35)),
    Way("JPEG of quality 10", lambda photo: imaging.decode(imaging.encode(photo, ".jpg", 10))),
    Way("noise, sigma 30 of 255", _noisy),
    Way("blurred by 2 px", lambda photo: np.asarray(cv2.GaussianBlur(photo, (0, 0), 2), np.uint8)),
    Way("grey", _grey),
    Way("hazy, a fourth of the contrast", _hazy),
    Way("red light", _red),
)
