"""Which faces can be swapped, and by which landmarks: those of analysis, or a second opinion where they are guesses.

Whoever hides nose or mouth behind something is not swapped: a decoy would paint both onto the mask or the phone, and
with that kept in front too little of the face is replaced for the promise to be kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mfmc_engine import parameters as P
from mfmc_engine import placing
from mfmc_engine.geometry import apply
from mfmc_engine.landmarks import five_of
from mfmc_engine.packs.pack import Pack
from mfmc_engine.quality import yaw
from mfmc_engine.resampling import Picture
from mfmc_engine.swapping import blending, covered, mesh
from mfmc_engine.swapping.blending import Target
from mfmc_engine.types import Face, FloatArray

Flags = NDArray[np.bool_]


class Obstacle(StrEnum):
    """Why a face cannot be swapped."""

    SMALL = "too small"
    TURNED = "turned too far"
    IMPLAUSIBLE = "landmarks implausible"
    DOUBTFUL = "landmarks in doubt"
    COVERED = "covered"
    ASTRAY = "landmarks of another face"


def prepared(pack: Pack, image: Picture, faces: Sequence[Face]) -> list[tuple[Face, Target] | Obstacle]:
    """Each face as it is swapped, with its crop, or why it must be redacted: by its landmarks, or by what hides it."""
    found = to_swap(pack, image, faces)
    able = [face for face in found if isinstance(face, Face)]
    targets = iter(blending.prepare(image, [face.landmarks for face in able], pack.device))

    def uncovered(face: Face, target: Target) -> tuple[Face, Target] | Obstacle:
        return Obstacle.COVERED if target.behind or covered.is_covered(target.lit) else (face, target)

    return [one if isinstance(one, Obstacle) else uncovered(one, next(targets)) for one in found]


def to_swap(pack: Pack, image: Picture, faces: Sequence[Face]) -> list[Face | Obstacle]:
    """Each face as it would be swapped by its landmarks, or what is wrong with these.

    Where landmarks are guesses they are the mesh network's, if it is sure, and the embedding is the one there; where
    they waver a little the face is redacted if that network sees none. What analysis says stays as it is: matching is
    calibrated on its landmarks.
    """
    found: list[Face | Obstacle] = [obstacle(face) or face for face in faces]
    able = [i for i, face in enumerate(found) if isinstance(face, Face)]
    settled, doubts = searched_again(pack, image, [faces[i] for i in able])
    for i, landmarks in zip(able, settled, strict=True):
        found[i] = replace(faces[i], landmarks=landmarks)
    wavering = [
        i for i, doubt in zip(able, doubts, strict=True) if P.SWAP_SOME_DOUBT < doubt <= P.SWAP_MAX_DOUBT
    ]
    for i, denied in zip(wavering, _denied(pack, image, [faces[i] for i in wavering]), strict=True):
        if denied:
            found[i] = Obstacle.DOUBTFUL
    doubtful = [i for i, doubt in zip(able, doubts, strict=True) if doubt > P.SWAP_MAX_DOUBT]
    marked = marked_anew(pack, image, [faces[i] for i in doubtful])
    for i, face in zip(doubtful, marked, strict=True):
        found[i] = face
    return in_place(found)


def in_place(found: Sequence[Face | Obstacle]) -> list[Face | Obstacle]:
    """The same without faces whose landmarks are another one's: a second search, too, may end at a neighbour."""
    placed = list(found)
    able = [(i, face) for i, face in enumerate(found) if isinstance(face, Face)]
    if not able:
        return placed
    boxes = np.stack([face.box for _, face in able])
    landmarks = np.stack([face.landmarks for _, face in able])
    given = np.array([face.source == "given" for _, face in able])
    for (i, _), lost in zip(able, placing.astray(boxes, landmarks, given), strict=True):
        if lost:
            placed[i] = Obstacle.ASTRAY
    return placed


def obstacle(face: Face) -> Obstacle | None:
    """What keeps a face from being swapped, by its size, its landmarks and their place; None if nothing does."""
    marks = face.landmarks
    if face.astray:
        return Obstacle.ASTRAY
    if face.quality.size < P.SWAP_MIN_SIZE:
        return Obstacle.SMALL
    if not np.isfinite(marks).all():
        return Obstacle.IMPLAUSIBLE
    if abs(face.quality.yaw) > P.SWAP_MAX_YAW:
        return Obstacle.TURNED
    try:
        frame = mesh.Frame.of(marks)
    except ValueError:
        return Obstacle.IMPLAUSIBLE
    misfit = apply(frame.to_crop, marks)[17:] - mesh.mean_face()[17:]
    fits = float(np.sqrt((misfit**2).sum(1).mean())) <= P.SWAP_MAX_MISFIT
    return None if fits else Obstacle.IMPLAUSIBLE


def searched_again(pack: Pack, image: Picture, faces: Sequence[Face]) -> tuple[FloatArray, list[float]]:
    """(N, 68, 2) landmarks averaged over searches that start a little off to each side, and how far each face's move.

    In inter-ocular distances. Regression trees answer on anything; on profiles, hands and backs of heads the answer
    depends on where they started (measured: see SWAP_MAX_DOUBT). A mesh on such landmarks is a mask beside the face.
    On faces the lids of one search lie up to a tenth of an eye too near or far: enough to take a shut eye for an open
    one.
    """
    if not faces:
        return np.empty((0, 68, 2), np.float32), []
    landmarks = np.stack([face.landmarks for face in faces])
    points = five_of(landmarks)
    apart = np.linalg.norm(points[:, 1] - points[:, 0], axis=1)
    doubts = np.full(len(faces), np.inf)
    seen = np.flatnonzero(apart >= 1)
    steps = P.DOUBT_STEP * apart[seen, None, None] * np.array([[1, 0], [-1, 0], [0, 1]], np.float32)
    starts = (points[seen, None] + steps[:, :, None]).astype(np.float32)
    found = pack.landmarker.mark(image, starts.reshape(-1, 5, 2), passes=1).reshape(len(seen), -1, 68, 2)
    moved = np.linalg.norm(found - found.mean(1, keepdims=True), axis=3)
    doubts[seen] = moved.mean((1, 2)) / apart[seen]
    landmarks[seen] = np.concatenate([landmarks[seen, None], found], 1).mean(1)
    return landmarks, [float(doubt) for doubt in doubts]


def marked_anew(pack: Pack, image: Picture, faces: Sequence[Face]) -> list[Face | Obstacle]:
    """The faces with the mesh network's landmarks, unless it is not sure, or sees a head turned far.

    It is as sure of some hands, so the detector must be, too. Farther turned heads keep their own outline of nose and
    lips under a decoy, and the promise with it is kept by none.
    """
    sure = [i for i, face in enumerate(faces) if face.score >= P.FACEMESH_SCORE]
    anew: list[Face | Obstacle] = [Obstacle.DOUBTFUL] * len(faces)
    if not sure:
        return anew
    found = pack.face_mesh.mark(image, [faces[i] for i in sure])
    for i, marks, certain, apart in zip(sure, *found, strict=True):
        if not _sure(certain, apart):
            continue
        turned = yaw(marks)
        if abs(turned) > P.FACEMESH_MAX_YAW:
            anew[i] = Obstacle.TURNED
            continue
        face = replace(faces[i], landmarks=marks, quality=replace(faces[i].quality, yaw=turned))
        anew[i] = obstacle(face) or replace(face, embedding=pack.recognizer.embed(image, marks[None])[0])
    return anew


def surely_faces(pack: Pack, image: Picture, faces: Sequence[Face]) -> list[bool]:
    """Whether the mesh network is sure of each face, too, whoever marks it."""
    return [bool(sure) for sure in _sure(*_by_mesh(pack, image, faces))]


def _denied(pack: Pack, image: Picture, faces: Sequence[Face]) -> list[bool]:
    """Whether the mesh network sees no face and does not know where it would be. Where landmarks waver, too, they only
    agree by chance: on a profile they can lie well on a cheek. Hands in front of a face are denied, but found."""
    certain, apart = _by_mesh(pack, image, faces)
    return [bool(denied) for denied in (certain < P.FACEMESH_PRESENCE) & (apart > P.FACEMESH_APART)]


def _sure(certain: FloatArray, apart: FloatArray) -> Flags:
    """Whether the mesh network is sure of faces, by what FaceMesh.mark tells of them."""
    return np.asarray((certain >= P.FACEMESH_PRESENCE) & (apart <= P.FACEMESH_APART))


def _by_mesh(pack: Pack, image: Picture, faces: Sequence[Face]) -> tuple[FloatArray, FloatArray]:
    """(N,) how sure the mesh network is of each face, and how far apart its searches end, as FaceMesh.mark tells."""
    if not faces:
        return np.empty(0, np.float32), np.empty(0, np.float32)
    _, certain, apart = pack.face_mesh.mark(image, list(faces))
    return certain, apart
