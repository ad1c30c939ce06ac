"""LFW people for the measurements: photos prepared as the set's README says, and the recognisers that judge."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mfmc_engine import parameters as P
from mfmc_engine.donors.embedding import lfw_picture
from mfmc_engine.engine import Engine
from mfmc_engine.evaluation.recognizers import Onnx
from mfmc_engine.quality import assess, sharpnesses
from mfmc_engine.recognition.chips import extract_chips
from mfmc_engine.types import Face, FloatArray, Image

Embed = Callable[[Image, FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class Person:
    """Photos of one person."""

    name: str
    files: tuple[Path, ...]

    def images(self) -> list[Image]:
        """(300, 300, 3) pictures."""
        return [lfw_picture(file)[0] for file in self.files]


@dataclass(frozen=True, slots=True)
class Subject:
    """One prepared photo and its face."""

    image: Image
    face: Face


def people(folder: Path, limit: int, photos: int = 2, seed: int = 11) -> list[Person]:
    """Up to ``limit`` people who have so many ``photos``, drawn with ``seed``."""
    files = defaultdict(list)
    with (folder / "people.csv").open(newline="") as rows:
        for row in csv.DictReader(rows):
            files[row["person"]].append(folder / row["file"])
    names = sorted(name for name, paths in files.items() if len(paths) >= photos)
    np.random.default_rng(seed).shuffle(names)
    return [Person(name, tuple(files[name][:photos])) for name in names[:limit]]


def subject(engine: Engine, image: Image) -> Subject:
    """The face of a prepared picture, which always lies in the same place."""
    marks = engine.pack.landmarker.mark(image, np.array([P.LFW_FIVE_POINTS], np.float32))[0]
    return Subject(image, face_at(engine, image, np.array(P.LFW_FACE_BOX, np.float32), marks))


def face_at(engine: Engine, image: Image, box: FloatArray, marks: FloatArray) -> Face:
    """The face in a (4,) box whose landmarks (68, 2) are known; nothing is looked for."""
    embedding = engine.pack.recognizer.embed(image, marks[None])[0]
    quality = assess(box, marks, sharpnesses(extract_chips(image, marks[None]))[0])
    return Face(box, 1.0, marks, embedding, quality)


def recognizers(engine: Engine, judge: Path | None) -> dict[str, Embed]:
    """dlib's ResNet, and MobileFaceNet if its file is given."""
    known: dict[str, Embed] = {
        "dlib": lambda image, marks: np.asarray(engine.pack.recognizer.embed(image, marks[None])[0])
    }
    if judge is not None:
        known["mobilefacenet"] = Onnx("mobilefacenet", judge, "imagenet").features
    return known
