"""What every way of replacing a face returns. Needs numpy only: web processes load it with the redaction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mfmc_engine.types import Image


@dataclass(frozen=True, slots=True)
class Patch:
    """A decoy in photo pixels. ``pixels`` (h, w, 3) are 0 wherever ``alpha`` (h, w) is."""

    origin: tuple[int, int]  # x, y of the top-left pixel
    pixels: Image
    alpha: NDArray[np.uint8]
