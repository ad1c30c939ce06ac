"""The thresholds of a recogniser's space, measured on pictures of people whose names are known.

What is a threshold in dlib's space is a share of strangers, or of pictures of one person, on ../shared/data/lfw
(parameters.py). Another recogniser gets the distances at which it has the same shares, except that it need not take for
somebody what is farther than nearly all pictures of one person are: a better recogniser is stricter.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfmc_engine import guarantee
from mfmc_engine import parameters as P
from mfmc_engine.calibration.strangers import Tail, Values, stranger_pairs
from mfmc_engine.donors.embedding import lfw_picture
from mfmc_engine.donors.selection import distances
from mfmc_engine.errors import EngineError
from mfmc_engine.imaging import READABLE_SUFFIXES, decode
from mfmc_engine.packs.pack import Pack
from mfmc_engine.perception import analyze
from mfmc_engine.recognition.space import Space
from mfmc_engine.types import FloatArray


@dataclass(frozen=True, slots=True)
class Sample:
    """Embeddings (N, D) of pictures, their names and whom they show (N,), as numbers from 0."""

    files: tuple[str, ...]
    person: NDArray[np.int64]
    embeddings: FloatArray
    without_face: int  # pictures left out

    @property
    def people(self) -> int:
        return len(np.unique(self.person))


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a sample says. ``nearest``: the nearest pictures of different people, and how far apart they are."""

    space: Space
    own_pairs: int
    stranger_pairs: int
    kept: dict[int, float]  # share of pairs of one person that are matched still, by size of the gallery
    nearest: tuple[tuple[str, str, float], ...]


def labelled(folder: Path, people: int = P.CALIBRATION_PEOPLE) -> list[tuple[str, Path]]:
    """(person, picture) of at most ``people`` of a folder, drawn by a fixed seed: one subfolder a person, or a
    people.csv (columns file, person) that names whom every picture shows. Raises EngineError if there are none."""
    if not folder.is_dir():
        raise EngineError(f"{folder}: no such folder")
    found: dict[str, list[Path]] = defaultdict(list)
    if (folder / "people.csv").is_file():
        with (folder / "people.csv").open(newline="") as rows:
            for row in csv.DictReader(rows):
                found[row["person"]].append(folder / row["file"])
    else:
        for path in sorted(folder.glob("*/*")):
            if path.suffix.lower() in READABLE_SUFFIXES:
                found[path.parent.name].append(path)
    if not found:
        raise EngineError(f"{folder} has no people.csv, and no subfolders with pictures of one person each")
    names = sorted(found)
    np.random.default_rng(P.CALIBRATION_SEED).shuffle(names)
    return [(name, path) for name in names[:people] for path in found[name][: P.CALIBRATION_PICTURES]]


def embed_all(
    pack: Pack,
    folder: Path,
    people: int = P.CALIBRATION_PEOPLE,
    watch: Callable[[Sequence[tuple[str, Path]]], Iterator[tuple[str, Path]]] = iter,
) -> Sample:
    """The pictures of ``labelled`` as ``pack`` sees them: the largest face of each.

    A folder with a people.csv is taken to hold crops like those of ../shared/data/lfw, too tight for a detector; they
    are prepared as its README says, and the face's place is known. ``watch`` passes the pictures on, one by one.
    """
    embed = _embed_crop if (folder / "people.csv").is_file() else _embed_largest
    files, names, rows, without = [], [], [], 0
    for name, path in watch(labelled(folder, people)):
        row = embed(pack, path)
        if row is None:
            without += 1
            continue
        files.append(str(path.relative_to(folder)))
        names.append(name)
        rows.append(row)
    if not rows:
        raise EngineError(f"no face was found in any picture of {folder}")
    numbers = np.unique(names, return_inverse=True)[1].astype(np.int64)
    return Sample(tuple(files), numbers, np.stack(rows), without)


def _embed_crop(pack: Pack, path: Path) -> FloatArray:
    image = lfw_picture(path)[0]
    marks = pack.landmarker.mark(image, np.array([P.LFW_FIVE_POINTS], np.float32))
    return np.asarray(pack.recognizer.embed(image, marks)[0], np.float32)


def _embed_largest(pack: Pack, path: Path) -> FloatArray | None:
    faces = analyze(pack, decode(path)).faces
    return max(faces, key=lambda face: face.quality.size).embedding if faces else None


def calibrate(sample: Sample, name: str) -> Calibration:
    """The thresholds of the space ``name`` by that sample. Raises EngineError if it is too small to tell."""
    apart, person = distances(sample.embeddings, sample.embeddings), sample.person
    strangers = np.sort(stranger_pairs(apart, person))
    own = np.sort(apart[np.triu(person[:, None] == person[None], 1)])
    nearest = _nearest(sample, apart)
    if nearest and nearest[0][2] == 0:
        raise EngineError(f"{nearest[0][0]} and {nearest[0][1]} are one picture under two names")
    need = round(P.CALIBRATION_TAIL_PAIRS / P.STRANGERS_TAIL_RATE)
    if len(strangers) < need or len(own) < P.CALIBRATION_OWN_PAIRS:
        raise EngineError(
            f"{len(strangers):,} pairs of strangers and {len(own):,} pairs of pictures of one person are too few: "
            f"{need:,} and {P.CALIBRATION_OWN_PAIRS:,} are needed, say 250 people with two pictures each"
        )
    space = _space(name, own, strangers)
    sizes = P.CALIBRATION_GALLERIES
    kept = {size: float(np.mean(own <= guarantee.gallery_threshold(size, space))) for size in sizes}
    return Calibration(space, len(own), len(strangers), kept, nearest)


def _space(name: str, own: Values, strangers: Values) -> Space:
    """From the sorted distances of pairs of one person, and of pairs of strangers."""

    def at(share: float) -> float:
        return float(np.quantile(strangers, share))

    nearly_all = float(np.quantile(own, P.CALIBRATION_OWN_KEPT))
    tail = Tail.fit(strangers)
    return Space(
        name=name,
        original=at(P.CALIBRATION_ORIGINAL),
        preferred=at(P.CALIBRATION_PREFERRED),
        match=min(at(P.CALIBRATION_MATCH), nearly_all),
        margin=at(P.CALIBRATION_CLAIM) - at(P.CALIBRATION_MATCH),
        claim=min(at(P.CALIBRATION_CLAIM), nearly_all),
        claim_limit=equal_error(own, strangers),
        same_person=float(np.quantile(own, P.CALIBRATION_SAME_PERSON)),
        apart=at(P.CALIBRATION_APART),
        tail_rate=tail.rate,
        tail_distance=tail.distance,
        tail_exponent=tail.exponent,
    )


def equal_error(own: Values, strangers: Values) -> float:
    """The distance, out of sorted ones, at which as large a share of pairs of one person lies beyond as of strangers
    within."""
    within = np.searchsorted(strangers, own, side="right") / len(strangers)
    beyond = 1 - np.arange(1, len(own) + 1) / len(own)
    return float(own[np.argmax(within >= beyond)])


def _nearest(sample: Sample, apart: Values) -> tuple[tuple[str, str, float], ...]:
    rows, columns = np.nonzero(sample.person[:, None] < sample.person[None])
    order = np.argsort(apart[rows, columns])[: P.CALIBRATION_NEAREST]
    pairs = [(int(rows[i]), int(columns[i])) for i in order]
    return tuple((sample.files[a], sample.files[b], float(apart[a, b])) for a, b in pairs)
