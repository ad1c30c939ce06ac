"""What puts a donor on a face. The rest of a swap (mask, light, sharpness, seam, grain) is the same for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mfmc_engine import parameters as P
from mfmc_engine.batching.cores import single_threaded
from mfmc_engine.donors import smiles
from mfmc_engine.geometry import index_space, invert, similarity
from mfmc_engine.landmarks import arcface_template, five_of
from mfmc_engine.recognition import Recognizer
from mfmc_engine.swapping import blending, eyes, fields, gaze, mesh, mouth, skin
from mfmc_engine.swapping.blending import Target
from mfmc_engine.swapping.inswapper import InSwapper
from mfmc_engine.swapping.lit import Lit
from mfmc_engine.types import FloatArray, Image


class Donor(Protocol):
    """Whom a decoy shows. What is worked out of them is kept by their hash."""

    def __hash__(self) -> int: ...

    @property
    def id(self) -> str: ...


class Pictured(Donor, Protocol):
    """A donor with a picture: what swappers need that are not content with an embedding."""

    @property
    def image(self) -> Image: ...  # (CROP_SIZE, CROP_SIZE, 3)
    @property
    def landmarks(self) -> FloatArray: ...  # (68, 2) px of image


# A face and donors to pictures of the donors in its pose, in px of its window; ``shape_share`` as in DRAW_ROUNDS.
# What a swapper needs of a donor is its own affair: its pack hands it donors that have it.
Swapper = Callable[[Target, Sequence[Any], float], Lit]


def mesh_swapper(target: Target, donors: Sequence[Pictured], shape_share: float) -> Lit:
    """Donors warped onto the target's landmarks (swapping/mesh.py)."""
    with single_threaded(target.barred.device.type):
        return _warped(target, donors, shape_share)


def _warped(target: Target, donors: Sequence[Pictured], shape_share: float) -> Lit:
    layers = blending.interleaved([_with_skin(donor) for donor in donors], target.barred.device)
    marks = [mesh.mixed_landmarks(target.landmarks, donor.landmarks, shape_share) for donor in donors]
    if target.shut:
        marks = [eyes.close(points) for points in marks]
    own = target.glance()
    turns = gaze.wanted_turns(own, [None if own is None else _glance(donor) for donor in donors])
    warped = mesh.warp_donors(layers, [donor.landmarks for donor in donors], marks, target.frame.size, turns)
    between = target.lit.once("between the lips", lambda: mouth.look(target.lit))
    warped = mouth.redraw(
        warped,
        layers,
        [donor.landmarks for donor in donors],
        marks,
        between,
        lambda i: _smile(donors[i], target.barred.device),
    )
    pictures = eyes.draw_lids(warped[:, :3], warped[:, 3:], marks, [target.shut] * len(donors))
    return Lit(pictures, warped[:, 3:], marks)


def _smile(donor: Pictured, device: torch.device) -> tuple[Tensor, FloatArray]:
    """Whose teeth a donor with shut lips shows: picture (1, 3, CROP_SIZE, CROP_SIZE) and landmarks (68, 2)."""
    lender = smiles.lender(donor.id)
    return blending.interleaved([lender.image], device), lender.landmarks


@lru_cache(P.DONOR_SKINS_KEPT)
def _glance(donor: Pictured) -> float | None:
    return gaze.glance(np.asarray(cv2.cvtColor(donor.image, cv2.COLOR_RGB2GRAY), np.uint8), donor.landmarks)


@lru_cache(P.DONOR_SKINS_KEPT)
def _skin(donor: Pictured) -> NDArray[np.uint8]:
    """(CROP_SIZE, CROP_SIZE) skin likelihood of a donor's picture, 255 for certain; worked out on first use."""
    found = skin.likelihood(blending.to_tensor([donor.image]), [donor.landmarks])[0, 0]
    return np.asarray(found.mul(255).round().clamp(0, 255).byte().numpy())


def _with_skin(donor: Pictured) -> NDArray[np.uint8]:
    """(CROP_SIZE, CROP_SIZE, 4) a donor's picture and, as a fourth channel, its skin."""
    return np.asarray(cv2.merge([donor.image, _skin(donor)]), np.uint8)


class NetworkSwapper:
    """inswapper on an aligned square of the window: the network keeps the person's own pose and expression."""

    def __init__(self, network: InSwapper, identifier: Recognizer) -> None:
        self.network = network
        self.identifier = identifier
        self._identities: dict[Pictured, FloatArray] = {}

    def __call__(self, target: Target, donors: Sequence[Pictured], shape_share: float) -> Lit:
        device, size = target.barred.device, self.network.size
        window = fields.to_image(target.lit.pictures[0])
        to_square = similarity(five_of(target.landmarks), arcface_template(size))
        square = cv2.warpAffine(
            window,
            index_space(to_square),
            (size, size),
            flags=cv2.INTER_AREA,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        swapped = self.network.swap(np.stack([square] * len(donors)), self._identified(donors))
        rim = _rim(size)
        height, width = target.frame.size
        back = index_space(invert(to_square))
        pictures = []
        for picture in swapped:
            layer = cv2.warpAffine(np.dstack([picture, rim]), back, (width, height), flags=cv2.INTER_CUBIC)
            share = layer[..., 3:].clip(0, 1)
            pictures.append(layer[..., :3].clip(0, 1) * share + window / 255 * (1 - share))
        batch = (
            torch.from_numpy(np.stack(pictures).astype(np.float32))
            .permute(0, 3, 1, 2)
            .contiguous()
            .to(device)
        )
        return target.repainted(batch)

    def _identified(self, donors: Sequence[Pictured]) -> FloatArray:
        for donor in donors:
            if donor not in self._identities:
                self._identities[donor] = self.identifier.embed(donor.image, donor.landmarks[None])[0]
        return np.stack([self._identities[donor] for donor in donors])


@lru_cache(4)
def _rim(size: int) -> FloatArray:
    """(size, size) share of the swapped square, falling to 0 along its edge."""
    ramp = np.minimum(np.arange(size) + 0.5, size - np.arange(size) - 0.5) / (size * P.INSWAPPER_RIM)
    edge = np.clip(ramp, 0, 1)
    return np.asarray(np.minimum(edge[:, None], edge[None]), np.float32)
