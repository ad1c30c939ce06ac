"""The whole pipeline on one screen: analyze, match, make_decoys, compose."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mfmc_engine import compositing, perception, replacement
from mfmc_engine.donors.candidates import candidates
from mfmc_engine.guarantee import Thresholds
from mfmc_engine.packs import load_pack
from mfmc_engine.recognition import matching
from mfmc_engine.resampling import Picture, on_host
from mfmc_engine.types import Analysis, Decoy, DecoyRequest, Face, Gallery, Image, Match, Selection


class Engine:
    """One model pack on one device. Networks load on first use, so an Engine is cheap to make before a fork."""

    def __init__(self, pack: str = "builtin", device: str = "cpu", threads: int = 2) -> None:
        self.pack = load_pack(pack, device, threads)

    def analyze(self, image: Picture, boxes: Sequence[Sequence[float]] = ()) -> Analysis:
        """Find the faces; ``boxes`` (x0, y0, x1, y1 px) adds faces the caller already knows."""
        return perception.analyze(self.pack, image, boxes)

    def match(
        self, faces: Sequence[Face], gallery: Gallery, exclude: Collection[tuple[int, str]] = ()
    ) -> list[Match]:
        """Who each face is: one-to-one over the photo; a face close to two people is ambiguous.

        ``exclude``: (index of the face, person) pairs that were rejected before and are never matched again.
        """
        return matching.match(faces, gallery, exclude, space=self.pack.space)

    def make_decoys(
        self,
        image: Picture,
        requests: Sequence[DecoyRequest],
        gallery: Gallery | None = None,
        selection: Selection = "random",
    ) -> list[Decoy]:
        """One verified decoy per request, in order. What cannot be swapped safely comes back as a redaction."""
        people = gallery or Gallery()
        thresholds = Thresholds.beside(len(people), self.pack.space)
        donors = candidates(on_host(image), people, thresholds, selection, self.pack)
        return replacement.make_decoys(self.pack, image, requests, people, donors, thresholds)

    @staticmethod
    def compose(image: Image, decoys: Sequence[Decoy | None], hidden: Collection[int]) -> Image:
        """A copy of ``image`` with ``decoys[i]`` pasted for every i in ``hidden``.

        Raises MissingDecoyError if a hidden face has no decoy.
        """
        return compositing.compose(image, decoys, hidden)
