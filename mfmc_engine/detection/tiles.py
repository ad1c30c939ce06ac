"""Small faces of large photos: the photo at full resolution, tile by tile, so that memory stays bounded.

The working picture has shown everything but the faces that fall below the detector's smallest size in it. So the
tiles are searched for just those sizes, only in the orientation in which the photo's other faces stand.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mfmc_engine.detection.candidates import Candidates
from mfmc_engine.detection.pyramid import Pyramid
from mfmc_engine.detection.search import Effort, Search
from mfmc_engine.geometry import invert
from mfmc_engine.parameters import (
    DUPLICATE_OVERLAP,
    MIN_FACE,
    SETTLED_SCORE,
    TILE_OVERLAP,
    TILE_SCALE,
    TILE_SIDE,
    TILE_SIZES,
)
from mfmc_engine.resampling import Picture
from mfmc_engine.types import FloatArray


def search_tiles(
    search: Search, image: Picture, known: Candidates, shrunk: float, degrees: float
) -> Candidates:
    """The known faces of an (H, W, 3) photo and the small ones that its tiles show, in px of the photo.

    ``shrunk``: px of the photo per px of the working picture; ``degrees``: how the photo is turned to be searched.
    """
    largest = MIN_FACE * shrunk * TILE_SIZES
    effort = Effort(TILE_SCALE, large=False, hidden=True)
    for tile in tiles(image.shape[1], image.shape[0], int(largest * TILE_OVERLAP)):
        x0, y0, x1, y1 = tile
        pyramid = Pyramid.of(image[y0:y1, x0:x1], search.device).turned(degrees)
        there = pyramid.transform @ np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1]], np.float32)
        settled = known.take(known.scores >= SETTLED_SCORE).moved(there)
        found = search.run(pyramid, effort, settled.boxes).moved(invert(there))
        known = known.merged(found.take(_whole(found.boxes, tile, image)), DUPLICATE_OVERLAP)
    return known


def _whole(boxes: FloatArray, tile: tuple[int, int, int, int], image: Picture) -> np.ndarray:
    """Which (N, 4) boxes no inner border of their tile cuts, as a mask: a neighbouring tile shows the others whole."""
    height, width = image.shape[:2]
    inner = np.array([tile[0] > 0, tile[1] > 0, tile[2] < width, tile[3] < height])
    beyond = np.concatenate([boxes[:, :2] < tile[:2], boxes[:, 2:] > tile[2:]], 1)
    return np.asarray(~(beyond & inner).any(1))


def tiles(
    width: int, height: int, common: int, size: tuple[int, int] = (TILE_SIDE, TILE_SIDE)
) -> Iterator[tuple[int, int, int, int]]:
    """Boxes (x0, y0, x1, y1) of ``size`` px that cover a picture; neighbours share at least ``common`` px."""
    for y0, y1 in _spans(height, common, size[1]):
        for x0, x1 in _spans(width, common, size[0]):
            yield x0, y0, x1, y1


def _spans(length: int, common: int, longest: int) -> list[tuple[int, int]]:
    """Equal spans over ``length`` px."""
    side = min(longest, length)
    count = int(np.ceil((length - common) / max(1, side - common))) if length > side else 1
    starts = np.linspace(0, length - side, count).astype(int)
    return [(int(start), int(start) + side) for start in starts]
