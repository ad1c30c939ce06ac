"""Everything that is computed per picture, kept in the cache: features, decoys, structure. One worker per process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from mfmc_engine import attributes
from mfmc_engine import parameters as P
from mfmc_engine.attributes import GROUPS
from mfmc_engine.compositing import compose
from mfmc_engine.donors.embedding import predict_landmarks
from mfmc_engine.engine import Engine
from mfmc_engine.evaluation.cache import (
    Cache,
    Record,
    digest,
    engine_version,
    file_version,
    perception_version,
)
from mfmc_engine.evaluation.faceres.age_gender import AgeGender
from mfmc_engine.evaluation.protocols import FaceSet, Sample
from mfmc_engine.evaluation.recognizers import FaceRecognizer, resolve
from mfmc_engine.evaluation.records import decoy_of, measure, number
from mfmc_engine.evaluation.treatments import (
    Arm,
    blank,
    decoy_seed,
    hide_by_hand,
    make_decoy,
    make_engine,
    weights_version,
)
from mfmc_engine.geometry import overlap
from mfmc_engine.landmarks import five_of
from mfmc_engine.types import Face, FloatArray, Image


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker needs to know; crosses process borders."""

    faces: FaceSet
    recognizers: tuple[str, ...]
    data: Path
    cache: Path
    seed: int
    device: str
    arms: tuple[Arm, ...]


class Worker:
    """Computes and remembers. Every method answers from the cache if it can."""

    def __init__(self, task: Task, remember: bool = False) -> None:
        self.task = task
        self.remember = remember
        self._known: dict[str, Record] = {}
        self.cache = Cache(task.cache)
        self.recognizers, self.skipped = resolve(task.recognizers, task.data, task.device)
        self.age_gender = AgeGender(task.device)
        self._engines: dict[str, Engine] = {}
        self._probes = frozenset(task.faces.probes)
        self._fingerprints: dict[int, str] = {}
        self._last_face: tuple[str, Face | None] = ("", None)

    def engine(self, swapper: str = "mesh") -> Engine:
        if swapper not in self._engines:
            self._engines[swapper] = make_engine(swapper, self.task.device)
        return self._engines[swapper]

    def do(self, index: int) -> None:
        """All that an evaluation wants to know of one sample."""
        if self.original(index) is None or index not in self._probes:
            return
        for arm in self.task.arms:
            self.treated(index, arm)
            if arm.kind == "decoy":
                self.structure(index, arm)

    # --- records ---

    def original(self, index: int) -> Record | None:
        """Landmarks (68, 2) and every recogniser's features of an untouched sample; None if no face is found."""
        key = self._original_key(index)
        found = self._read(key)
        if found is None or self._lacking(found):
            image = self._image(index)
            marks = found["marks"] if found else self._first_marks(index, image)
            found = self._with_features(found or {"marks": marks}, image, marks)
            self.cache.write(key, found)
        return found if found["marks"].size else None

    def treated(self, index: int, arm: Arm) -> Record:
        """Features of one probe under one treatment, by landmarks found anew; of a decoy also the patch."""
        key = self._arm_key(index, arm)
        found = self._read(key)
        if found is None or self._lacking(found):
            original = self._image(index)
            record = found or (
                self._decoy_record(index, arm) if arm.kind in ("decoy", "context") else self._boxed(index)
            )
            image = self._apply(original, record, arm)
            marks = self._marks(index, image)
            found = self.cache.write(key, self._with_features({**record, "marks": marks}, image, marks))
        return found

    def structure(self, index: int, arm: Arm) -> dict[str, Any]:
        """What ``structure.Structure`` says of a decoy, and what else is measured on its pixels."""
        key = self._structure_key(index, arm)
        record = self._read(key)
        if record is None:
            record = self.cache.write(key, {"json": np.array(json.dumps(self._measured(index, arm)))})
        return dict(json.loads(str(record["json"])))

    def is_done(self, index: int) -> bool:
        """Whether ``do`` has nothing left to compute."""
        record = self._read(self._original_key(index))
        if record is None or self._lacking(record):
            return False
        if not record["marks"].size or index not in self._probes:
            return True
        keys = [self._arm_key(index, arm) for arm in self.task.arms]
        keys += [self._structure_key(index, arm) for arm in self.task.arms if arm.kind == "decoy"]
        records = [self._read(key) for key in keys]
        return all(r is not None and ("marks" not in r or not self._lacking(r)) for r in records)

    def is_identical(self, index: int, arm: Arm) -> bool:
        """Whether the decoy made again, from its seed, is the same to the bit."""

        def make() -> Record:
            once, again = self.treated(index, arm), self._decoy_record(index, arm)
            same = all(np.array_equal(once[name], again[name]) for name in ("origin", "pixels", "alpha"))
            return {"identical": np.array(same)}

        return bool(self.cache.get(digest("identical", self._arm_key(index, arm)), make)["identical"])

    def derived(self, index: int, arm: Arm, name: str, make: Callable[[], Image]) -> Record:
        """Features of a picture that ``make`` puts together from renditions under ``arm``, by landmarks found anew."""
        key = digest("derived", self._arm_key(index, arm), name)
        found = self._read(key)
        if found is None or self._lacking(found):
            image = make()
            marks = found["marks"] if found else self._marks(index, image)
            found = self.cache.write(key, self._with_features(found or {"marks": marks}, image, marks))
        return found

    def rendition(self, index: int, arm: Arm) -> tuple[Image, Image]:
        """The sample before and after, (H, W, 3) each."""
        original = self._image(index)
        return original, self._apply(original, self.treated(index, arm), arm)

    # --- keys ---

    def _read(self, key: str) -> Record | None:
        """A record, from memory where it was read before: to know what is missing, a run reads all it will need."""
        found = self._known.get(key) or self.cache.read(key)
        if found is not None and self.remember:
            self._known[key] = found
        return found

    def _original_key(self, index: int) -> str:
        return digest("original", self._fingerprint(index), perception_version())

    def _arm_key(self, index: int, arm: Arm) -> str:
        faces = [self._fingerprint(i) for i in (index, *self._earlier(index, arm))]
        made_by = weights_version(arm.swapper)
        return digest("arm", *faces, engine_version(), made_by, arm.key(), self.task.seed)

    def _structure_key(self, index: int, arm: Arm) -> str:
        return digest("structure", self._arm_key(index, arm), _measuring_version())

    # --- making them ---

    def _image(self, index: int) -> Image:
        return self.task.faces.samples[index].load()

    def _fingerprint(self, index: int) -> str:
        if index not in self._fingerprints:
            self._fingerprints[index] = self.task.faces.samples[index].fingerprint()
        return self._fingerprints[index]

    def _name(self, recognizer: FaceRecognizer | AgeGender) -> str:
        return f"{recognizer.name} {recognizer.version[:16]}"

    def _lacking(self, record: Record) -> list[FaceRecognizer | AgeGender]:
        if not record["marks"].size:
            return []
        asked: list[FaceRecognizer | AgeGender] = [*self.recognizers, self.age_gender]
        return [r for r in asked if self._name(r) not in record]

    def _with_features(self, record: Record, image: Image, marks: FloatArray) -> Record:
        new = {self._name(r): r.features(image, marks) for r in self._lacking(record)}
        return {**record, **new}

    def features(self, record: Record, recognizer: FaceRecognizer | AgeGender) -> np.ndarray:
        """One recogniser's features in a record, or what the judge of gender and age reads."""
        return record[self._name(recognizer)]

    def _first_marks(self, index: int, image: Image) -> FloatArray:
        sample = self.task.faces.samples[index]
        if sample.tight:
            return _tight_marks(image)
        face = self._face(sample, image)
        return np.empty((0, 2), np.float32) if face is None else face.landmarks

    def _marks(self, index: int, image: Image) -> FloatArray:
        """Landmarks as an attacker finds them who knows where the face was."""
        if self.task.faces.samples[index].tight:
            return _tight_marks(image)
        record = self.original(index)
        assert record is not None, "only samples with a face are probes"
        return self._anew(image, record["marks"])

    def _anew(self, image: Image, marks: FloatArray) -> FloatArray:
        return self.engine().pack.landmarker.mark(image, five_of(marks)[None].astype(np.float32))[0]

    def _face(self, sample: Sample, image: Image) -> Face | None:
        """The sample's face as the engine sees it: the one in the place the set names, else the largest."""
        if self._last_face[0] != sample.name:  # the arms of one sample follow each other
            self._last_face = (sample.name, self._found(sample, image))
        return self._last_face[1]

    def _found(self, sample: Sample, image: Image) -> Face | None:
        place = sample.place()
        if place is None:
            faces = self.engine().analyze(image).faces
            return max(faces, key=lambda face: face.quality.size, default=None)
        box = np.array(place[0], np.float32)
        faces = self.engine().analyze(image, [place[0]]).faces
        # the set's box is the same in every picture: of a face that is found with another one it is not the better
        faces = tuple(face for face in faces if not face.astray) or faces
        return max(faces, key=lambda face: float(overlap(face.box[None], box[None])[0, 0]))

    def _boxed(self, index: int) -> Record:
        face = self._face(self.task.faces.samples[index], self._image(index))
        assert face is not None, "only samples with a face are probes"
        return {"box": face.box}

    def _decoy_record(self, index: int, arm: Arm) -> Record:
        sample, image = self.task.faces.samples[index], self._image(index)
        if arm.kind == "context":  # the mask is that of the decoy
            of = next(a for a in self.task.arms if a.kind == "decoy")
            found = self.treated(index, of)
            return {k: found[k] for k in ("origin", "pixels", "alpha", "about", "face_marks", "box")}
        face = self._face(sample, image)
        assert face is not None, "only samples with a face are probes"
        seed = decoy_seed(self.task.seed, sample.name, arm.draw)
        decoy = make_decoy(self.engine(arm.swapper), image, face, arm, seed, self._earlier_views(index, arm))
        looks = attributes.load()(face.embedding)
        about = {
            "kind": decoy.kind,
            "donor": decoy.donor,
            "attempts": decoy.attempts,
            "distance_to_original": number(decoy.distance_to_original),
            "threshold": number(decoy.threshold),
            "size": number(face.quality.size),
            "yaw": number(face.quality.yaw),
            "male": number(float(looks.male[0])),
            "age": number(float(looks.age[0])),
            "group": GROUPS[int(looks.group[0].argmax())],
        }
        return {
            "origin": np.array(decoy.origin),
            "pixels": decoy.pixels,
            "alpha": decoy.alpha,
            "about": np.array(json.dumps(about)),
            "face_marks": face.landmarks,
            "box": face.box,
            "views": decoy.views,
        }

    def _earlier(self, index: int, arm: Arm) -> list[int]:
        """The person's probes before this one, whose decoys a new one is drawn unlike."""
        samples = self.task.faces.samples
        own = [i for i in self.task.faces.probes if samples[i].person == samples[index].person]
        return own[: own.index(index)] if arm.apart and arm.kind in ("decoy", "context") else []

    def _earlier_views(self, index: int, arm: Arm) -> FloatArray:
        views = [self.treated(i, arm)["views"] for i in self._earlier(index, arm)]
        return np.concatenate([np.empty((0, 128), np.float32), *views])

    def _measured(self, index: int, arm: Arm) -> dict[str, Any]:
        return measure(self.engine(), *self.rendition(index, arm), self.treated(index, arm))

    def _apply(self, original: Image, record: Record, arm: Arm) -> Image:
        if arm.kind == "decoy":
            return compose(original, [decoy_of(record)], [0])
        if arm.kind == "context":
            return blank(original, decoy_of(record))
        return hide_by_hand(original, record["box"], arm.kind)


@cache
def _measuring_version() -> str:
    """A digest of the code behind a structure record."""
    return file_version(*(Path(__file__).parent / name for name in ("structure.py", "gaze.py", "records.py")))


def _tight_marks(image: Image) -> FloatArray:
    x0, y0, x1, y1 = P.LFW_FACE_BOX
    return predict_landmarks(image, (x0, y0, x1, y1))


# --- several processes ---

_worker: Worker | None = None


def _begin(task: Task) -> None:
    global _worker
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _worker = Worker(task)


def _run(index: int) -> int:
    assert _worker is not None, "the pool's initialiser makes it"
    _worker.do(index)
    return index


def run(task: Task, indices: Sequence[int], jobs: int) -> Iterator[int]:
    """Fill the cache for all ``indices``; yields each as it is done, in any order."""
    if jobs <= 1:
        worker = Worker(task)
        for index in indices:
            worker.do(index)
            yield index
        return
    with get_context("spawn").Pool(jobs, _begin, (task,)) as pool:
        found: Iterable[int] = pool.imap_unordered(_run, indices, chunksize=4)
        yield from found
