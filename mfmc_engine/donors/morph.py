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
from mfmc_engine.donors.ageing import Ageing
from mfmc_engine.donors.portraits import SIZE, mirrored
from mfmc_engine.donors.warp import Mesh, Pixels, Points, forehead, mesh_shape, sample


class ExpectedFace:
    """The face to expect in one gender and group, given pose and expression: ridge regressions on the traits."""

    def __init__(self, landmarks: Points, aligned: NDArray[np.uint8], aligned_shape: Points) -> None:
        """``aligned`` (N, SIZE, SIZE, 3) shows the faces ``landmarks`` (N, 68, 2) warped to ``aligned_shape``."""
        both = np.concatenate([landmarks, mirrored(landmarks)])
        values = traits.trait_vector(both)
        self._mean, self._scale = values.mean(0), values.std(0)
        design = np.stack([self._features(v) for v in values])
        penalty = np.diag([0.0] + [parameters.DONOR_EXPECTED_RIDGE] * values.shape[1])
        solve = np.linalg.solve(design.T @ design + penalty, design.T)
        self._shape = solve @ both.reshape(len(both), -1)
        # Only coarse texture is extrapolated, so half the resolution is enough to regress.
        small = np.stack(
            [cv2.resize(p, (SIZE // 2, SIZE // 2), interpolation=cv2.INTER_AREA) for p in aligned]
        )
        pixels = np.concatenate([small, small[:, :, ::-1]]).reshape(len(both), -1)
        self._texture = (solve @ pixels.astype(np.float32)).astype(np.float32)
        self.mesh_shape = mesh_shape(aligned_shape, SIZE)

    def _features(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([[1.0], (values - self._mean) / self._scale])

    def shape(self, values: NDArray[np.float64]) -> Points:
        """Expected landmarks (68, 2) px at the traits ``values`` (5,)."""
        return (self._features(values) @ self._shape).reshape(68, 2)

    def texture(self, values: NDArray[np.float64], mesh: Mesh) -> Pixels:
        """Expected (blurred) picture at the traits ``values`` (5,), in the shape of ``mesh``."""
        small = (self._features(values) @ self._texture).reshape(SIZE // 2, SIZE // 2, 3).astype(np.float32)
        full = np.asarray(cv2.resize(small, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC), np.float32)
        return mesh.warp(full, self.mesh_shape)


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
    disagreement: float  # of the registered sources round eyes and brows, see disagreement()


def blurred(picture: ArrayLike, sigma: float) -> Pixels:
    return np.asarray(cv2.GaussianBlur(np.asarray(picture, np.float32), (0, 0), sigma), np.float32)


def face_mask(landmarks: Points, grow: int, feather: float) -> Pixels:
    """(SIZE, SIZE, 1), 1 within the face and forehead grown by ``grow`` px (shrunk if negative), blurred edge."""
    hull = cv2.convexHull(np.concatenate([landmarks, forehead(landmarks)]).astype(np.float32))
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillConvexPoly(canvas, np.rint(hull - 0.5).astype(np.int32), 255)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(grow) + 1,) * 2)
    grown = cv2.dilate(canvas, kernel) if grow > 0 else cv2.erode(canvas, kernel)
    return blurred(np.asarray(grown, np.float32) / 255, feather)[..., None]


def _contrast(picture: Pixels) -> NDArray[np.uint8]:
    """Grey image with locally normalised contrast, so that flow follows features rather than light."""
    grey = cv2.cvtColor(np.clip(picture, 0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
    detail = np.asarray(grey, np.float32) - blurred(np.asarray(grey, np.float32), 10)
    return np.clip(128 + 40 * detail / (np.sqrt(blurred(detail**2, 10)) + 4), 0, 255).astype(np.uint8)


def register(pictures: Sequence[Pixels]) -> list[Pixels]:
    """Refine the alignment of ``pictures``, already in one shape, towards their mean.

    68 points pin down neither eyelids nor brow edges: dense optical flow (DIS, Kroeger et al. 2016), smoothed and
    kept short, brings them together, so that the mean stays crisp.
    """
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    axis = np.arange(SIZE, dtype=np.float32) + 0.5
    grid = np.stack(np.meshgrid(axis, axis), -1)
    moved = list(pictures)
    still = np.zeros((SIZE, SIZE, 2), np.float32)
    for _ in range(parameters.DONOR_FLOW_ROUNDS):
        target = _contrast(np.mean(moved, 0))
        shifts = []
        for picture in pictures:
            shift = blurred(flow.calc(target, _contrast(picture), still), parameters.DONOR_FLOW_SMOOTH)
            length = np.linalg.norm(shift, axis=-1, keepdims=True)
            shifts.append(shift * np.minimum(1, parameters.DONOR_FLOW_LIMIT / np.maximum(length, 1e-6)))
        centre = np.mean(shifts, 0)
        moved = [
            sample(picture, grid + shift - centre) for picture, shift in zip(pictures, shifts, strict=True)
        ]
    return moved


def _to_lab(picture: Pixels) -> Pixels:
    rgb = np.clip(picture, 0, 255).astype(np.float32) / 255
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab), np.float32)


def to_rgb(lab: Pixels) -> Pixels:
    return np.asarray(np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB), 0, 1) * 255, np.float32)


def _level(delta: Pixels, core: NDArray[np.bool_]) -> Pixels:
    """``delta`` without its plane over ``core``: neither overall skin tone nor side light is to be exaggerated."""
    axis = np.linspace(-1, 1, SIZE)
    x, y = np.meshgrid(axis, axis)
    plane = np.stack([np.ones_like(x), x, y], -1)
    fit = np.linalg.lstsq(plane[core], delta[core], rcond=None)[0]
    return np.asarray(delta - plane @ fit, np.float32)


def _limited(change: Pixels) -> Pixels:
    """Flatten a change of CIE Lab beyond a limit, so that a strand of hair or a shadow does not become a blot."""
    limit = np.array(parameters.DONOR_TEXTURE_LIMIT, np.float32)
    return np.asarray(limit * np.tanh(change / limit), np.float32)


def exaggerate(lab: Pixels, expected: Pixels, landmarks: Points, strength: float) -> Pixels:
    """Move the coarse texture of ``lab`` away from ``expected``, both CIE Lab in shape ``landmarks``.

    Colour is pushed less than lightness, because exaggerated colour reads as make-up or a rash.
    """
    delta = blurred(lab - expected, parameters.DONOR_TEXTURE_BLUR)
    delta = _level(delta, face_mask(landmarks, -6, 1)[..., 0] > 0.9)
    push = (strength - 1) * np.array(parameters.DONOR_TEXTURE_CHANNELS, np.float32)
    return np.asarray(lab + push * _limited(delta) * face_mask(landmarks, -6, 5), np.float32)


def disagreement(warped: Sequence[Pixels], landmarks: Points) -> float:
    """How unlike registered sources are round eyes and brows: much of it shows as a second, faint brow.

    Standard deviation of their local contrast (in its unit of 1/40 standard deviation), averaged over the region.
    """
    region = np.zeros((SIZE, SIZE), np.uint8)
    for part in (landmarks[17:22], landmarks[22:27], landmarks[36:42], landmarks[42:48]):
        cv2.fillConvexPoly(region, np.rint(cv2.convexHull(part.astype(np.float32))).astype(np.int32), 1)
    region = np.asarray(cv2.dilate(region, np.ones((11, 11), np.uint8)), np.uint8)
    contrast = np.stack([_contrast(picture) for picture in warped]).astype(np.float32)
    return float(contrast.std(0)[region > 0].mean())


def morph(
    texture: Sequence[Source],
    shape: Sequence[Source],
    expected: ExpectedFace,
    ageing: Ageing,
    strength: tuple[float, float],
    years: float,
) -> Morph:
    """A face with the mean pixels of ``texture`` in the mean shape of ``shape``, both exaggerated and aged.

    ``strength`` is that of shape and of texture, ``years`` how much older (or younger) the face is made.
    Each needs three or more faces of like pose and expression; the first of ``texture`` gives fine detail and pose.
    Shape and texture of different people make faces that none of the sources resembles.
    """
    if min(len(texture), len(shape)) < 3:
        raise ValueError(f"a donor mixes three or more portraits, got {len(texture)} and {len(shape)}")
    mean = np.mean([source.landmarks for source in shape], 0)
    found = traits.trait_vector(mean)
    # Where few portraits are turned, less turned ones are mixed in: the first one's pose is kept all the same.
    values = np.concatenate([traits.trait_vector(texture[0].landmarks)[:2], found[2:]])
    own = strength[0] * (mean - expected.shape(found))
    landmarks = expected.shape(values) + own + years * ageing.shape
    mesh = Mesh(mesh_shape(landmarks, SIZE), SIZE)
    warped = register([mesh.warp(s.picture, mesh_shape(s.landmarks, SIZE)) for s in texture])
    blend = np.mean(warped, 0)
    # Averaging wipes out pores, lashes and stubble: part of the finest band is one portrait's.
    share, sigma = parameters.DONOR_DETAIL_SHARE, parameters.DONOR_DETAIL_BLUR
    fine = share * (warped[0] - blurred(warped[0], sigma)) + (1 - share) * (blend - blurred(blend, sigma))
    crisp = blurred(blend, sigma) + fine
    lab = exaggerate(_to_lab(crisp), _to_lab(expected.texture(values, mesh)), landmarks, strength[1])
    lab += _limited(years * mesh.warp(ageing.colour, expected.mesh_shape)) * face_mask(landmarks, -8, 5)
    drawn = to_rgb(lab)
    # Hair and background of several people overlap; a donor needs neither, and blurred they cost no bytes.
    inner = face_mask(landmarks, parameters.DONOR_SURROUND, parameters.DONOR_SURROUND / 3)
    drawn = inner * drawn + (1 - inner) * blurred(drawn, parameters.DONOR_SURROUND / 3)
    return Morph(np.clip(np.rint(drawn), 0, 255).astype(np.uint8), landmarks, disagreement(warped, landmarks))
