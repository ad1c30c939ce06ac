"""From a picture to its face regions: detect, mark, gate, embed, assess."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfmc_engine.detection import Detection
from mfmc_engine.geometry import overlap
from mfmc_engine.packs import Pack
from mfmc_engine.parameters import DUPLICATE_OVERLAP
from mfmc_engine.quality import assess
from mfmc_engine.recognition.chips import extract_chips
from mfmc_engine.types import Analysis, Face, FloatArray, Image


def analyze(pack: Pack, image: Image, boxes: Sequence[Sequence[float]] = ()) -> Analysis:
    """The faces of an (H, W, 3) picture, left to right; see ``Engine.analyze``."""
    given = _checked(boxes, image)
    found = [d for d in pack.detector.detect(image) if not _covered(d.box, given)]
    known = pack.detector.locate(image, given)
    detections = [*known, *found]
    faces = _describe(pack, image, detections, len(known))
    return Analysis(image.shape[1], image.shape[0], tuple(faces))


def _describe(pack: Pack, image: Image, detections: Sequence[Detection], given: int) -> list[Face]:
    """Landmarks, embeddings and quality of all faces at once; the first ``given`` come from the caller."""
    if not detections:
        return []
    landmarks = pack.landmarker.mark(image, np.stack([d.points for d in detections]))
    chips = extract_chips(image, landmarks)
    embeddings = pack.recognizer.embed_chips(chips)
    return [
        Face(
            box=d.box.astype(np.float32),
            score=d.score,
            landmarks=landmarks[i],
            embedding=embeddings[i],
            quality=assess(d.box, landmarks[i], chips[i]),
            source="given" if i < given else "detected",
        )
        for i, d in enumerate(detections)
    ]


def _checked(boxes: Sequence[Sequence[float]], image: Image) -> FloatArray:
    """The caller's boxes clipped to the picture, (N, 4). Raises ValueError for what is no box inside it."""
    height, width = image.shape[:2]
    array = np.asarray(boxes, np.float32).reshape(-1, 4)
    clipped = np.clip(array, 0, [width, height, width, height]).astype(np.float32)
    if not np.isfinite(array).all() or not (clipped[:, 2:] - clipped[:, :2] >= 1).all():
        raise ValueError(f"every box needs x0 < x1 and y0 < y1 inside the {width} x {height} picture")
    return clipped


def _covered(box: FloatArray, given: FloatArray) -> bool:
    """Whether a found face is one the caller already marked."""
    return bool(len(given)) and bool(overlap(box[None], given).max() > DUPLICATE_OVERLAP)
