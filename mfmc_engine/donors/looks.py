"""What a face looks like in a photo: its skin's colour, and everything a donor should have in common with it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfmc_engine import attributes, parameters
from mfmc_engine.donors import traits
from mfmc_engine.donors.selection import Wanted
from mfmc_engine.swapping import outlines
from mfmc_engine.types import FloatArray, Image

# The cheeks as polygons of landmarks; what lies above the lower eyelids is cut off.
_CHEEKS = ((1, 28, 31, 48, 4), (15, 28, 35, 54, 12))


def filled(polygon: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels within ``polygon`` (P, 2) px of an image of ``size`` (height, width)."""
    canvas = np.zeros(size, np.uint8)
    cv2.fillPoly(canvas, [np.rint(polygon - 0.5).astype(np.int32)], 1)
    return canvas > 0


def cheeks(
    landmarks: NDArray[np.float64], size: tuple[int, int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where the cheeks on the image's left and right are, in an image of ``size``, below an upright face's eyes."""
    left_eye, _ = traits.eye_centres(landmarks)
    top = max(0, int(left_eye[1] + 0.2 * traits.interocular(landmarks)))
    left, right = (filled(landmarks[list(polygon)], size) for polygon in _CHEEKS)
    left[:top] = right[:top] = False
    return left, right


def upright_crop(
    image: Image, landmarks: ArrayLike, interocular: float = 64
) -> tuple[Image, NDArray[np.float64]]:
    """The face (256, 256, 3), turned upright, eyes ``interocular`` px apart, and its landmarks (68, 2) there.

    The same frame as a donor's. Beyond the image's edge its last pixels are repeated.
    """
    points = np.asarray(landmarks, np.float64)
    left, right = traits.eye_centres(points)
    axis = (right - left) / np.linalg.norm(right - left) * interocular / traits.interocular(points)
    turn = np.array([[axis[0], axis[1]], [-axis[1], axis[0]]])
    shift = np.array([128.0, 98.0]) - turn @ ((left + right) / 2)
    # OpenCV counts from the centre of the top-left pixel, which here lies at (0.5, 0.5).
    matrix = np.column_stack([turn, shift + turn @ [0.5, 0.5] - 0.5])
    crop = cv2.warpAffine(image, matrix, (256, 256), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8), points @ turn.T + shift


def skin_colour(image: Image, landmarks: ArrayLike) -> FloatArray:
    """CIE L*, a*, b* (3,) of the cheeks (median) of the face at ``landmarks`` (68, 2) px in ``image`` (H, W, 3)."""
    return _skin_colour(*_upright_lab(image, landmarks))


def _upright_lab(image: Image, landmarks: ArrayLike) -> tuple[FloatArray, NDArray[np.float64]]:
    """``upright_crop`` in CIE L*, a*, b*."""
    crop, points = upright_crop(image, landmarks)
    return np.asarray(cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), np.float32), points


def _skin_colour(lab: FloatArray, points: NDArray[np.float64]) -> FloatArray:
    left, right = cheeks(points, (256, 256))
    skin = left | right
    if not skin.any():  # landmarks folded over each other: the middle of the face is the best there is
        skin = filled(points[[36, 45, 54, 48]], (256, 256)) | (np.indices((256, 256)) == 128).all(0)
    return np.median(lab[skin], 0).astype(np.float32)


def brow_darkness(picture: Image, landmarks: ArrayLike) -> float:
    """How much darker the brows of a donor (256, 256, 3) are than its cheeks, CIE L*; below 0 they are pale."""
    points = np.asarray(landmarks, np.float64)
    lightness = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[..., 0]
    left, right = cheeks(points, lightness.shape)
    brows = [
        filled(p.astype(np.float64), lightness.shape) for p in outlines.brow_hair(points.astype(np.float32))
    ]
    return float(np.median(lightness[left | right]) - np.median(lightness[brows[0] | brows[1]]))


def beard_regions(
    landmarks: NDArray[np.float64], size: tuple[int, int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where chin and upper lip of an upright face are, clear of the lips, in an image of ``size``."""
    chin = np.concatenate([landmarks[5:12], landmarks[[54, 56, 57, 58, 48]] + [0, 5]])
    lip = np.concatenate([landmarks[48:55] - [0, 4], landmarks[[35, 33, 31]] + [0, 5]])
    return filled(chin, size), filled(lip, size)


def beard(image: Image, landmarks: ArrayLike, even_light: bool = False) -> float:
    """How much darker the upper lip is than the cheeks, CIE L*, at least 0: 0 to 3 shaven, 10 and more under a beard.

    Shadow is dark, too. Hair takes colour away where shadow in warm light adds it, so unless ``even_light`` says that
    there is none (studio portraits) darkness counts only as far as the lip is less colourful than the cheeks.
    """
    return _beard(*_upright_lab(image, landmarks), even_light)


def _beard(lab: FloatArray, points: NDArray[np.float64], even_light: bool) -> float:
    left, right = cheeks(points, (256, 256))
    _, lip = beard_regions(points, (256, 256))
    skin = left | right
    if not skin.any() or not lip.any():
        return 0.0
    on_lip, on_skin = lab[lip], lab[skin]
    darker = max(0.0, float(np.median(on_skin[:, 0]) - on_lip[:, 0].mean()))
    if even_light:
        return darker
    of_lip, of_skin = (np.hypot(seen[:, 1], seen[:, 2]) for seen in (on_lip, on_skin))
    colour = float(of_lip.mean() / max(float(np.median(of_skin)), 1.0))
    return darker * float(np.clip((1 - colour) / parameters.BEARD_COLOUR_LOSS, 0, 1))


def describe(image: Image, landmarks: ArrayLike, embedding: FloatArray) -> Wanted:
    """Everything selection can use about one face, measured. ``embedding`` (128,) of the builtin pack."""
    yaw, pitch, _ = traits.head_pose(landmarks)
    looks = attributes.load()(embedding)
    lab, points = _upright_lab(image, landmarks)
    return Wanted(
        embedding=embedding,
        male=float(looks.male[0]),
        age=float(looks.age[0]),
        group=looks.group[0],
        yaw=float(yaw),
        pitch=float(pitch),
        mouth=float(traits.mouth_opening(landmarks)),
        smile=float(traits.smile(landmarks)),
        eyes=float(traits.eye_opening(landmarks)),
        skin=_skin_colour(lab, points),
        beard=_beard(lab, points, even_light=False),
    )
