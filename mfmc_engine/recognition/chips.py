"""Aligned face chips as dlib cuts them, so that embeddings agree with dlib's.

Geometry and mean face: dlib's ``get_face_chip_details`` (image_transforms/interpolation.h, Boost licence): a
similarity transform takes the eyes, nose and upper lip onto a mean face; eyebrows, lower lip and jaw move too
much with the expression to be used.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import torch
from torch import Tensor

from mfmc_engine.geometry import FloatArray, apply, similarity
from mfmc_engine.parameters import CHIP_PADDING, CHIP_SIZE
from mfmc_engine.resampling import Picture, pyramid_down, warp
from mfmc_engine.types import Image

# iBUG indices and their mean positions in the unit face square (dlib)
ALIGNED: Final = (*range(27, 55), *range(60, 65))
# fmt: off
MEAN_FACE: Final = np.array([
    0.490127, 0.203352, 0.490127, 0.307009, 0.490127, 0.409805, 0.490127, 0.515625,  # bridge of the nose
    0.36688, 0.587326, 0.426036, 0.609345, 0.490127, 0.628106, 0.554217, 0.609345, 0.613373, 0.587326,
    0.121737, 0.216423, 0.187122, 0.178758, 0.265825, 0.179852,  # eye on the left
    0.334606, 0.231733, 0.260918, 0.245099, 0.182743, 0.244077,
    0.645647, 0.231733, 0.714428, 0.179852, 0.793132, 0.178758,  # eye on the right
    0.858516, 0.216423, 0.79751, 0.244077, 0.719335, 0.245099,
    0.254149, 0.780233, 0.340985, 0.745405, 0.428858, 0.727388, 0.490127, 0.742578,  # outer upper lip
    0.551395, 0.727388, 0.639268, 0.745405, 0.726104, 0.780233,
    0.290379, 0.784792, 0.428096, 0.778746, 0.490127, 0.785343, 0.552157, 0.778746, 0.689874, 0.784792,
], np.float32).reshape(-1, 2)
# fmt: on
# dlib's pyramid_down<2> places the halved picture this far (x, y in px of the larger one) from where it lies
PYRAMID_SHIFT: Final = np.array([-0.5, 0.5], np.float32)
BLACK: Final = (0, 0, 0)


def chip_transforms(
    landmarks: FloatArray, size: int = CHIP_SIZE, padding: float = CHIP_PADDING
) -> FloatArray:
    """(N, 68, 2) landmarks in px to (N, 2, 3) transforms from pixel indices of the chip to those of the picture."""
    face = (padding + MEAN_FACE) / (2 * padding + 1) * size
    points = landmarks[:, ALIGNED] - 0.5  # dlib's landmarks are pixel indices
    transforms = similarity(np.broadcast_to(face, points.shape), points)
    # dlib puts the corner pixels on the corners of a rectangle whose sides count pixels inclusively: its
    # size - 1 steps cover (size * scale - 1) px, around the image of the square's centre.
    centre = apply(transforms, np.full((1, 2), size / 2, np.float32))[:, 0]
    scale = np.hypot(transforms[:, 0, 0], transforms[:, 1, 0])
    transforms[..., :2] *= ((size - 1 / scale) / (size - 1))[:, None, None]
    transforms[..., 2] = centre - transforms[..., :2].sum(-1) * (size - 1) / 2
    return transforms


def extract_chips(
    image: Picture,
    landmarks: FloatArray,
    size: int = CHIP_SIZE,
    padding: float = CHIP_PADDING,
    mirrored: bool = False,
) -> Picture:
    """(N, size, size, 3) uint8 chips of the faces with (N, 68, 2) landmarks; black outside the picture.

    They lie where the picture does.
    """
    if isinstance(image, Tensor):
        cuts = _cut_there(image, chip_transforms(landmarks, size, padding), size)
        return cuts.flip(2) if mirrored else cuts
    chips = np.empty((len(landmarks), size, size, 3), np.uint8)
    for chip, transform in zip(chips, chip_transforms(landmarks, size, padding), strict=True):
        _cut(image, transform, chip)
    return np.ascontiguousarray(chips[:, :, ::-1]) if mirrored else chips


def _cut(image: Image, transform: FloatArray, chip: Image) -> None:
    """Sample one chip, from a halved picture as long as that has more pixels than the chip (as dlib does)."""
    size = len(chip)
    scale = float(np.hypot(*transform[:, 0]))
    low, high = _around(transform, size)
    window = image[low[1] : high[1], low[0] : high[0]].astype(np.float32)
    if window.size == 0:
        chip[:] = 0
        return
    transform = transform.copy()
    transform[:, 2] -= low
    while scale / 2 > 1:
        window = np.floor(cv2.pyrDown(window)).astype(np.float32)
        transform[:, 2] += PYRAMID_SHIFT
        transform, scale = np.asarray(transform / 2, np.float32), scale / 2
    # assigning floats to bytes truncates, which is what dlib does
    chip[:] = cv2.warpAffine(
        window,
        transform,
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
    )


def _around(transform: FloatArray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The top-left and bottom-right px, not below 0, of what a chip and its smoothing read."""
    corners = apply(transform, np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float32))
    margin = 4 + 4 * float(np.hypot(*transform[:, 0]))  # px that smoothing reads beyond the chip
    low = np.maximum(np.floor(corners.min(0) - margin), 0).astype(int)
    high = np.maximum(np.ceil(corners.max(0) + margin), 0).astype(int)
    return low, high


def _cut_there(image: Tensor, transforms: FloatArray, size: int) -> Tensor:
    """(N, size, size, 3) chips as ``_cut`` takes them, of a picture on an accelerator: small faces all at once."""
    chips = torch.zeros((len(transforms), size, size, 3), dtype=torch.uint8, device=image.device)
    large = np.hypot(transforms[:, 0, 0], transforms[:, 1, 0]) / 2 > 1
    if not large.all():
        small = torch.from_numpy(np.flatnonzero(~large)).to(image.device)
        chips[small] = warp(image, transforms[~large], (size, size), BLACK).byte()
    for i in np.flatnonzero(large).tolist():
        transform = transforms[i].copy()
        low, high = _around(transform, size)
        window = image[low[1] : high[1], low[0] : high[0]]
        if window.numel() == 0:
            continue
        transform[:, 2] -= low
        while float(np.hypot(*transform[:, 0])) / 2 > 1:
            window = pyramid_down(window).floor()
            transform[:, 2] += PYRAMID_SHIFT
            transform = np.asarray(transform / 2, np.float32)
        chips[i] = warp(window, transform[None], (size, size), BLACK)[0].byte()
    return chips
