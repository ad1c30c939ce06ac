"""The face sets an evaluation runs on: which pictures, whose they are, and where in them the face is.

==========  ========================================================================================================
``lfw``     tight crops and ``people.csv`` (file, person, age_estimate, male_probability); they are padded
``folders`` one folder per person; the largest face of each picture counts
``random``  a labelled folder of synthetic faces, identities drawn at random
``equal``   the same, as many identities of each gender x group
==========  ========================================================================================================

A labelled folder has ``meta.npz`` (name, gender, group, landmarks, age) or ``labels.csv`` (file, gender, group). A
synthetic identity has one picture, so its second view is that picture mirrored, shrunk and compressed.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mfmc_engine import parameters as P
from mfmc_engine.donors.embedding import lfw_picture
from mfmc_engine.errors import EngineError
from mfmc_engine.imaging import READABLE_SUFFIXES, decode, encode
from mfmc_engine.types import FloatArray, Image

PROTOCOLS = ("lfw", "folders", "random", "equal")


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture of one person. Labels that nobody gave are None."""

    name: str  # unique in the set
    person: str
    path: Path
    male: float | None = None  # probability
    age: float | None = None  # years
    group: str | None = None
    tight: bool = False  # an LFW crop: the face's place is known, the picture has to be padded
    view: int = 0  # 1: the second view of a synthetic identity

    def load(self) -> Image:
        """The picture, (H, W, 3)."""
        if self.tight:
            return lfw_picture(self.path)[0]
        image = decode(self.path)
        return second_view(image) if self.view else image

    def place(self) -> tuple[list[float], FloatArray] | None:
        """Box (x0, y0, x1, y1) and five points (5, 2) px of the face, where the set says them."""
        if not self.tight:
            return None
        return list(P.LFW_FACE_BOX), np.array(P.LFW_FIVE_POINTS, np.float32)

    def fingerprint(self) -> str:
        """Changes whenever the picture or what is made of it changes."""
        digest = hashlib.sha256(self.path.read_bytes())
        digest.update(f"{self.tight} {self.view}".encode())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class FaceSet:
    """Everybody in the set (the gallery), and which of its samples are anonymised (the probes)."""

    protocol: str
    samples: tuple[Sample, ...]
    probes: tuple[int, ...]  # indices of samples


def second_view(image: Image) -> Image:
    """Another picture of an identity that has only one: mirrored, shrunk and compressed."""
    size = [max(P.MIN_SIDE, round(side * P.EVAL_VIEW_SCALE)) for side in image.shape[1::-1]]
    small = cv2.resize(image[:, ::-1], size, interpolation=cv2.INTER_AREA)
    return decode(encode(np.asarray(small, np.uint8), ".jpg", P.EVAL_VIEW_QUALITY))


def guess(folder: Path) -> str:
    """The protocol a folder asks for by what it holds."""
    if (folder / "people.csv").is_file():
        return "lfw"
    if (folder / "meta.npz").is_file() or (folder / "labels.csv").is_file():
        return "equal"
    return "folders"


def read(folder: Path, protocol: str | None, limit: int | None, seed: int) -> FaceSet:
    """The set in ``folder``; ``limit`` people are anonymised, the others stay in the gallery.

    Raises EngineError for a folder that does not hold what the protocol needs.
    """
    if not folder.is_dir():
        raise EngineError(f"{folder}: no such folder")
    if limit is not None and limit < 2:
        raise EngineError("--limit: at least two people are needed to tell anybody apart")
    protocol = protocol or guess(folder)
    if protocol in ("random", "equal"):
        return _synthetic(folder, protocol, limit or P.EVAL_SYNTHETIC, seed)
    samples = _lfw(folder) if protocol == "lfw" else _folders(folder)
    owners = defaultdict(list)
    for index, sample in enumerate(samples):
        owners[sample.person].append(index)
    people = sorted(person for person, indices in owners.items() if len(indices) > 1)
    if len(people) < 2:
        raise EngineError(f"{folder}: fewer than two people with two pictures each")
    np.random.default_rng(seed).shuffle(people)
    chosen = people[: limit or len(people)]
    probes = [index for person in chosen for index in owners[person][: P.EVAL_PROBES]]
    return FaceSet(protocol, tuple(samples), tuple(probes))


def _lfw(folder: Path) -> list[Sample]:
    try:
        with (folder / "people.csv").open(newline="") as file:
            return [
                Sample(
                    name=row["file"],
                    person=row["person"],
                    path=folder / row["file"],
                    male=float(row["male_probability"]),
                    age=float(row["age_estimate"]),
                    tight=True,
                )
                for row in csv.DictReader(file)
            ]
    except OSError as error:
        raise EngineError(f"{folder / 'people.csv'}: {error.strerror}") from None
    except (KeyError, ValueError):
        raise EngineError(
            f"{folder / 'people.csv'}: expected columns file, person, age_estimate, male_probability"
        ) from None


def _folders(folder: Path) -> list[Sample]:
    return [
        Sample(f"{path.parent.name}/{path.name}", path.parent.name, path)
        for path in sorted(folder.glob("*/*"))
        if path.suffix.lower() in READABLE_SUFFIXES
    ]


def _synthetic(folder: Path, protocol: str, limit: int, seed: int) -> FaceSet:
    """Identities of a labelled folder: drawn at random, or as many of each gender x group."""
    labelled = _labelled(folder)
    order = np.random.default_rng(seed).permutation(len(labelled))
    if protocol == "equal":
        cells = defaultdict(list)
        for index in order:
            cells[labelled[index].male, labelled[index].group].append(int(index))
        share = min(limit // len(cells), min(map(len, cells.values())))
        if share < 1:
            raise EngineError(f"--limit: {len(cells)} classes of gender x group need at least one face each")
        order = np.array([i for key in sorted(cells, key=str) for i in cells[key][:share]])
    chosen = [labelled[index] for index in order[:limit]]
    if len(chosen) < 2:
        raise EngineError(f"{folder}: fewer than two labelled faces")
    views = [
        Sample(f"{s.name}#view", s.person, s.path, male=s.male, age=s.age, group=s.group, view=1)
        for s in chosen
    ]
    return FaceSet(protocol, (*chosen, *views), tuple(range(len(chosen))))


def _labelled(folder: Path) -> list[Sample]:
    if (folder / "meta.npz").is_file():
        with np.load(folder / "meta.npz") as meta:
            ages: Sequence[float | None] = (
                meta["age"].tolist() if "age" in meta else [None] * len(meta["name"])
            )
            rows = list(
                zip(meta["name"].tolist(), meta["gender"].tolist(), meta["group"].tolist(), ages, strict=True)
            )
    elif (folder / "labels.csv").is_file():
        with (folder / "labels.csv").open(newline="") as file:
            rows = [
                (row["file"], row["gender"], row["group"], float(row["age"]) if row.get("age") else None)
                for row in csv.DictReader(file)
            ]
    else:
        raise EngineError(
            f"{folder}: neither meta.npz nor labels.csv, which say gender and group of each face"
        )
    samples = []
    for name, gender, group, age in rows:
        path = next((p for p in (folder / name, folder / f"{name}.webp") if p.is_file()), None)
        if path is None:
            raise EngineError(f"{folder / name}: labelled, but not there")
        samples.append(Sample(name, name, path, male=float(gender == "male"), age=age, group=group))
    return samples
