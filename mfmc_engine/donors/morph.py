"""Morphs of several portraits, drawn away from the average face.

The mean of three faces lies nearer the average face than any of them, so plain morphs look alike. Here both the
shape and the coarse texture of a morph are extrapolated from what is expected of its gender, group, pose and
expression (a caricature in the sense of Benson & Perrett 1991), which restores the spread of individual faces:
averaging n independent faces divides their deviation by sqrt(n).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mfmc_engine import parameters
from mfmc_engine.donors import traits
from mfmc_engine.donors.portraits import SIZE, mirrored
from mfmc_engine.donors.warp import Mesh, Pixels, Points, forehead, mesh_shape, sample


def trait_vector(landmarks: ArrayLike) -> NDArray[np.float64]:
    """Yaw, pitch (degrees), mouth opening, smile, eye opening: (..., 5)."""
    yaw, pitch, _ = traits.head_pose(landmarks)
    mouth, smile = traits.mouth_opening(landmarks), traits.smile(landmarks)
    return np.stack([yaw, pitch, mouth, smile, traits.eye_opening(landmarks)], -1)


class ExpectedFace:
    """The face to expect in one gender and group, given pose and expression: ridge regressions on the traits."""

    def __init__(self, landmarks: Points, aligned: NDArray[np.uint8], aligned_shape: Points) -> None:
        """``aligned`` (N, SIZE, SIZE, 3) shows the faces ``landmarks`` (N, 68, 2) warped to ``aligned_shape``."""
        both = np.concatenate([landmarks, mirrored(landmarks)])
        values = trait_vector(both)
        self._mean, self._scale = values.mean(0), values.std(0)
        design = np.stack([self._features(v) for v in values])
        penalty = np.diag([0.0] + [parameters.DONOR_EXPECTED_RIDGE] * values.shape[1])
        solve = np.linalg.solve(design.T @ design + penalty, design.T)
        self._shape = solve @ both.reshape(len(both), -1)
        # Only coarse texture is extrapolated, so half the resolution is enough to regress.
        small = np.stack([cv2.resize(p, (SIZE // 2, SIZE // 2), interpolation=cv2.INTER_AREA) for p in aligned])
        pixels = np.concatenate([small, small[:, :, ::-1]]).reshape(len(both), -1)
        self._texture = (solve @ pixels.astype(np.float32)).astype(np.float32)
        self._mesh_shape = mesh_shape(aligned_shape, SIZE)

    def _features(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([[1.0], (values - self._mean) / self._scale])

    def shape(self, values: NDArray[np.float64]) -> Points:
        """Expected landmarks (68, 2) px at the traits ``values`` (5,)."""
        return (self._features(values) @ self._shape).reshape(68, 2)

    def texture(self, values: NDArray[np.float64], mesh: Mesh) -> Pixels:
        """Expected (blurred) picture at the traits ``values`` (5,), in the shape of ``mesh``."""
        small = (self._features(values) @ self._texture).reshape(SIZE // 2, SIZE // 2, 3).astype(np.float32)
        full = cv2.resize(small, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        return mesh.warp(full, self._mesh_shape)


@dataclass(frozen=True)
class Source:
    """One face that goes into a morph."""

    picture: Pixels  # (SIZE, SIZE, 3) RGB in [0, 255]
    landmarks: Points  # (68, 2) px


@dataclass(frozen=True)
class Morph:
    """A new face. ``picture`` (SIZE, SIZE, 3) uint8 RGB, ``landmarks`` (68, 2) px."""

    picture: NDArray[np.uint8]
    landmarks: Points


def blurred(picture: Pixels, sigma: float) -> Pixels:
    return cv2.GaussianBlur(picture, (0, 0), sigma)


def face_mask(landmarks: Points, grow: int, feather: float) -> Pixels:
    """(SIZE, SIZE, 1), 1 within the face and forehead grown by ``grow`` px (shrunk if negative), blurred edge."""
    hull = cv2.convexHull(np.concatenate([landmarks, forehead(landmarks)]).astype(np.float32))
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillConvexPoly(canvas, np.rint(hull - 0.5).astype(np.int32), 255)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(grow) + 1,) * 2)
    canvas = cv2.dilate(canvas, kernel) if grow > 0 else cv2.erode(canvas, kernel)
    return blurred(canvas.astype(np.float32) / 255, feather)[..., None]


def _contrast(picture: Pixels) -> NDArray[np.uint8]:
    """Grey image with locally normalised contrast, so that flow follows features rather than light."""
    grey = cv2.cvtColor(np.clip(picture, 0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = grey - blurred(grey, 10)
    return np.clip(128 + 40 * detail / (np.sqrt(blurred(detail**2, 10)) + 4), 0, 255).astype(np.uint8)


def register(pictures: Sequence[Pixels]) -> list[Pixels]:
    """Refine the alignment of ``pictures``, already in one shape, towards their mean.

    68 points pin down neither eyelids nor brow edges: dense optical flow (DIS, Kroeger et al. 2016), smoothed and
    kept short, brings them together, so that the mean stays crisp.
    """
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    axis = np.arange(SIZE, dtype=np.float32) + 0.5
    grid = np.stack(np.meshgrid(axis, axis), -1)
    moved = list(pictures)
    for _ in range(parameters.DONOR_FLOW_ROUNDS):
        target = _contrast(np.mean(moved, 0))
        shifts = []
        for picture in pictures:
            shift = blurred(flow.calc(target, _contrast(picture), None), parameters.DONOR_FLOW_SMOOTH)
            length = np.linalg.norm(shift, axis=-1, keepdims=True)
            shifts.append(shift * np.minimum(1, parameters.DONOR_FLOW_LIMIT / np.maximum(length, 1e-6)))
        centre = np.mean(shifts, 0)
        moved = [sample(picture, grid + shift - centre) for picture, shift in zip(pictures, shifts, strict=True)]
    return moved


def _to_lab(picture: Pixels) -> Pixels:
    return cv2.cvtColor(np.clip(picture, 0, 255).astype(np.float32) / 255, cv2.COLOR_RGB2Lab)


def _to_rgb(lab: Pixels) -> Pixels:
    return np.clip(cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_Lab2RGB), 0, 1) * 255


def _level(delta: Pixels, core: NDArray[np.bool_]) -> Pixels:
    """``delta`` without its plane over ``core``: neither overall skin tone nor side light is to be exaggerated."""
    axis = np.linspace(-1, 1, SIZE)
    x, y = np.meshgrid(axis, axis)
    plane = np.stack([np.ones_like(x), x, y], -1)
    fit = np.linalg.lstsq(plane[core], delta[core], rcond=None)[0]
    return (delta - plane @ fit).astype(np.float32)


def exaggerate(picture: Pixels, expected: Pixels, landmarks: Points, strength: float) -> Pixels:
    """Move the coarse texture of ``picture`` away from ``expected``, both in shape ``landmarks``, in CIE Lab.

    Beyond a limit the push flattens (tanh), so that a strand of hair or a shadow does not become a blot; colour is
    pushed less than lightness, because exaggerated colour reads as make-up or a rash.
    """
    lab = _to_lab(picture)
    delta = blurred(lab, parameters.DONOR_TEXTURE_BLUR) - blurred(_to_lab(expected), parameters.DONOR_TEXTURE_BLUR)
    delta = _level(delta, face_mask(landmarks, -6, 1)[..., 0] > 0.9)
    limit = np.array(parameters.DONOR_TEXTURE_LIMIT, np.float32)
    push = (strength - 1) * np.array(parameters.DONOR_TEXTURE_CHANNELS, np.float32)
    return _to_rgb(lab + push * limit * np.tanh(delta / limit) * face_mask(landmarks, -6, 5))


def morph(
    sources: Sequence[Source], expected: ExpectedFace, shape_strength: float, texture_strength: float
) -> Morph:
    """The mean of three or more ``sources`` of like pose and expression, exaggerated; the first gives fine detail."""
    if len(sources) < 3:
        raise ValueError(f"a donor mixes three or more portraits, got {len(sources)}")
    mean = np.mean([s.landmarks for s in sources], 0)
    values = trait_vector(mean)
    usual = expected.shape(values)
    landmarks = usual + shape_strength * (mean - usual)
    mesh = Mesh(mesh_shape(landmarks, SIZE), SIZE)
    warped = register([mesh.warp(s.picture, mesh_shape(s.landmarks, SIZE)) for s in sources])
    blend = np.mean(warped, 0)
    # Averaging wipes out pores, lashes and stubble: part of the finest band is one portrait's.
    share, sigma = parameters.DONOR_DETAIL_SHARE, parameters.DONOR_DETAIL_BLUR
    fine = share * (warped[0] - blurred(warped[0], sigma)) + (1 - share) * (blend - blurred(blend, sigma))
    crisp = blurred(blend, sigma) + fine
    drawn = exaggerate(crisp, expected.texture(values, mesh), landmarks, texture_strength)
    return Morph(np.clip(np.rint(drawn), 0, 255).astype(np.uint8), landmarks)
