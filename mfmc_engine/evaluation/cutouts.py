"""How many faces are missed in surroundings that no photo has: tight cutouts, alone and with their edges drawn out.

The annotated photos (``recall``) are photos. People also cut faces out, frame them, paste them and pad them; then a
detector that judges a face by what surrounds it may see none. The pictures of the folder each show one face, cut tight
(../shared/data/lfw); it counts as found if a detection is centred near their middle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from mfmc_engine.detection import Detector
from mfmc_engine.errors import EngineError
from mfmc_engine.imaging import decode
from mfmc_engine.types import Image

NEAR: Final = 0.2  # of the picture's sides: how far from its middle a face's centre may lie


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is done to a cutout: enlarged, then its edges drawn out."""

    name: str
    enlarged: int
    drawn_out: int  # px on each side

    def of(self, cutout: Image) -> Image:
        """The (H, W, 3) picture in these surroundings."""
        size = (cutout.shape[1] * self.enlarged, cutout.shape[0] * self.enlarged)
        large = cv2.resize(cutout, size, interpolation=cv2.INTER_CUBIC) if self.enlarged > 1 else cutout
        sides = (self.drawn_out,) * 4
        return np.ascontiguousarray(cv2.copyMakeBorder(large, *sides, cv2.BORDER_REPLICATE))


ALL: Final = (
    Surroundings("none", 1, 0),
    Surroundings("edges drawn out by 60 px", 1, 60),
    Surroundings("enlarged twice, edges drawn out by 60 px", 2, 60),
)


def measure(
    detector: Detector, folder: Path, every: int = 1, surroundings: Sequence[Surroundings] = ALL
) -> Iterator[tuple[Surroundings, list[str], int]]:
    """For each of the surroundings the names of the pictures whose face is missed, and the number of pictures: every
    ``every``-th JPEG of ``folder``. Raises EngineError if it has none."""
    pictures = sorted(folder.glob("*.jpg"))[::every]
    if not pictures:
        raise EngineError(f"{folder}: no .jpg in this folder")
    for one in surroundings:
        missed = [path.name for path in pictures if not _is_found(detector, one.of(decode(path)))]
        yield one, missed, len(pictures)


def _is_found(detector: Detector, picture: Image) -> bool:
    size = np.array(picture.shape[1::-1])
    centres = (found.box.reshape(2, 2).mean(0) for found in detector.detect(picture))
    return any((np.abs(centre / size - 0.5) <= NEAR).all() for centre in centres)
