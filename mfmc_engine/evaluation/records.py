"""A decoy as the cache keeps it, and all that is measured on its pixels."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any

import dlib
import numpy as np

from mfmc_engine import parameters as P
from mfmc_engine.donors import bank
from mfmc_engine.engine import Engine
from mfmc_engine.evaluation import structure
from mfmc_engine.evaluation.cache import Record
from mfmc_engine.geometry import apply, overlap, similarity
from mfmc_engine.landmarks import FIVE_POINTS, five_of
from mfmc_engine.types import Decoy, FloatArray, Image


def measure(engine: Engine, original: Image, result: Image, record: Record) -> dict[str, Any]:
    """What ``structure.Structure`` says of a decoy, beside its distances and whether another detector finds it."""
    mark = engine.pack.landmarker.mark
    five = five_of(record["face_marks"])[None].astype(np.float32)
    decoy, before, after = decoy_of(record), mark(original, five)[0], mark(result, five)[0]
    found = structure.measure(original, result, structure.mask_of(decoy, original.shape), before, after)
    seen = engine.pack.recognizer.embed(result, after[None])[0]
    donor = bank.load().get(decoy.donor or "")  # none for a redaction, nor for an identity that was drawn
    return {
        **json.loads(str(record["about"])),
        **found.as_json(),
        "distance_to_donor": None if donor is None else number(float(np.linalg.norm(seen - donor.embedding))),
        "hog_before": hog_finds(original, before),
        "hog_after": hog_finds(result, before),
    }


def decoy_of(record: Record) -> Decoy:
    """The decoy a record holds."""
    about = json.loads(str(record["about"]))
    return Decoy(
        kind=about["kind"],
        origin=(int(record["origin"][0]), int(record["origin"][1])),
        pixels=record["pixels"],
        alpha=record["alpha"],
        donor=about["donor"],
        attempts=about["attempts"],
        distance_to_original=about["distance_to_original"],
        nearest_gallery=math.inf,
        threshold=about["threshold"],
    )


@cache
def _hog() -> Any:
    return dlib.get_frontal_face_detector()  # half a second to make


def hog_finds(image: Image, marks: FloatArray) -> bool:
    """Whether dlib's HOG detector, which is not ours, finds a face where ``marks`` (68, 2) px say it is."""
    corners = np.array([P.LANDMARK_BOX[:2], P.LANDMARK_BOX[2:]], np.float32)
    place = apply(similarity(FIVE_POINTS, five_of(marks)), corners)
    expected = np.concatenate([place.min(0), place.max(0)])[None].astype(np.float32)
    found = [
        [r.left(), r.top(), r.right() + 1, r.bottom() + 1] for r in _hog()(np.ascontiguousarray(image), 1)
    ]
    boxes = np.array(found, np.float32).reshape(-1, 4)
    return bool((overlap(boxes, expected) >= P.HOG_OVERLAP).any())


def number(value: float) -> float | None:
    """A finite number to six digits, else None."""
    return round(float(value), 6) if math.isfinite(value) else None
