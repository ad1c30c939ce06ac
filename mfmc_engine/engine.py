"""The whole pipeline on one screen: analyze, match, make_decoys, compose."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from torch import Tensor

from mfmc_engine import compositing, perception, replacement
from mfmc_engine.batching.running import Runner
from mfmc_engine.checks import check_as_many, check_faces, check_picture, check_selection
from mfmc_engine.donors.candidates import candidates
from mfmc_engine.guarantee import Thresholds
from mfmc_engine.packs import load_pack
from mfmc_engine.packs.pack import Pack
from mfmc_engine.recognition import matching
from mfmc_engine.resampling import Picture, on_host
from mfmc_engine.types import Analysis, Decoy, DecoyRequest, Face, Gallery, Image, Match, Selection, Worn


class Engine:
    """One model pack on one device. Networks load on first use, so an Engine is cheap to make before a fork.

    Pictures are (H, W, 3) uint8 RGB, in main memory or as tensors: for anything else InvalidTypeError or
    InvalidInputError is raised. A device that fails is made up for by the CPU.
    """

    def __init__(
        self,
        pack: str = "builtin",
        device: str = "cpu",
        threads: int = 2,
        precision: str = "float32",
        launch: str = "eager",
    ) -> None:
        self.pack = load_pack(pack, device, threads, precision, launch)
        self.runner = Runner(self.pack)

    def analyze(self, image: Picture, boxes: Sequence[Sequence[float]] = ()) -> Analysis:
        """Find the faces; ``boxes`` (x0, y0, x1, y1 px) adds faces the caller already knows.

        Raises InvalidInputError for a box that lies outside the picture.
        """
        return self.analyze_many([image], [boxes])[0]

    def analyze_many(
        self, images: Sequence[Picture], boxes: Sequence[Sequence[Sequence[float]]] | None = None
    ) -> list[Analysis]:
        """``analyze`` for each picture, with its own ``boxes``; on a card, several share each batch."""
        check_as_many(images, boxes, "boxes")
        for image in images:
            check_picture(image, Tensor)
        known = [()] * len(images) if boxes is None else boxes
        return self.runner.run(
            [
                (image, lambda pack, image, given=given: perception.analyze(pack, image, given))  # type: ignore[misc]
                for image, given in zip(images, known, strict=True)
            ]
        )

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
        beside: Worn | None = None,
    ) -> list[Decoy]:
        """One verified decoy per request, in order. What cannot be swapped safely comes back as a redaction.

        ``beside``: what faces of the photo that are not requested wear. Raises ValueError if it is of another space,
        InvalidInputError for faces that were found in a picture of another size and for an unknown ``selection``.
        """
        return self.make_decoys_many([image], [requests], gallery, selection, [beside or Worn()])[0]

    def make_decoys_many(
        self,
        images: Sequence[Picture],
        requests: Sequence[Sequence[DecoyRequest]],
        gallery: Gallery | None = None,
        selection: Selection = "random",
        beside: Sequence[Worn] | None = None,
    ) -> list[list[Decoy]]:
        """``make_decoys`` for each picture, with its own ``requests`` and ``beside``; on a card, several share each
        batch."""
        check_selection(selection)
        check_as_many(images, requests, "requests")
        check_as_many(images, beside, "beside")
        for image, wanted in zip(images, requests, strict=True):
            check_picture(image, Tensor)
            check_faces(image.shape, [request.face for request in wanted])
        people = gallery or Gallery()
        thresholds = Thresholds.beside(len(people), self.pack.space)

        def make(pack: Pack, image: Picture, wanted: Sequence[DecoyRequest], worn: Worn) -> list[Decoy]:
            donors = candidates(on_host(image), people, thresholds, selection, pack)
            return replacement.make_decoys(pack, image, wanted, people, donors, thresholds, worn)

        others = [Worn()] * len(images) if beside is None else beside
        return self.runner.run(
            [
                (image, lambda pack, image, wanted=wanted, worn=worn: make(pack, image, wanted, worn))  # type: ignore[misc]
                for image, wanted, worn in zip(images, requests, others, strict=True)
            ]
        )

    @staticmethod
    def compose(image: Image, decoys: Sequence[Decoy | None], hidden: Collection[int]) -> Image:
        """A copy of ``image`` with ``decoys[i]`` pasted for every i in ``hidden``.

        Raises MissingDecoyError if a hidden face has no decoy, InvalidInputError if it is another picture's.
        """
        return compositing.compose(image, decoys, hidden)
