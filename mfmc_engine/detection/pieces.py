"""Long pictures at an angle: in pieces, since what holds a turned strip grows with the square of its length.

Turned by 45 degrees, a strip of 8000 x 30 px needs a canvas of 32 megapixels, nearly all of it grey. Its pieces, turned
one by one, need a small multiple of its own pixels, however long it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mfmc_engine.detection.candidates import Candidates
from mfmc_engine.detection.pyramid import Pyramid
from mfmc_engine.geometry import apply, invert
from mfmc_engine.parameters import ELONGATED, PIECE_LEAST_MARGIN, PIECE_LONGEST, PIECE_MARGIN, PIECE_OWN
from mfmc_engine.types import FloatArray


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a picture, turned as the whole is: what it shows of its own part, and it sees somewhat beyond that."""

    pyramid: Pyramid
    whole: Pyramid
    corner: FloatArray  # (2,) where the piece's canvas begins, px of the turned whole
    axis: int  # of the picture, along which it is cut: 0 x, 1 y
    own: tuple[float, float]  # px of the picture, from and to

    def in_whole(self, found: Candidates) -> Candidates:
        """Candidates of the piece in px of the turned whole, without those whose centres are other pieces' to tell."""
        if self.pyramid is self.whole:
            return found
        moved = Candidates(
            found.boxes + np.tile(self.corner, 2), found.scores, np.asarray(found.points + self.corner)
        )
        centres = np.asarray((moved.boxes[:, :2] + moved.boxes[:, 2:]) / 2, np.float32)
        along = apply(invert(self.whole.transform), centres)[:, self.axis]
        return moved.take((along >= self.own[0]) & (along < self.own[1]))


def pieces(pyramid: Pyramid) -> list[Piece]:
    """A turned picture as it is; in pieces along its longer side, if it is ELONGATED and turned by no quarter, or very
    long.

    Every piece sees its own part and, beyond both of its ends, about what the picture is high: no face is larger.
    """
    height, width = pyramid.images[0].shape[:2]
    longer, shorter = max(width, height), max(1, min(width, height))
    most = PIECE_LONGEST if pyramid.degrees % 90 == 0 else 0
    if longer <= max(most, ELONGATED * shorter):
        return [Piece(pyramid, pyramid, np.zeros(2, np.float32), 0, (-np.inf, np.inf))]
    margin = max(PIECE_LEAST_MARGIN, round(PIECE_MARGIN * shorter))
    edges = np.linspace(0, longer, -(-longer // (PIECE_OWN * margin)) + 1).astype(int).tolist()
    return [_piece(pyramid, start, end, margin, longer) for start, end in pairwise(edges)]


def _piece(whole: Pyramid, start: int, end: int, margin: int, length: int) -> Piece:
    image = whole.images[0]
    first, last = max(0, start - margin), min(length, end + margin)
    axis = 0 if image.shape[1] > image.shape[0] else 1
    seen = image[:, first:last] if axis == 0 else image[first:last]
    pyramid = Pyramid.of(seen, whole.device).turned(whole.degrees)
    corner = np.array([first, 0] if axis == 0 else [0, first], np.float32)
    shift = apply(whole.transform, corner[None])[0] - pyramid.transform[:, 2]
    # what is found a little beyond the picture's ends belongs to its first piece, or its last
    own = (-np.inf if start == 0 else start, np.inf if end == length else end)
    return Piece(pyramid, whole, np.asarray(shift, np.float32), axis, own)
