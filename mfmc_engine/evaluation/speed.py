"""How fast the pipeline is on one photo, beside the same job written straight from popular libraries.

The baseline is what a developer would put together in an afternoon: dlib's HOG detector with one upsampling, its 68
points and ResNet descriptor, a similarity warp of one donor and OpenCV's seamlessClone. It keeps nothing between
viewers, draws no second donor and verifies nothing.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import dlib
import numpy as np

from mfmc_engine import imaging
from mfmc_engine.donors import bank
from mfmc_engine.donors.bank import Donor
from mfmc_engine.engine import Engine
from mfmc_engine.geometry import similarity
from mfmc_engine.memory import peak_megabytes
from mfmc_engine.packs.builtin import dlib_weights
from mfmc_engine.types import DecoyRequest, FloatArray, Image

HULL = 17  # the jaw's landmarks; with the brows they bound the pasted face
VIEWERS = 100
VISIBLE_SETS = 20


@dataclass(frozen=True)
class Stage:
    """One measured step: median and best wall seconds over the repeats."""

    name: str
    median: float
    best: float


def timed(name: str, repeats: int, job: Callable[[int], object]) -> Stage:
    """Run ``job`` once to warm up, then ``repeats`` times; it gets the number of the run."""
    job(0)
    seconds = []
    for run in range(1, repeats + 1):
        start = time.perf_counter()
        job(run)
        seconds.append(time.perf_counter() - start)
    return Stage(name, statistics.median(seconds), min(seconds))


def measure(photo: Image, engine: Engine, repeats: int = 5) -> tuple[int, dict[str, Stage]]:
    """(number of faces, stages by name) of one photo: ours and the baseline's, on the same machine in one go."""
    faces = engine.analyze(photo).faces

    def decoys(run: int) -> list:
        # A fresh seed a run: a lucky draw of donors that pass at once must not stand for all.
        return engine.make_decoys(
            photo, [DecoyRequest(face, b"%d-%d" % (run, i)) for i, face in enumerate(faces)]
        )

    made = decoys(0)
    everybody = range(len(faces))
    baseline = Baseline()
    stages = [
        timed("analyse", repeats, lambda _: engine.analyze(photo)),
        timed("decoys", repeats, decoys),
        timed("compose", repeats, lambda _: engine.compose(photo, made, everybody)),
        timed("encode", repeats, lambda _: imaging.encode(photo, ".jpg")),
        timed("baseline, one pass", max(1, repeats // 2), lambda _: baseline(photo)),
    ]
    return len(faces), {stage.name: stage for stage in stages}


def summary(stages: dict[str, Stage]) -> dict[str, float]:
    """The figures people ask for, seconds and ratios, out of the medians of ``measure``."""
    once = stages["analyse"].median + stages["decoys"].median
    viewer = stages["compose"].median + stages["encode"].median
    baseline = stages["baseline, one pass"].median
    crowd = once + VISIBLE_SETS * viewer
    return {
        "analyse_and_decoys_s": once,
        "one_more_viewer_s": viewer,
        "baseline_pass_s": baseline,
        "faster_than_one_baseline_pass": baseline / once,
        f"faster_than_baseline_for_{VIEWERS}_viewers_with_{VISIBLE_SETS}_visible_sets": VIEWERS
        * baseline
        / crowd,
        "peak_memory_mb": peak_megabytes(),
    }


class Baseline:
    """Detect, mark, describe and replace every face with dlib and OpenCV; nothing of ours but the donor's picture."""

    def __init__(self) -> None:
        self.detector = dlib.get_frontal_face_detector()
        self.predictor = dlib.shape_predictor(str(dlib_weights("shape_predictor_68_face_landmarks.dat")))
        self.network = dlib.face_recognition_model_v1(
            str(dlib_weights("dlib_face_recognition_resnet_model_v1.dat"))
        )
        self.donors = list(bank.load().values())
        self.described = np.array([donor.embedding for donor in self.donors])

    def __call__(self, photo: Image) -> Image:
        """A copy of the photo with every face that HOG finds replaced by the farthest donor."""
        out = photo.copy()
        for box in self.detector(photo, 1):
            shape = self.predictor(photo, box)
            descriptor = np.array(self.network.compute_face_descriptor(photo, shape))
            farthest = int(np.linalg.norm(self.described - descriptor, axis=1).argmax())
            marks = np.array([(point.x, point.y) for point in shape.parts()], np.float32)
            out = _clone(out, marks, self.donors[farthest])
        return out


def _clone(photo: Image, marks: FloatArray, donor: Donor) -> Image:
    height, width = photo.shape[:2]
    matrix = similarity(donor.landmarks.astype(np.float32), marks)[:2].astype(np.float64)
    warped = cv2.warpAffine(donor.image, matrix, (width, height))
    hull = cv2.convexHull(marks[: HULL + 10].astype(np.int32))
    mask = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(mask, hull, 255)
    x, y, w, h = cv2.boundingRect(hull)
    return np.asarray(
        cv2.seamlessClone(warped, photo, mask, (x + w // 2, y + h // 2), cv2.NORMAL_CLONE), np.uint8
    )
