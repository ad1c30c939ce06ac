"""What people wear before their eyes, put on their decoys: spectacles, or lenses nobody sees through.

Where it hides the face says a network (eyewear_network.py). Its colour is the photo's own, but smooth over several px,
so that nothing comes along of brows, lids and eyes that a frame crosses or a lens lets through.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.geometry import index_space, invert, similarity
from mfmc_engine.landmarks import eye_centres
from mfmc_engine.resampling import warp
from mfmc_engine.swapping import eyewear_network, fields
from mfmc_engine.swapping.eyewear_network import BAND, CLEAR, DARK, NOTHING
from mfmc_engine.swapping.lit import Lit
from mfmc_engine.types import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Eyewear:
    """What one person wears before their eyes, drawn again."""

    hides: Tensor  # (1, 1, H, W) share of what is behind
    colour: Tensor  # (1, 3, H, W) in [0, 1]
    opaque: bool  # whether it hides the eyes

    @property
    def rounds(self) -> int:
        """Of draws whose decoys wear it."""
        return P.SHADES_ROUNDS if self.opaque else P.GLASSES_ROUNDS

    @property
    def lost(self) -> float:
        """What it costs a decoy's looks to go without."""
        return P.LOOKS_SHADES if self.opaque else P.LOOKS_GLASSES

    def on(self, decoys: Tensor) -> Tensor:
        """Decoys (B, 3, H, W) that wear it."""
        return decoys + self.hides * (self.colour - decoys)

    def around(self) -> Tensor:
        """(1, 1, H, W) 1 on it, on what it encloses and a little beyond: where the person's own may be seen."""
        drawn = (self.hides[0, 0] > 0).to(torch.uint8).cpu().numpy()
        outer, _ = cv2.findContours(drawn, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, outer, -1, 1, cv2.FILLED)
        return fields.dilate(torch.from_numpy(drawn)[None, None].to(self.hides), P.EYEWEAR_ROOM)

    def beside(self) -> Tensor:
        """(1, 1, H, W) 1 where it does not touch what is seen."""
        return 1 - fields.dilate((self.hides > 0).float(), P.BLOTCH_REDUCTION)


def of(target: Lit) -> Eyewear | None:
    """What the person in the photo wears; None if that is nothing, or not surely found."""
    return target.once("eyewear", lambda: _look(target))


def _look(target: Lit) -> Eyewear | None:
    network = eyewear_network.load(target.pictures.device)
    to_band = similarity(eye_centres(target.landmarks[0]), eyewear_network.EYES)
    levels = network.encode(_moved(target.pictures, to_band, BAND))
    worn = network.what(levels).softmax(1)[0]
    if float(worn[NOTHING]) > P.EYEWEAR_DOUBT or float(worn[[CLEAR, DARK]].max()) < P.EYEWEAR_KIND:
        return None
    parts = network.where(levels).sigmoid()
    opaque = bool(worn[DARK] > worn[CLEAR]) and _hides_an_eye(parts[0, 1])
    parts[0, 1] = torch.maximum(parts[0, 1], _whole(parts[0])) if opaque else 0
    parts = _moved(parts, invert(to_band), target.size)
    frame, lens = ((parts - P.EYEWEAR_LEAST) / (P.EYEWEAR_MOST - P.EYEWEAR_LEAST)).clamp(0, 1).split(1, 1)
    return Eyewear(frame + lens * (1 - frame), _colours(target, frame, lens), opaque)


def _hides_an_eye(lens: Tensor) -> bool:
    """Whether lenses (*BAND) are before an eye; the other one may mirror a window."""
    return max(float((lens * eye).sum() / eye.sum()) for eye in _eyes(lens.device)) > P.EYEWEAR_EYE_HIDDEN


@cache
def _eyes(device: torch.device) -> Tensor:
    """(2, *BAND) 1 on each eye."""
    rows, columns = np.mgrid[: BAND[0], : BAND[1]] + 0.5
    width, height = P.EYEWEAR_EYE
    found = [np.hypot((columns - x) / width, (rows - y) / height) < 1 for x, y in eyewear_network.EYES]
    return torch.from_numpy(np.stack(found)).to(device).float()


def _whole(parts: Tensor) -> Tensor:
    """(*BAND) both lenses without holes, of frame and lens (2, *BAND): what mirrors something bright in places hides
    the whole eye. What lenses or closed rims hold, to its convex hull; a lens of which less than half is seen is like
    the other one."""
    frame, lens = (parts > P.EYEWEAR_SURE).to(torch.uint8).cpu().numpy()
    held = np.zeros_like(lens)
    outer, _ = cv2.findContours(frame | lens, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(held, outer, -1, 1, cv2.FILLED)
    inside = cv2.morphologyEx(held & ~frame | lens, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    left, right = (_hull(np.asarray(side, np.uint8)) for side in np.split(inside, 2, 1))
    if left.sum() < right.sum() / 2:
        left = right[:, ::-1]
    elif right.sum() < left.sum() / 2:
        right = left[:, ::-1]
    both = np.concatenate([left, right], 1).astype(np.float32)
    return torch.from_numpy(cv2.GaussianBlur(both, (0, 0), P.EYEWEAR_EDGE)).to(parts)


def _hull(shape: NDArray[np.uint8]) -> NDArray[np.uint8]:
    filled = np.zeros_like(shape)
    places = cv2.findNonZero(np.ascontiguousarray(shape))
    if places is not None:
        cv2.fillConvexPoly(filled, cv2.convexHull(places), 1)
    return filled


def _moved(picture: Tensor, transform: FloatArray, size: tuple[int, int]) -> Tensor:
    """(1, C, *size) of a picture (1, C, H, W) under a (2, 3) transform between px of both; the edge goes on beyond."""
    planes = picture[0].permute(1, 2, 0)
    if fields.on_cpu(picture):
        found = cv2.warpAffine(
            np.ascontiguousarray(planes.numpy()),
            index_space(transform),
            size[::-1],
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return torch.from_numpy(found).reshape(1, *size, -1).permute(0, 3, 1, 2)
    return warp(planes, index_space(invert(transform))[None], size).permute(0, 3, 1, 2)


def _colours(target: Lit, frame: Tensor, lens: Tensor) -> Tensor:
    """(1, 3, H, W) of what hides the face."""
    rim, inner = _colour(target, frame, P.EYEWEAR_FRAME), _colour(target, lens, P.EYEWEAR_LENS)
    share = frame / (frame + lens * (1 - frame)).clamp(min=P.SPREAD_PRIOR)
    return (inner + share * (rim - inner)).clamp(0, 1)


def _colour(target: Lit, hides: Tensor, sigma: float) -> Tensor:
    """(1, 3, H, W) that, laid over the light on the skin as far as it ``hides`` that, comes nearest to the photo: least
    squares round each place, over ``sigma`` px."""
    light = target.light(P.EYEWEAR_LIGHT)
    apart = fields.gaussian(hides * (target.pictures - light), sigma)
    return light + apart / (fields.gaussian(hides * hides, sigma) + P.SPREAD_PRIOR)
