"""The engine's vocabulary.

Coordinates are continuous pixels of the upright image, x to the right, y down; the centre of the top-left pixel
is (0.5, 0.5) and a box ``(x0, y0, x1, y1)`` covers ``[x0, x1) x [y0, y1)``. Images are ``(H, W, 3)`` uint8 RGB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mfmc_engine.recognition.nearest import Index

Image = NDArray[np.uint8]  # (H, W, 3) RGB
FloatArray = NDArray[np.float32]

DecoyKind = Literal["swap", "redaction"]
MatchState = Literal["matched", "ambiguous", "unknown"]
Selection = Literal["random", "farthest", "nearest"]


@dataclass(frozen=True, slots=True)
class Quality:
    """How well a face can be recognised and replaced. ``score`` in [0, 1] sums the parts up."""

    size: float  # inter-ocular-independent face size, sqrt(w * h) of the box, px
    sharpness: float  # in [0, 1]
    yaw: float  # rough degrees, positive: the face looks to the image's right
    score: float  # in [0, 1]


@dataclass(frozen=True, slots=True)
class Face:
    """One face region of one photo."""

    box: FloatArray  # (4,) x0, y0, x1, y1 px
    score: float  # detector confidence in [0, 1]; 1.0 for a face the caller marked
    landmarks: FloatArray  # (68, 2) iBUG order, px
    embedding: FloatArray  # (D,) in the pack's embedding space
    quality: Quality
    source: Literal["detected", "given"] = "detected"
    # the landmarks that were found are another face's, or lie beside the box: these are nobody's, in the middle of it
    astray: bool = False
    # width and height in px of the picture it was found in, if known: decoys are made for no picture of another size
    picture_size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Analysis:
    """What one photo holds. ``width`` and ``height`` in px."""

    width: int
    height: int
    faces: tuple[Face, ...]


@dataclass(frozen=True)
class Gallery:
    """Templates of enrolled people. A person may have several rows; ``people[i]`` owns ``embeddings[i]``.

    The arrays must not be changed once the gallery has been used: its index stays.
    """

    people: tuple[str, ...] = ()
    embeddings: FloatArray = field(default_factory=lambda: np.empty((0, 128), np.float32))  # (N, D)

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 2 or len(self.people) != len(self.embeddings):
            shape = self.embeddings.shape
            raise ValueError(f"a gallery needs one embedding a row: {len(self.people)} people, shape {shape}")

    def __len__(self) -> int:
        return len(self.people)

    @cached_property
    def index(self) -> Index:
        """Search for the nearest row, prepared once."""
        from mfmc_engine.recognition.nearest import Index

        return Index(self.embeddings)


@dataclass(frozen=True, slots=True)
class Match:
    """Who a face is. ``person`` is None unless ``state`` is "matched"; ``distance`` is inf with an empty gallery."""

    state: MatchState
    person: str | None
    distance: float


@dataclass(frozen=True, slots=True)
class Decoy:
    """The patch that replaces one face region: paste ``pixels`` at ``origin`` through ``alpha``.

    Where ``alpha`` is 0 ``pixels`` are 0 too, so a stored decoy carries nothing of the original around the face.
    """

    kind: DecoyKind
    origin: tuple[int, int]  # x, y of the patch's top-left pixel
    pixels: Image  # (h, w, 3)
    alpha: NDArray[np.uint8]  # (h, w), 255 = decoy only
    donor: str | None  # None for a redaction
    attempts: int  # donors tried
    distance_to_original: float  # measured on the output
    nearest_gallery: float  # measured on the output; inf with an empty gallery
    threshold: float  # what distance_to_original had to exceed
    views: FloatArray = field(default_factory=lambda: np.empty((0, 128), np.float32))  # (V, D) of the output
    # width and height in px of the picture it was made for, if known: it is pasted into none of another size
    picture_size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class DecoyRequest:
    """Everything ``Engine.make_decoys`` draws one face's decoy from, beside the photo itself."""

    face: Face
    seed: bytes  # keyed hash of (secret, face region): same seed, same decoy
    # (N, D) Decoy.views of what stands for this person in other photos: the new decoy is drawn unlike those
    apart: FloatArray = field(default_factory=lambda: np.empty((0, 128), np.float32))


@dataclass(frozen=True, slots=True)
class Worn:
    """What faces of a photo wear already, when decoys are made for some of its others: those keep clear of it as of
    each other. A redacted face wears nothing."""

    donors: frozenset[str] = frozenset()
    # (N, D) Decoy.views of all of them, in the pack's embedding space; NaN for what nobody knows any more, beside which
    # no decoy can be sure of its distance: all are redactions then
    views: FloatArray = field(default_factory=lambda: np.empty((0, 128), np.float32))


Faces = Sequence[Face]
