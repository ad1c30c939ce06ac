"""Pose and expression read off 68 landmarks: what a donor has to share with the face it replaces.

Every function takes landmarks in iBUG order, shape (..., 68, 2), continuous pixels (x right, y down) of any scale,
and returns one float per face, shape (...). All are invariant to translation and scale; all but roll to rotation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfmc_engine import parameters

Values = NDArray[np.float64]

# Fourteen points of a generic head, in arbitrary units: x to the image's right, y down, z into the picture. The
# figures are those of the widely copied head-pose sample for dlib (Lincolnhard/head-pose-estimation), axes turned.
_HEAD_INDEX = np.array([17, 21, 22, 26, 36, 39, 42, 45, 31, 35, 48, 54])
_HEAD = np.array(
    [
        [-6.825897, -6.760612, -4.402142],
        [-1.330353, -7.122144, -6.903745],
        [1.330353, -7.122144, -6.903745],
        [6.825897, -6.760612, -4.402142],
        [-5.311432, -5.485328, -3.987654],
        [-1.789930, -5.393625, -4.413414],
        [1.789930, -5.393625, -4.413414],
        [5.311432, -5.485328, -3.987654],
        [-2.005628, -1.409845, -6.165652],
        [2.005628, -1.409845, -6.165652],
        [-2.774015, 2.080775, -5.048531],
        [2.774015, 2.080775, -5.048531],
    ]
)


def _faces(landmarks: ArrayLike) -> Values:
    points = np.asarray(landmarks, np.float64)
    if points.ndim < 2 or points.shape[-2:] != (68, 2):
        raise ValueError(f"expected landmarks of shape (..., 68, 2), got {points.shape}")
    return points


def _distance(points: Values, a: int, b: int) -> Values:
    return np.linalg.norm(points[..., a, :] - points[..., b, :], axis=-1)


def eye_centres(landmarks: ArrayLike) -> tuple[Values, Values]:
    """Centre of the eye on the image's left (points 36-41) and on its right (42-47), each (..., 2) px."""
    points = _faces(landmarks)
    return points[..., 36:42, :].mean(-2), points[..., 42:48, :].mean(-2)


def interocular(landmarks: ArrayLike) -> Values:
    """Distance between the eyes' centres in px, never 0."""
    left, right = eye_centres(landmarks)
    return np.maximum(np.linalg.norm(right - left, axis=-1), np.finfo(np.float64).eps)


def head_pose(landmarks: ArrayLike) -> tuple[Values, Values, Values]:
    """Rough (yaw, pitch, roll) in degrees.

    Positive yaw looks to the image's right, positive pitch looks up, positive roll tilts clockwise as seen. A scaled
    orthographic camera is fitted to a generic head: least-squares affine matrix, then its nearest scaled rotation.
    """
    points = _faces(landmarks)[..., _HEAD_INDEX, :]
    model = _HEAD - _HEAD.mean(0)
    centred = points - points.mean(-2, keepdims=True)
    affine = np.swapaxes(centred, -1, -2) @ np.linalg.pinv(model).T  # (..., 2, 3)
    u, _, vt = np.linalg.svd(affine, full_matrices=False)
    rows = u @ vt  # (..., 2, 3): the first two rows of the rotation
    depth = np.cross(rows[..., 0, :], rows[..., 1, :])
    forward = -np.stack([rows[..., 0, 2], rows[..., 1, 2], depth[..., 2]], -1)
    yaw = np.degrees(np.arctan2(forward[..., 0], -forward[..., 2]))
    pitch = np.degrees(np.arcsin(np.clip(-forward[..., 1], -1, 1))) - parameters.POSE_NEUTRAL_PITCH
    left, right = eye_centres(landmarks)
    roll = np.degrees(np.arctan2(right[..., 1] - left[..., 1], right[..., 0] - left[..., 0]))
    return yaw, pitch, roll


def mouth_opening(landmarks: ArrayLike) -> Values:
    """Gap between the inner lips, as a share of the inter-ocular distance; 0 when the lips touch."""
    points = _faces(landmarks)
    gap = sum(_distance(points, upper, lower) for upper, lower in ((61, 67), (62, 66), (63, 65))) / 3
    return gap / interocular(points)


def smile(landmarks: ArrayLike) -> Values:
    """How far the mouth is drawn wide and its corners up, in inter-ocular distances; about 0.9 neutral, 1.25 beaming.

    Mouth width plus twice the height of the corners above the middle of the lips, across the eye axis.
    """
    points = _faces(landmarks)
    left, right = eye_centres(points)
    axis = (right - left) / interocular(points)[..., None]
    down = np.stack([-axis[..., 1], axis[..., 0]], -1)
    lips = points[..., [51, 57, 62, 66], :].mean(-2)
    corners = points[..., [48, 54], :].mean(-2)
    lift = np.sum((lips - corners) * down, -1)
    return (_distance(points, 48, 54) + 2 * lift) / interocular(points)


def eye_opening(landmarks: ArrayLike) -> Values:
    """Mean eye aspect ratio: height over width; about 0.3 open, below 0.15 closed (Soukupova & Cech 2016)."""
    points = _faces(landmarks)
    ratios = [
        (_distance(points, i + 1, i + 5) + _distance(points, i + 2, i + 4))
        / np.maximum(2 * _distance(points, i, i + 3), np.finfo(np.float64).eps)
        for i in (36, 42)
    ]
    return (ratios[0] + ratios[1]) / 2


def trait_vector(landmarks: ArrayLike) -> Values:
    """Yaw, pitch (degrees), mouth opening, smile, eye opening: (..., 5)."""
    yaw, pitch, _ = head_pose(landmarks)
    return np.stack([yaw, pitch, mouth_opening(landmarks), smile(landmarks), eye_opening(landmarks)], -1)
