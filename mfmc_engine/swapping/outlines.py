"""Polygons of the face's parts from 68 landmarks (iBUG order), in canonical crop px."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mfmc_engine import parameters as P
from mfmc_engine.geometry import apply
from mfmc_engine.landmarks import eye_centres
from mfmc_engine.types import FloatArray

Side = Literal["left", "right"]  # of the picture


def _grown(polygon: FloatArray, by: float) -> FloatArray:
    """The convex hull of ``polygon``, its corners moved ``by`` px away from the centre."""
    hull = cv2.convexHull(polygon.astype(np.float32))[:, 0]
    away = hull - hull.mean(0)
    length = np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-3)
    return (hull + away / length * by).astype(np.float32)


def up(landmarks: FloatArray) -> FloatArray:
    """(2,) unit vector from the nose base toward the brows."""
    axis = landmarks[17:27].mean(0) - landmarks[33]
    return (axis / max(float(np.linalg.norm(axis)), 1e-3)).astype(np.float32)


def region(landmarks: FloatArray) -> list[FloatArray]:
    """What a swap may replace: the jaw contour, closed by an arch over the forehead."""
    brows = landmarks[17:27]
    height = P.REGION_FOREHEAD
    profile = np.array([0.35, 0.7, 0.9, 1.0, 1.0, 1.0, 1.0, 0.9, 0.7, 0.35], np.float32)[:, None]
    arch = brows + up(landmarks) * height * profile
    return [np.concatenate([landmarks[0:17], arch[::-1]])]


def mouth(landmarks: FloatArray) -> list[FloatArray]:
    return [_grown(landmarks[48:60], P.MOUTH_MARGIN)]


def lips(landmarks: FloatArray) -> list[FloatArray]:
    """Upper and lower lip, without the opening between them."""
    return [*upper_lip(landmarks), *lower_lip(landmarks)]


def whole_lips(landmarks: FloatArray) -> list[FloatArray]:
    """Both lips and what is between them."""
    return [landmarks[48:60]]


def upper_lip(landmarks: FloatArray) -> list[FloatArray]:
    return [np.concatenate([landmarks[48:55], landmarks[60:65][::-1]])]


def lower_lip(landmarks: FloatArray) -> list[FloatArray]:
    return [np.concatenate([landmarks[[54, 55, 56, 57, 58, 59, 48]], landmarks[[60, 67, 66, 65, 64]]])]


def brow_hair(landmarks: FloatArray) -> list[FloatArray]:
    """The hair of the brows alone, a narrow strip below dlib's points."""
    drop = -up(landmarks) * P.BROW_HAIR_BELOW
    return [np.concatenate([brow, (brow + drop)[::-1]]) for brow in (landmarks[17:22], landmarks[22:27])]


def eye_openings(landmarks: FloatArray) -> list[FloatArray]:
    return [landmarks[36:42], landmarks[42:48]]


def crown(landmarks: FloatArray) -> FloatArray:
    """(N, 2) the head above the brows, hair included: half an ellipse."""
    brows = landmarks[17:27].mean(0)
    height = brows - landmarks[8]
    half = (landmarks[16] - landmarks[0]) / 2 * P.CROWN_WIDTH
    turn = np.linspace(0, np.pi, 16)[:, None]
    return (brows + np.cos(turn) * half + np.sin(turn) * height * P.CROWN_HEIGHT).astype(np.float32)


def irises(landmarks: FloatArray) -> list[FloatArray]:
    """A disc in the middle of each eye, as wide as irises are; lids cover some of it."""
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn)], 1)
    return [
        (eye.mean(0) + circle * P.IRIS_HALF * np.linalg.norm(eye[3] - eye[0])).astype(np.float32)
        for eye in eye_openings(landmarks)
    ]


def glasses(landmarks: FloatArray) -> list[FloatArray]:
    """The band across the face that glasses are worn in, from ear to ear."""
    (left, right), rise = eye_centres(landmarks), up(landmarks)
    along = (right - left) * P.GLASSES_REACH
    ends = np.stack([left - along, right + along])
    band = [ends + rise * P.GLASSES_ABOVE, ends[::-1] - rise * P.GLASSES_BELOW]
    return [np.concatenate(band).astype(np.float32)]


def inner_mouth(landmarks: FloatArray) -> list[FloatArray]:
    return [landmarks[60:68]]


def nostrils(landmarks: FloatArray) -> list[FloatArray]:
    return [_grown(np.concatenate([landmarks[31:36], landmarks[31:36] + up(landmarks) * 4]), 2.0)]


def moustache(landmarks: FloatArray) -> list[FloatArray]:
    """Between nose and upper lip, from corner to corner of the mouth."""
    return [_upper_lip(landmarks, [31, 33, 35], [54, 53, 52, 51, 50, 49, 48])]


def moustache_left(landmarks: FloatArray) -> list[FloatArray]:
    """Its end beside the nose, where the nose's shadow hardly falls."""
    return [_upper_lip(landmarks, [31], [50, 49, 48])]


def moustache_right(landmarks: FloatArray) -> list[FloatArray]:
    return [_upper_lip(landmarks, [35], [52, 53, 54])]


def beard(landmarks: FloatArray) -> list[FloatArray]:
    """Below the nose to the jaw: where a beard may grow, and lips."""
    base = landmarks[[35, 33, 31]] - up(landmarks) * P.MOUSTACHE_BELOW_NOSE
    return [np.concatenate([landmarks[3:14], base])]


def beard_left(landmarks: FloatArray) -> list[FloatArray]:
    """Between a corner of the mouth, the lower lip and the chin."""
    return [np.concatenate([landmarks[4:9], landmarks[[57, 48]]])]


def beard_right(landmarks: FloatArray) -> list[FloatArray]:
    return [np.concatenate([landmarks[8:13], landmarks[[54, 57]]])]


def upper_face(landmarks: FloatArray) -> list[FloatArray]:
    """Cheeks, nose and what is between them and the brows, where no beard grows."""
    return [
        np.concatenate([landmarks[0:3], landmarks[[31, 33, 35]], landmarks[14:17], landmarks[17:27][::-1]])
    ]


def _upper_lip(landmarks: FloatArray, nose: list[int], lip: list[int]) -> FloatArray:
    rise = up(landmarks)
    base = landmarks[nose] - rise * P.MOUSTACHE_BELOW_NOSE
    return np.concatenate([base, landmarks[lip] + rise * P.MOUSTACHE_ABOVE_LIP]).astype(np.float32)


def features(landmarks: FloatArray) -> list[FloatArray]:
    """Everything on a bare face that is not plain skin, drawn tightly: lids and sockets are skin and carry light."""
    openings = [_grown(eye, P.EYE_MARGIN) for eye in eye_openings(landmarks)]
    return [*openings, *brow_hair(landmarks), *mouth(landmarks), *nostrils(landmarks)]


def core(landmarks: FloatArray) -> list[FloatArray]:
    """What identifies a person and is therefore always replaced: brows, eyes, nose and mouth."""
    nose = _grown(np.concatenate([landmarks[27:36], landmarks[[39, 42]]]), P.CORE_MARGIN)
    eye_band = [_grown(landmarks[36:42], P.CORE_EYE_MARGIN), _grown(landmarks[42:48], P.CORE_EYE_MARGIN)]
    lips_to_nose = _grown(np.concatenate([landmarks[31:36], landmarks[48:60]]), P.CORE_MARGIN)
    rise = up(landmarks)
    strips = [
        _grown(np.concatenate([brow + rise * P.BROW_ABOVE, brow - rise * P.BROW_BELOW]), 0.0)
        for brow in (landmarks[17:22], landmarks[22:27])
    ]
    return [*strips, *eye_band, nose, lips_to_nose]


def cheeks(landmarks: FloatArray) -> list[FloatArray]:
    """Bare skin on nearly every face: both cheeks and the bridge of the nose."""
    shrunk = [side.mean(0) + (side - side.mean(0)) * P.CHEEK_SHRINK for side in _both_cheeks(landmarks)]
    side = np.array([4, 0], np.float32)
    bridge = np.concatenate([landmarks[28:31] - side, landmarks[28:31][::-1] + side])
    return [*(side.astype(np.float32) for side in shrunk), bridge.astype(np.float32)]


def _both_cheeks(landmarks: FloatArray) -> tuple[FloatArray, FloatArray]:
    left = np.stack([landmarks[[41, 40]].mean(0), landmarks[31], landmarks[48], landmarks[3], landmarks[1]])
    right = np.stack(
        [landmarks[[46, 47]].mean(0), landmarks[35], landmarks[54], landmarks[13], landmarks[15]]
    )
    return left, right


def averted(landmarks: FloatArray) -> Side | None:
    """Which cheek of a head is turned away so far that what lies there may well be background; None on others."""
    left, right = (cv2.contourArea(side.astype(np.float32)) for side in _both_cheeks(landmarks))
    if min(left, right) > P.CHEEK_SLIVER * max(left, right):
        return None
    return "left" if left < right else "right"


def far_side(landmarks: FloatArray) -> list[FloatArray]:
    """What lies beyond nose and mouth of a head turned that far; nothing on others."""
    side = averted(landmarks)
    if side is None:
        return []
    inner = [48, 31, 27, 39, 36, 17] if side == "left" else [26, 45, 42, 27, 35, 54]
    jaw = landmarks[:7] if side == "left" else landmarks[10:17]
    return [np.concatenate([jaw, landmarks[inner]])]


def cheek_mask(landmarks: FloatArray, transform: FloatArray, size: tuple[int, int]) -> NDArray[np.uint8]:
    """(rows, columns) 1 on the cheeks of a picture of that ``size``, to which the (2, 3) ``transform`` leads."""
    mask = np.zeros(size, np.uint8)
    for polygon in cheeks(landmarks):
        cv2.fillPoly(mask, [np.round((apply(transform, polygon) - 0.5) * 16).astype(np.int32)], 1, shift=4)
    return mask


def jaw_skin(landmarks: FloatArray) -> list[FloatArray]:
    """The whole face without the forehead, a little inside the jaw: where light on the face is read."""
    return [_grown(np.concatenate([landmarks[0:17], landmarks[17:27]]), -P.JAW_INSIDE)]
