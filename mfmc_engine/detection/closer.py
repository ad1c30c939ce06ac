"""A closer look at windows that neither network takes for a face: CenterFace again, on the window and its surroundings
alone, enlarged or reduced to sizes at which it knows faces best.

On a level of the pyramid faces have the size they happen to have, and one behind a mask or a phone leaves it cooler
there; R- and O-net, which see a window alone, have hardly learned covered ones. At those sizes covered faces are hot
again, and what is none stays cold: hands, cloth, the backs of heads (figures: parameters.CLOSER_HEAT).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from torch import Tensor

from mfmc_engine.batching.cores import single_threaded
from mfmc_engine.detection.centerface import peaks
from mfmc_engine.detection.looks import View
from mfmc_engine.detection.pyramid import Pyramid, restored
from mfmc_engine.geometry import overlap, sizes
from mfmc_engine.parameters import (
    CLOSER_FACES,
    CLOSER_FIRST,
    CLOSER_HEAT,
    CLOSER_HEAT_LEANING,
    CLOSER_IOU,
    CLOSER_PIXELS,
    CLOSER_ROOM,
)
from mfmc_engine.types import FloatArray

COLDEST: Final = 1e-3  # heat of nothing, which a geometric mean can take


def faces(centerface: Callable[[Tensor], Tensor], pyramid: Pyramid, boxes: FloatArray) -> np.ndarray:
    """Which of (N, 4) boxes hold a face, as a mask."""
    least = CLOSER_HEAT_LEANING if pyramid.degrees % 90 else CLOSER_HEAT
    return np.asarray(heats(centerface, pyramid, boxes) >= least)


def heats(centerface: Callable[[Tensor], Tensor], pyramid: Pyramid, boxes: FloatArray) -> FloatArray:
    """(N,) heat of the face in each of (N, 4) boxes: the mean over sizes of the geometric mean of a look as it is and
    one mirrored. Where the first of all says that there is nothing, there are no more: 0."""
    first = _look(centerface, pyramid, boxes, CLOSER_FACES[0], mirrored=False)
    asked = first >= CLOSER_FIRST
    left = boxes[asked]
    heat = np.zeros(len(boxes), np.float32)
    if len(left):
        seen = [first[asked], *(_look(centerface, pyramid, left, size, False) for size in CLOSER_FACES[1:])]
        mirrored = [_look(centerface, pyramid, left, size, True) for size in CLOSER_FACES]
        heat[asked] = np.sqrt(np.stack(seen) * np.stack(mirrored)).mean(0)
    return heat


def warmth(centerface: Callable[[Tensor], Tensor], pyramid: Pyramid, boxes: FloatArray) -> float:
    """How much of faces one look sees in (N, 4) boxes, in all: 0 where it takes none for one."""
    heat = _look(centerface, pyramid, boxes, CLOSER_FACES[0], mirrored=False)
    return float(heat[heat >= CLOSER_HEAT].sum())


def _look(
    centerface: Callable[[Tensor], Tensor], pyramid: Pyramid, boxes: FloatArray, size: int, mirrored: bool
) -> FloatArray:
    """(N,) heat of what lies where the boxes do, if they are ``size`` px large."""
    side = size * CLOSER_ROOM
    centre, own = (boxes[:, :2] + boxes[:, 2:]) / 2, sizes(boxes)[:, None]
    squares = View(CLOSER_ROOM, mirrored=mirrored).of(np.concatenate([centre - own / 2, centre + own / 2], 1))
    half = (boxes[:, 2:] - boxes[:, :2]) / own * (size / 2)  # of a box, px of the crop
    wanted = np.concatenate([side / 2 - half, side / 2 + half], 1).astype(np.float32)
    found = np.full(len(boxes), COLDEST, np.float32)

    def maps_of(crops: Tensor) -> Tensor:
        with single_threaded(pyramid.device.type):
            return centerface(restored(crops))

    for which, _, maps in pyramid.windows(squares, side, maps_of, CLOSER_PIXELS):
        for i, one in zip(which, maps.split(1), strict=True):
            seen = peaks(one, COLDEST)
            same = overlap(wanted[i : i + 1], seen.boxes)[0] >= CLOSER_IOU
            found[i] = seen.scores[same].max(initial=COLDEST)
    return found
