"""How the time for one photo grows with its faces, viewers, pixels and the gallery, and what memory it takes.

Every curve is measured in one process, right after the baseline it stands beside.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mfmc_engine import imaging
from mfmc_engine import parameters as P
from mfmc_engine.donors import bank
from mfmc_engine.engine import Engine
from mfmc_engine.evaluation.speed import VISIBLE_SETS, Baseline
from mfmc_engine.types import DecoyRequest, Face, Gallery, Image


@dataclass(frozen=True)
class Sizes:
    """What is varied, from small to large."""

    faces: Sequence[int] = (1, 2, 4, 8, 16, 30)
    viewers: Sequence[int] = (1, 10, 100, 1000)
    megapixels: Sequence[float] = (0.5, 2, 6, 12, 24)
    people: Sequence[int] = (0, 100, 10_000, 100_000)


QUICK = Sizes(faces=(1, 2), viewers=(1, 10), megapixels=(0.5, 1), people=(0, 100))


@dataclass(frozen=True)
class Curve:
    """Photos per second of one series; ``baseline`` is None where the baseline has nothing like it."""

    title: str
    sizes: Sequence[float]
    ours: Sequence[float]
    baseline: Sequence[float] | None


def curves(photo: Image, engine: Engine, sizes: Sizes) -> list[Curve]:
    """All curves for a photo with at least one face."""
    baseline = Baseline()
    baseline(photo)
    faces = engine.analyze(photo).faces
    return [
        _over_faces(photo, faces, engine, baseline, sizes.faces),
        _over_viewers(photo, faces, engine, baseline, sizes.viewers),
        _over_megapixels(photo, engine, baseline, sizes.megapixels),
        _over_people(photo, faces, engine, sizes.people),
    ]


REPEATS = 2  # runs of ours, of which the best counts


def _seconds(job: Callable[[], object], repeats: int | None = None) -> float:
    """The best of a few runs: what else the machine does only ever adds."""
    best = float("inf")
    for _ in range(repeats or REPEATS):
        start = time.perf_counter()
        job()
        best = min(best, time.perf_counter() - start)
    return best


def hide_all(engine: Engine, photo: Image, gallery: Gallery | None = None) -> Image:
    """Analyse, match, make a decoy for every face, and paste them: everything one photo needs once."""
    faces = engine.analyze(photo).faces
    engine.match(faces, gallery or Gallery())
    decoys = engine.make_decoys(photo, _requests(faces), gallery)
    return engine.compose(photo, decoys, range(len(faces)))


def _requests(faces: Sequence[Face]) -> list[DecoyRequest]:
    return [DecoyRequest(face, b"scaling %d" % i) for i, face in enumerate(faces)]


def crowd(photo: Image, faces: Sequence[Face], count: int) -> Image:
    """A new photo with ``count`` faces: square cut-outs round the given ones, in rows, as often as it takes."""
    side = P.CROWD_CELL
    columns = int(np.ceil(np.sqrt(count)))
    canvas = np.full((side * -(-count // columns), side * columns, 3), 127, np.uint8)
    for i in range(count):
        x0, y0, x1, y1 = faces[i % len(faces)].box
        half = P.CROWD_MARGIN * max(x1 - x0, y1 - y0)
        size = (max(1, round(2 * half)),) * 2
        cell = cv2.getRectSubPix(photo, size, (float(x0 + x1) / 2, float(y0 + y1) / 2))
        row, column = divmod(i, columns)
        canvas[row * side : (row + 1) * side, column * side : (column + 1) * side] = cv2.resize(
            cell, (side, side), interpolation=cv2.INTER_AREA
        )
    return canvas


def _over_faces(
    photo: Image, faces: Sequence[Face], engine: Engine, baseline: Baseline, counts: Sequence[int]
) -> Curve:
    crowds = [crowd(photo, faces, count) for count in counts]
    ours = [1 / _seconds(lambda p=p: hide_all(engine, p)) for p in crowds]  # type: ignore[misc]
    theirs = [1 / _seconds(lambda p=p: baseline(p), 1) for p in crowds]  # type: ignore[misc]
    return Curve("faces in the photo", counts, ours, theirs)


def _over_viewers(
    photo: Image, faces: Sequence[Face], engine: Engine, baseline: Baseline, counts: Sequence[int]
) -> Curve:
    """One photo for so many viewers, of whom VISIBLE_SETS see different faces. The baseline keeps nothing, so its time
    is one measured pass times the viewers."""
    one_pass = _seconds(lambda: baseline(photo))

    def serve(viewers: int) -> None:
        found = engine.analyze(photo).faces
        decoys = engine.make_decoys(photo, _requests(found))
        for seen in range(min(viewers, VISIBLE_SETS)):
            hidden = [i for i in range(len(found)) if seen >> i & 1 == 0]
            imaging.encode(engine.compose(photo, decoys, hidden), ".jpg")

    ours = [1 / _seconds(lambda v=v: serve(v)) for v in counts]  # type: ignore[misc]
    return Curve("viewers of the photo", counts, ours, [1 / (one_pass * v) for v in counts])


def resized(photo: Image, megapixels: float) -> Image:
    """The photo at another size, shape kept."""
    scale = (megapixels * 1e6 / (photo.shape[0] * photo.shape[1])) ** 0.5
    size = (round(photo.shape[1] * scale), round(photo.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(photo, size, interpolation=method), np.uint8)


def _over_megapixels(photo: Image, engine: Engine, baseline: Baseline, megapixels: Sequence[float]) -> Curve:
    photos = [resized(photo, size) for size in megapixels]
    ours = [1 / _seconds(lambda p=p: hide_all(engine, p), 1) for p in photos]  # type: ignore[misc]
    theirs = [1 / _seconds(lambda p=p: baseline(p), 1) for p in photos]  # type: ignore[misc]
    return Curve("megapixels of the photo", megapixels, ours, theirs)


def _over_people(photo: Image, faces: Sequence[Face], engine: Engine, people: Sequence[int]) -> Curve:
    """Matching and decoys beside a gallery; faces are found once, which no gallery changes."""

    def decide(gallery: Gallery) -> None:
        engine.match(faces, gallery)
        engine.make_decoys(photo, _requests(faces), gallery)

    galleries = [strangers(count) for count in people]
    ours = [1 / _seconds(lambda g=g: decide(g)) for g in galleries]  # type: ignore[misc]
    return Curve("people in the gallery (without detection)", people, ours, None)


def strangers(count: int) -> Gallery:
    """People who do not exist: normal random embeddings with the mean and covariance of the donors'."""
    known = bank.load().embeddings.astype(np.float64)
    random = np.random.default_rng(count)
    drawn = (
        random.standard_normal((count, known.shape[1]))
        @ np.linalg.cholesky(np.cov(known.T) + 1e-6 * np.eye(known.shape[1])).T
    )
    rows = (drawn + known.mean(0)).astype(np.float32)
    return Gallery(tuple(f"p{i}" for i in range(count)), rows)


# Run in a process of its own, whose peak is that of this photo and nothing else.
_ALONE = """
import json, sys
from mfmc_engine import imaging
from mfmc_engine.engine import Engine
from mfmc_engine.evaluation import scaling
from mfmc_engine.memory import peak_megabytes
path, pack, faces, megapixels, threads = *sys.argv[1:3], *map(float, sys.argv[3:])
engine, photo = Engine(pack, threads=int(threads)), imaging.decode(path)
crowd = scaling.crowd(photo, engine.analyze(photo).faces, int(faces))
crowd = scaling.resized(crowd, megapixels)
before = peak_megabytes()
scaling.hide_all(engine, crowd)
peak = peak_megabytes()
print(json.dumps({"before_mb": before, "peak_mb": peak, "faces": len(engine.analyze(crowd).faces)}))
"""


def memory(path: str, faces: int, megapixels: float, threads: int, pack: str = "builtin") -> dict[str, float]:
    """Resident megabytes of a process that hides all of so many faces in so large a photo made of the one at ``path``:
    with everything loaded, at its peak; and the faces it found."""
    command = [sys.executable, "-c", _ALONE, path, pack, str(faces), str(megapixels), str(threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
