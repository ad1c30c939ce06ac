"""How many annotated faces the detector finds, what else it takes for a face, and how long it takes.

A folder of photos with ``boxes.json``: ``{file: [{"box": [x0, y0, x1, y1], "ignore": bool}]}`` in pixels of the upright
photo. A face counts as found if a detection overlaps its box by IoU 0.4; each detection finds one face at most, and
detections on ignored boxes count neither way. Those that find nothing are false positives, all of which get hidden; the
bar is on the ones that pass the quality gate, below which a face is never named (parameters.MATCH_MIN_QUALITY).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mfmc_engine import geometry
from mfmc_engine.detection import Detection
from mfmc_engine.errors import EngineError
from mfmc_engine.evaluation.covers import COVERS, Cover
from mfmc_engine.evaluation.spoiled import WAYS, Way
from mfmc_engine.geometry import apply, index_space, overlap, turning
from mfmc_engine.imaging import decode
from mfmc_engine.packs.pack import Pack
from mfmc_engine.parameters import (
    FALSE_POSITIVES_BAR,
    MATCH_MIN_QUALITY,
    RECALL_BARS,
    RECALL_IOU,
    RECALL_SIZES,
    RECALL_TURNED_BARS,
)
from mfmc_engine.quality import assess, sharpnesses
from mfmc_engine.recognition.chips import extract_chips
from mfmc_engine.types import Face, FloatArray, Image

Flags = NDArray[np.bool_]
Annotation = dict[str, Any]  # "box" and "ignore"
Boxes = list[list[float]]  # x0, y0, x1, y1 px each
# What is done to a photo, by its name, itself and its boxes, before it is searched; and where its boxes are then
Change = Callable[[str, Image, Boxes], tuple[Image, FloatArray]]

COVER_SEED: Final = 0
ANGLES: Final = (0, 90, 180, 270, 30, -30, 45)  # degrees counter-clockwise


@dataclass(slots=True)
class Tally:
    """Counts over the photos seen so far."""

    photos: int = 0
    megapixels: float = 0.0
    seconds: float = 0.0  # processor time, all threads
    false_positives: int = 0
    passed_gate: int = 0  # of these
    faces: dict[int, int] = field(
        default_factory=lambda: dict.fromkeys(RECALL_SIZES, 0)
    )  # smallest size -> count
    found: dict[int, int] = field(default_factory=lambda: dict.fromkeys(RECALL_SIZES, 0))

    def add(
        self, boxes: FloatArray, quality: FloatArray, annotations: list[Annotation], truth: FloatArray
    ) -> None:
        """Count one photo: (N, 4) detections of (N,) quality against the (M, 4) boxes of its annotations."""
        hits, surplus = compare(boxes, truth)
        counted = np.array([not a["ignore"] for a in annotations], bool)
        size = sizes(annotations)
        for smallest in RECALL_SIZES:
            chosen = counted & (size >= smallest)
            self.faces[smallest] += int(chosen.sum())
            self.found[smallest] += int((chosen & hits).sum())
        self.false_positives += int(surplus.sum())
        self.passed_gate += int((surplus & (quality >= MATCH_MIN_QUALITY)).sum())
        self.photos += 1

    def bars(self, angle: int) -> list[tuple[str, float, str, float, bool]]:
        """(what, figure, comparison, bar, met) of the targets in ../shared/data/group_photos/README.md."""
        figures = self.summary()
        recall = RECALL_BARS if angle == 0 else RECALL_TURNED_BARS
        rows: list[tuple[str, float, str, float]] = [
            (f"recall {size} px", float(figures["recall"][f"{size}px"]), ">=", bar)
            for size, bar in recall.items()
        ]
        rows.append(
            (
                "false positives a photo, gated",
                figures["gated_false_positives_per_photo"],
                "<=",
                FALSE_POSITIVES_BAR,
            )
        )
        return [(*row, row[1] >= row[3] if row[2] == ">=" else row[1] <= row[3]) for row in rows]

    def summary(self) -> dict[str, Any]:
        """Rates, ready for JSON."""
        return {
            "photos": self.photos,
            "faces": {f"{size}px": count for size, count in self.faces.items()},
            "recall": {f"{s}px": round(self.found[s] / max(1, self.faces[s]), 4) for s in RECALL_SIZES},
            "false_positives_per_photo": round(self.false_positives / max(1, self.photos), 3),
            "gated_false_positives_per_photo": round(self.passed_gate / max(1, self.photos), 3),
            "seconds_per_megapixel": round(self.seconds / max(1e-9, self.megapixels), 3),
        }


def compare(boxes: FloatArray, truth: FloatArray) -> tuple[Flags, Flags]:
    """Which of (M, 4) true boxes are found by (N, 4) detections, and which detections find nothing."""
    rows, columns = pairs(boxes, truth)
    hits = np.zeros(len(truth), bool)
    hits[rows] = True
    surplus = np.ones(len(boxes), bool)
    surplus[columns] = False
    return hits, surplus


def pairs(boxes: FloatArray, truth: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Numbers of the (M, 4) true boxes that are found, and of the (N, 4) detections that find them."""
    common = overlap(truth, boxes)
    rows, columns = linear_sum_assignment(-np.where(common >= RECALL_IOU, common, 0))
    paired = common[rows, columns] >= RECALL_IOU
    return rows[paired], columns[paired]


def sizes(annotations: list[Annotation]) -> FloatArray:
    """(M,) px of annotated faces: of their upright boxes, for the box around a turned face is larger."""
    upright = np.array([a["box"] for a in annotations], np.float32).reshape(-1, 4)
    return geometry.sizes(upright)


def quality_of(pack: Pack, image: Image, found: list[Detection]) -> FloatArray:
    """(N,) Quality.score of detections, as ``perception`` assesses it."""
    if not found:
        return np.empty(0, np.float32)
    marks = pack.landmarker.mark(image, np.stack([d.points for d in found]))
    sharp = sharpnesses(extract_chips(image, marks))
    return np.array(
        [assess(d.box, m, s).score for d, m, s in zip(found, marks, sharp, strict=True)], np.float32
    )


def measure(pack: Pack, folder: Path, angles: tuple[int, ...] = ANGLES) -> Iterator[tuple[int, Tally]]:
    """For each angle by which the photos are turned, the tally over all photos of ``folder``."""
    boxes = annotated(folder)
    for angle in angles:
        yield angle, _tallied(pack, folder, boxes, partial(_turned, angle=angle))


def measure_spoiled(pack: Pack, folder: Path, ways: Sequence[Way] = WAYS) -> Iterator[tuple[Way, Tally]]:
    """The same for each way in which the photos are spoiled."""
    boxes = annotated(folder)
    for way in ways:
        yield way, _tallied(pack, folder, boxes, partial(_spoiled, way=way))


def measure_covered(
    pack: Pack, folder: Path, angles: Sequence[int] = (0,), covers: Sequence[Cover] = COVERS
) -> Iterator[tuple[Cover, int, Tally]]:
    """The same for each angle and each thing drawn before all faces at once, as far as they are found bare."""
    boxes = annotated(folder)
    faces = {name: bare(pack, decode(folder / name), marked)[1] for name, marked in boxes.items()}
    for angle, cover in product(angles, covers):
        change = partial(_covered, cover=cover, faces=faces, angle=angle)
        yield cover, angle, _tallied(pack, folder, boxes, change)


def _tallied(pack: Pack, folder: Path, boxes: dict[str, list[Annotation]], change: Change) -> Tally:
    """Counts over all photos, each changed before it is searched."""
    tally = Tally()
    for name, marked in boxes.items():
        photo, truth = change(name, decode(folder / name), [a["box"] for a in marked])
        start = time.process_time()
        found = pack.detector.detect(photo)
        tally.seconds += time.process_time() - start
        tally.megapixels += photo.shape[0] * photo.shape[1] / 1e6
        tally.add(boxes_of(found), quality_of(pack, photo, found), marked, truth)
    return tally


def _turned(_: str, photo: Image, boxes: Boxes, angle: int) -> tuple[Image, FloatArray]:
    return turned(photo, boxes, angle)


def _spoiled(_: str, photo: Image, boxes: Boxes, way: Way) -> tuple[Image, FloatArray]:
    return way.spoil(photo), np.array(boxes, np.float32).reshape(-1, 4)


def _covered(
    name: str, photo: Image, boxes: Boxes, cover: Cover, faces: dict[str, FloatArray], angle: int
) -> tuple[Image, FloatArray]:
    random = np.random.default_rng(COVER_SEED)
    for marks in faces[name]:
        cover.draw(photo, marks, random)
    return turned(photo, boxes, angle)


def bare(pack: Pack, photo: Image, marked: list[Annotation]) -> tuple[FloatArray, FloatArray]:
    """(N, 4) boxes and (N, 68, 2) landmarks of the counted faces that are found in a photo."""
    found = pack.detector.detect(photo)
    boxes = boxes_of(found)
    truth = np.array([a["box"] for a in marked if not a["ignore"]], np.float32).reshape(-1, 4)
    _, hits = pairs(boxes, truth)
    if not len(hits):
        return boxes[:0], np.empty((0, 68, 2), np.float32)
    return boxes[hits], pack.landmarker.mark(photo, np.stack([found[i].points for i in hits]))


def boxes_of(found: Sequence[Detection | Face]) -> FloatArray:
    """(N, 4) boxes of what was found."""
    return np.array([d.box for d in found], np.float32).reshape(-1, 4)


def annotated(folder: Path) -> dict[str, list[Annotation]]:
    """The annotations of each photo of ``folder``. Raises EngineError if it has no readable ``boxes.json``."""
    try:
        boxes: dict[str, list[Annotation]] = json.loads((folder / "boxes.json").read_text("utf-8"))
    except (OSError, ValueError):
        raise EngineError(f"{folder}: no readable boxes.json in this folder") from None
    return boxes


def turned(image: Image, boxes: Boxes, angle: int) -> tuple[Image, FloatArray]:
    """A photo turned counter-clockwise on a canvas that holds all of it, and the boxes around its turned boxes.

    Off the quarter turns a face fills about its old box, not the larger one around the turned corners, so the old
    size is kept about the new centre.
    """
    transform, size = turning(image.shape[1], image.shape[0], angle)
    corners = np.array(boxes, np.float32).reshape(-1, 2, 2)
    centre = apply(transform, corners.mean(1))
    half = (corners[:, 1] - corners[:, 0]) / 2
    if angle % 180 == 90:
        half = half[:, ::-1]
    truth = np.concatenate([centre - half, centre + half], 1)
    if angle % 90 == 0:
        return np.ascontiguousarray(np.rot90(image, angle // 90)), truth
    canvas = cv2.warpAffine(image, index_space(transform), size, flags=cv2.INTER_LINEAR)
    return np.asarray(canvas, np.uint8), truth
