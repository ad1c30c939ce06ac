"""Fit the forecast of a swap's embedding (donors/forecast.py) to swaps that were made and looked at.

Run: ``python -m mfmc_engine.calibration.forecast ../shared/data``. Faces: all of LFW's people but the ``--held-out``
ones whom ``evaluate --limit`` anonymises, one photo each, and synthetic portraits. Each gets some of its best-fitting
donors and some others, swapped as in the first round of draws. The held-out people judge the fit. Writes forecast.npz
and forecast.md.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from mfmc_engine import parameters as P
from mfmc_engine import replacement, swappable
from mfmc_engine.calibration.lfw import face_at, subject
from mfmc_engine.donors import bank, looks, selection
from mfmc_engine.donors.embedding import lfw_picture
from mfmc_engine.donors.forecast import Forecast
from mfmc_engine.donors.portraits import Portraits
from mfmc_engine.engine import Engine
from mfmc_engine.evaluation import protocols
from mfmc_engine.types import Face, FloatArray, Image

FITTING, ANY = 8, 12  # donors tried on each face: of the best-fitting, and of the next-best
REACH = 16, 140  # how far down the order of fit each of them is drawn from
RIDGE = 10.0  # penalty; held-out correlation of distances .67-.68 over 3 to 30
HELD_OUT = 200  # people whom `make evaluation` anonymises

Sample = tuple[Image, Face]


@dataclass(frozen=True, slots=True)
class Swaps:
    """Embeddings of N swaps: the face, the donor, and what came out, (N, D) each."""

    face: FloatArray
    donor: FloatArray
    out: FloatArray

    def distance(self) -> NDArray[np.float64]:
        """(N,) from what came out to the face."""
        return np.linalg.norm(self.out - self.face, axis=1)


def real(engine: Engine, folder: Path, held_out: int) -> tuple[list[Sample], list[Sample]]:
    """One photo of each person of LFW: those not held out, and those held out."""
    faces = protocols.read(folder, "lfw", held_out, 0)
    names = {faces.samples[i].person for i in faces.probes}
    first = {sample.person: sample.path for sample in reversed(faces.samples)}
    parts: tuple[list[Sample], list[Sample]] = ([], [])
    for person, path in sorted(first.items()):
        photo = subject(engine, lfw_picture(path)[0])
        parts[person in names].append((photo.image, photo.face))
    return parts


def synthetic(engine: Engine, folder: Path, number: int) -> Iterator[Sample]:
    """Portraits drawn at random, with the landmarks that they come with."""
    portraits = Portraits.load(folder)
    for i in np.random.default_rng(0).choice(len(portraits.names), number, replace=False):
        image = portraits.picture(int(i)).astype(np.uint8)
        marks = portraits.landmarks[i].astype(np.float32)
        yield image, face_at(engine, image, np.concatenate([marks.min(0), marks.max(0)]), marks)


def swaps(samples: list[Sample], seed: int = 0, jobs: int = 1) -> Swaps:
    """Swap donors into every sample as the first round of draws does, and look at each once; ``jobs`` at a time."""
    tasks = [(*sample, seed, number) for number, sample in enumerate(samples)]
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        parts = list(tqdm(pool.map(_swaps, tasks, chunksize=4), total=len(tasks), unit="face"))
    rows = [row for part in parts for row in part]
    return Swaps(*(np.array(column, np.float32) for column in zip(*rows, strict=True)))


@cache
def _engine() -> Engine:
    torch.set_num_threads(1)
    return Engine(threads=1)


def _swaps(task: tuple[Image, Face, int, int]) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
    """(face, donor, what came out) of the swaps into one sample."""
    image, face, *seed = task
    if swappable.obstacle(face):
        return []
    donors, random = bank.load(), np.random.default_rng(seed)
    wanted = looks.describe(image, face.landmarks, face.embedding)
    order = selection.by_fit(donors, wanted)
    chosen = np.concatenate(
        [
            random.choice(order[: REACH[0]], FITTING, replace=False),
            random.choice(order[REACH[0] : REACH[1]], ANY, replace=False),
        ]
    )
    seen = replacement.look_at_swaps(
        _engine().pack, image, face, [donors[str(donors.ids[i])] for i in chosen], random
    )
    return [(face.embedding, donors.embeddings[i], view) for i, view in zip(chosen, seen, strict=True)]


def fit(made: Swaps, ridge: float = RIDGE) -> Forecast:
    """Least squares with a ridge that pulls toward the best plain mixture of face and donor."""
    width = made.face.shape[1]
    mixture = np.linalg.lstsq(
        np.stack([made.face.ravel(), made.donor.ravel()], 1).astype(np.float64), made.out.ravel(), rcond=None
    )[0]
    prior = np.concatenate([mixture[0] * np.eye(width), mixture[1] * np.eye(width), np.zeros((1, width))])
    inputs = np.concatenate([made.face, made.donor, np.ones((len(made.out), 1))], 1).astype(np.float64)
    penalty = ridge * np.eye(2 * width + 1)
    penalty[-1, -1] = 0
    weights = prior + np.linalg.solve(inputs.T @ inputs + penalty, inputs.T @ (made.out - inputs @ prior))
    rest = made.out - inputs @ weights
    return Forecast(weights, float(np.sqrt((rest**2).sum(1).mean())))


def foretold(forecast: Forecast, made: Swaps) -> NDArray[np.float64]:
    """(N,) distances from the face that the forecast expects."""
    expected = forecast.expected(made.face, made.donor)
    return np.hypot(np.linalg.norm(expected - made.face, axis=1), forecast.error)


def table(forecast: Forecast, made: Swaps) -> str:
    """Markdown: how often a swap passes the preferred distance, by the distance foretold."""
    expected, passed = foretold(forecast, made), made.distance() > P.ORIGINAL_PREFERRED
    rows = ["| distance foretold | swaps | pass |", "|---|---|---|"]
    edges = [0.0, 0.56, 0.60, 0.62, 0.64, 0.66, 0.68, 0.70, 9.0]
    for low, high in itertools.pairwise(edges):
        inside = (expected >= low) & (expected < high)
        if inside.any():
            rows.append(
                f"| {low:.2f} to {min(high, 2.0):.2f} | {inside.mean():.0%} | {passed[inside].mean():.0%} |"
            )
    correlation = np.corrcoef(expected, made.distance())[0, 1]
    return "\n".join([*rows, f"\nCorrelation with the distance measured: {correlation:.2f}."])


def main() -> None:
    """Collect, fit, judge on the held-out people, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--portraits", type=int, default=400)
    parser.add_argument("--held-out", type=int, default=HELD_OUT)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, default=Path("mfmc_engine/donors"))
    arguments = parser.parse_args()
    engine = _engine()
    fitted, judged = real(engine, arguments.data / "lfw", arguments.held_out)
    fitted += synthetic(engine, arguments.data / "synthetic_faces", arguments.portraits)
    made, unseen = swaps(fitted, 0, arguments.jobs), swaps(judged, 1, arguments.jobs)
    forecast = fit(made)
    np.savez_compressed(
        arguments.out / "forecast.npz",
        weights=forecast.weights.astype(np.float16),
        error=np.float64(forecast.error),
    )
    passed = (unseen.distance() > P.ORIGINAL_PREFERRED).mean()
    (arguments.out / "forecast.md").write_text(
        f"""# forecast.npz
Expected embedding of a decoy as a linear function of the face's and the donor's (dlib's ResNet).
Made by `python -m mfmc_engine.calibration.forecast ../shared/data` from {len(made.out):,} swaps of the donor bank
into one photo each of LFW's people and {arguments.portraits} synthetic portraits, swapped as in the first round of
draws (parameters.DRAW_ROUNDS). No photo, name or embedding is in the file.

Judged on {len(unseen.out):,} swaps into photos of {arguments.held_out} other people of LFW, of which
{passed:.0%} lie farther from the face than the preferred {P.ORIGINAL_PREFERRED}:

{table(forecast, unseen)}
"""
    )


if __name__ == "__main__":
    main()
