"""From a picture to its face regions: detect, mark, gate, embed, assess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mfmc_engine.detection import Detection
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
    known = pack.detector.locate(image, given)
    for i, box in enumerate(given):
        same = [d for d in detected if _is_same(d.box, box)]
        if same:  # the detector's points are better than those found in a box drawn by hand
            known[i] = replace(known[i], points=max(same, key=lambda d: d.score).points)
            detected = [d for d in detected if not any(d is s for s in same)]
    faces = _describe(pack, image, [*detected, *known], len(detected))
    return Analysis(image.shape[1], image.shape[0], tuple(faces))


def _describe(pack: Pack, image: Picture, detections: Sequence[Detection], detected: int) -> list[Face]:
    """Landmarks, embeddings and quality of all faces at once; after ``detected`` of them come the caller's."""
    if not detections:
        return []
    landmarks = pack.landmarker.mark(image, np.stack([d.points for d in detections]))
    chips = pack.recognizer.chips(image, landmarks)
    embeddings = pack.recognizer.embed_chips(chips)
    if pack.space is not DLIB:
        chips = extract_chips(image, landmarks)  # what quality is judged on, whatever recognises
    sharp = sharpnesses(chips)
    return [
        Face(
            box=d.box.astype(np.float32),
            score=d.score,
            landmarks=landmarks[i],
            embedding=embeddings[i],
            quality=assess(d.box, landmarks[i], sharp[i]),
            source="detected" if i < detected else "given",
        )
        for i, d in enumerate(detections)
    ]


def _checked(boxes: Sequence[Sequence[float]], image: Picture) -> FloatArray:
    """The caller's boxes clipped to the picture, (N, 4). Raises ValueError for what is no box inside it."""
    height, width = image.shape[:2]
    array = np.asarray(boxes, np.float32).reshape(-1, 4)
    clipped = np.clip(array, 0, [width, height, width, height]).astype(np.float32)
    if not np.isfinite(array).all() or not (clipped[:, 2:] - clipped[:, :2] >= 1).all():
        raise ValueError(f"every box needs x0 < x1 and y0 < y1 inside the {width} x {height} picture")
    return clipped


def _is_same(found: FloatArray, given: FloatArray) -> bool:
    """Whether a found face is the one a caller's box means. A box around two faces means neither: all are kept."""
    return bool(overlap(found[None], given[None])[0, 0] > SAME_FACE_IOU)
