"""Telling people apart. One module per network; each answers the same small protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mfmc_engine.types import FloatArray

if TYPE_CHECKING:  # web processes get along without torch
    from mfmc_engine.resampling import Picture


class Recognizer(Protocol):
    """Anything that embeds faces so that Euclidean distance tells people apart."""

    dimensions: int

    def chips(self, image: Picture, landmarks: FloatArray, mirrored: bool = False) -> Picture:
        """(N, 68, 2) landmarks in px of ``image`` to (N, h, w, 3) aligned uint8 RGB chips, which lie where it does."""
        ...

    def embed(self, image: Picture, landmarks: FloatArray) -> FloatArray:
        """(N, 68, 2) landmarks in px of ``image`` to (N, dimensions) embeddings."""
        ...

    def embed_chips(self, chips: Picture) -> FloatArray:
        """(N, h, w, 3) aligned uint8 RGB chips (see ``chips``) to (N, dimensions) embeddings."""
        ...
