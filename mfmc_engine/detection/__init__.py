"""Finding faces. One module per network; each answers the same small protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mfmc_engine.types import FloatArray

if TYPE_CHECKING:  # web processes get along without torch
    from mfmc_engine.resampling import Picture


@dataclass(frozen=True, slots=True)
class Detection:
    """One face as a detector sees it, before landmarks and embedding."""

    box: FloatArray  # (4,) x0, y0, x1, y1 px
    score: float  # in [0, 1]
    points: FloatArray  # (5, 2) eyes, nose tip, mouth corners; "left" as the viewer of an upright face sees it; px


class Detector(Protocol):
    """Anything that finds faces in an (H, W, 3) uint8 RGB picture."""

    def detect(self, image: Picture) -> list[Detection]:
        """The faces of a picture, best score first."""
        ...

    def locate(self, image: Picture, boxes: FloatArray) -> list[Detection]:
        """The five points of faces known to be in (N, 4) boxes, one answer per box, in order."""
        ...
