"""A small deterministic engine at the seam accounts.engine.get_engine, for tests that are about rules, not faces.

A "face" is a flat square of one of PALETTE's colours; its embedding is that colour's point of the embedding space.
A decoy is a flat square of STAND_IN, so one pixel says which of the two a picture shows.
"""

from __future__ import annotations

import numpy as np

from mfmc_engine import compositing
from mfmc_engine.guarantee import nearest
from mfmc_engine.parameters import DECOYS_THRESHOLD
from mfmc_engine.recognition import matching
from mfmc_engine.types import Analysis, Decoy, DecoyRequest, Face, Gallery, Image, Match, Quality, Worn
from tests.factories import unit_vector

PALETTE = [(220, 20, 20), (20, 160, 20), (20, 20, 220), (200, 200, 20), (20, 200, 200), (200, 20, 200)]
STAND_IN = (128, 128, 128)
BACKGROUND = (245, 240, 230)
SIDE = 40  # px of a face


def group_photo(faces: int = 3, scale: int = 1) -> Image:
    """``faces`` squares side by side, 20 px apart."""
    image = np.full((80 * scale, (20 + 60 * max(faces, 1)) * scale, 3), BACKGROUND, np.uint8)
    for index in range(faces):
        x0, y0, x1, y1 = (scale * edge for edge in box_of(index))
        image[y0:y1, x0:x1] = PALETTE[index]
    return image


def box_of(index: int) -> tuple[int, int, int, int]:
    return 20 + 60 * index, 20, 20 + 60 * index + SIDE, 20 + SIDE


def embedding_of(index: int) -> np.ndarray:
    """What face ``index`` looks like to the engine: enrol a person with it and they are matched."""
    return unit_vector(1000 + index)


class SquareEngine:
    """Finds PALETTE squares, in the order of PALETTE. ``calls`` counts; ``before`` is run at the start of a step.

    Engines of two ``space``s embed one face with vectors of two lengths: comparing them raises.
    """

    def __init__(self, space: int = 0) -> None:
        self.space = space
        self.calls: dict[str, int] = {"analyze": 0, "make_decoys": 0}
        self.requests: list[list[DecoyRequest]] = []  # of every make_decoys
        self.beside: list[Worn] = []  # the same
        self.fashion: int | None = None  # a donor that every face is tried with first
        self.before: dict[str, object] = {}
        self.skip_decoys = 0
        self.missed: set[int] = set()  # faces it does not find by itself
        self.covered: set[int] = set()  # faces on which it tries no donor

    def look(self, seed: int) -> np.ndarray:
        return unit_vector(seed + 100_000 * self.space, 128 + 64 * self.space)

    def _step(self, name: str) -> None:
        self.calls[name] += 1
        if hook := self.before.get(name):
            hook()

    def analyze(self, image: Image, boxes=()) -> Analysis:
        self._step("analyze")
        faces = []
        for index, colour in enumerate(PALETTE):
            ys, xs = np.nonzero((image == colour).all(2))
            if len(ys) and index not in self.missed:
                box = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float32)
                faces.append(self._face(box, 0.99, self.look(1000 + index), "detected"))
        faces += [self._given(image, np.array(box, np.float32)) for box in boxes]
        return Analysis(image.shape[1], image.shape[0], tuple(faces))

    @staticmethod
    def _face(box, score: float, embedding, source: str) -> Face:
        points = np.tile((box[:2] + box[2:]) / 2, (68, 1)).astype(np.float32)
        return Face(
            box, score, points, embedding, Quality(float(box[2] - box[0]), 1.0, 0.0, 1.0), source=source
        )

    def _given(self, image: Image, box) -> Face:
        """What is in a box drawn by hand: a PALETTE face if its middle has that colour, else nobody's."""
        x, y = ((box[:2] + box[2:]) / 2).astype(int)
        colour = tuple(int(value) for value in image[y, x])
        embedding = self.look(1000 + PALETTE.index(colour) if colour in PALETTE else 5)
        return self._face(box, 1.0, embedding, "given")

    def match(self, faces, gallery: Gallery, exclude=()) -> list[Match]:
        return matching.match(faces, gallery, exclude)

    def make_decoys(
        self,
        image: Image,
        requests: list[DecoyRequest],
        gallery=None,
        selection="random",
        beside: Worn | None = None,
    ) -> list[Decoy]:
        worn = beside or Worn()
        self._step("make_decoys")
        self.requests.append(requests)
        self.beside.append(worn)
        decoys = [self._decoy(request, worn) for request in requests]
        return decoys[: len(decoys) - self.skip_decoys]

    def _decoy(self, request: DecoyRequest, worn: Worn) -> Decoy:
        x0, y0, x1, y1 = (int(edge) for edge in request.face.box)
        pixels = np.full((y1 - y0, x1 - x0, 3), STAND_IN, np.uint8)
        alpha = np.full(pixels.shape[:2], 255, np.uint8)
        hopeless = [self.look(5), *(self.look(1000 + index) for index in self.covered)]  # a wall, or covered
        if any(np.array_equal(request.face.embedding, look) for look in hopeless):
            return Decoy("redaction", (x0, y0), pixels, alpha, None, 0, 0.9, float("inf"), 0.6)
        for number in (request.seed[0] if self.fashion is None else self.fashion, 256 + request.seed[0]):
            donor, look = f"donor-{number}", self.look(number)[None]
            if donor not in worn.donors and nearest(look, worn.views) > DECOYS_THRESHOLD:
                return Decoy("swap", (x0, y0), pixels, alpha, donor, 1, 0.9, float("inf"), 0.6, look)
        return Decoy("redaction", (x0, y0), pixels, alpha, None, 2, 0.9, float("inf"), 0.6)

    compose = staticmethod(compositing.compose)
