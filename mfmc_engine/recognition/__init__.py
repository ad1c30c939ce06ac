"""Telling people apart. One module per network; each answers the same small protocol."""

from __future__ import annotations

from typing import Protocol

from mfmc_engine.types import FloatArray, Image


class Recognizer(Protocol):
    """Anything that embeds faces so that Euclidean distance tells people apart."""

    dimensions: int

    def chips(self, image: Image, landmarks: FloatArray, mirrored: bool = False) -> Image:
        """(N, 68, 2) landmarks in px of ``image`` to (N, h, w, 3) aligned uint8 RGB chips."""
        ...

    def embed(self, image: Image, landmarks: FloatArray) -> FloatArray:
        """(N, 68, 2) landmarks in px of ``image`` to (N, dimensions) embeddings."""
        ...

    def embed_chips(self, chips: Image) -> FloatArray:
        """(N, h, w, 3) aligned uint8 RGB chips (see ``chips``) to (N, dimensions) embeddings."""
        ...
