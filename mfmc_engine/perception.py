"""From a picture to its face regions: detect, mark, gate, embed, assess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from mfmc_engine import placing
from mfmc_engine.detection import Detection
from mfmc_engine.errors import InvalidInputError
from mfmc_engine.geometry import overlap
from mfmc_engine.memory import keep_freed_memory
from mfmc_engine.packs.pack import Pack
from mfmc_engine.parameters import SAME_FACE_IOU
from mfmc_engine.quality import assess, sharpnesses
from mfmc_engine.recognition.chips import extract_chips
from mfmc_engine.recognition.space import DLIB
from mfmc_engine.resampling import Picture
from mfmc_engine.types import Analysis, Face, FloatArray


def analyze(pack: Pack, image: Picture, boxes: Sequence[Sequence[float]] = ()) -> Analysis:
    """The faces of an (H, W, 3) picture: detected ones from left to right, then the caller's, in their order.

    Its pixels go to the pack's device once; what comes back are boxes, points, embeddings and numbers.
    """
    keep_freed_memory()
    image = pack.upload(image)
    given = _checked(boxes, image)
    detected = sorted(pack.detector.detect(image), key=lambda d: (float(d.box[0]), float(d.box[1])))
    faces = _describe(pack, image, detected, pack.detector.locate(image, given))
    return Analysis(image.shape[1], image.shape[0], tuple(faces))


def _describe(
    pack: Pack, image: Picture, detected: Sequence[Detection], given: Sequence[Detection]
) -> list[Face]:
    """Landmarks, embeddings and quality of all faces at once. A face both detected and given is given."""
    if not detected and not given:
        return []
    every = [*detected, *given]
    landmarks = pack.landmarker.mark(image, np.stack([d.points for d in every]))
    same = _same(detected, given, landmarks)
    for (
        found,
        one,
    ) in same.items():  # the detector's points are better than those found in a box drawn by hand
        landmarks[len(detected) + one] = landmarks[found]
    kept = [i for i in range(len(every)) if i not in same]
    are_given = np.array([i >= len(detected) for i in kept])
    every, landmarks = [every[i] for i in kept], landmarks[kept]
    astray = placing.astray(np.stack([d.box for d in every]), landmarks, are_given)
    for i in np.flatnonzero(astray):
        landmarks[i] = placing.nobodys(every[i].box)
    chips = pack.recognizer.chips(image, landmarks)
    embeddings = pack.recognizer.embed_chips(chips)
    if pack.space is not DLIB:
        chips = extract_chips(image, landmarks)  # what quality is judged on, whatever recognises
    sharp = sharpnesses(chips)
    faces = [
        Face(
            box=d.box.astype(np.float32),
            score=d.score,
            landmarks=landmarks[i],
            embedding=embeddings[i],
            quality=assess(d.box, landmarks[i], sharp[i]),
            source="given" if are_given[i] else "detected",
            astray=bool(astray[i]),
            picture_size=(int(image.shape[1]), int(image.shape[0])),
        )
        for i, d in enumerate(every)
    ]
    return [_unnamed(face) if face.astray else face for face in faces]


def _unnamed(face: Face) -> Face:
    """The face with a quality that nobody is matched at: it is not known where it is in its box."""
    return replace(face, quality=replace(face.quality, score=0.0))


def _same(detected: Sequence[Detection], given: Sequence[Detection], landmarks: FloatArray) -> dict[int, int]:
    """Number of each detected face that one of the caller's boxes means, and the number of that box.

    One to one, so that they overlap most, and only where the face fits the box: who stands in front of somebody is
    not who the box around that one means. A box around two faces means neither, and both are kept.
    """
    if not detected or not given:
        return {}
    common = overlap(np.stack([d.box for d in detected]), np.stack([d.box for d in given]))
    for i, j in np.argwhere(common > SAME_FACE_IOU):
        if not placing.fits(landmarks[i], given[j].box):
            common[i, j] = 0
    rows, columns = linear_sum_assignment(-np.where(common > SAME_FACE_IOU, common, 0))
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return {i: j for i, j in pairs if common[i, j] > SAME_FACE_IOU}


def _checked(boxes: Sequence[Sequence[float]], image: Picture) -> FloatArray:
    """The caller's boxes clipped to the picture, (N, 4). Raises InvalidInputError for what is no box inside it."""
    height, width = image.shape[:2]
    try:
        array = np.asarray(boxes, np.float32).reshape(-1, 4)
    except (ValueError, TypeError):
        raise InvalidInputError("boxes must be numbers (x0, y0, x1, y1), four of each face") from None
    clipped = np.clip(array, 0, [width, height, width, height]).astype(np.float32)
    if not np.isfinite(array).all() or not (clipped[:, 2:] - clipped[:, :2] >= 1).all():
        raise InvalidInputError(f"every box needs x0 < x1 and y0 < y1 inside the {width} x {height} picture")
    return clipped
