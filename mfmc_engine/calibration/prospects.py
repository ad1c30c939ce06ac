"""How far off the forecasts of draws are (donors/prospects.py), and what of a decoy's looks nobody foretells.

Run: ``python -m mfmc_engine.calibration.prospects ../shared/data/lfw``. Donors are swapped into one photo each of
people that the forecast was not fitted to, whether they are likely to be taken or not: those that draws choose err to
one side. Prints the mean of each figure, and how far it departs from face to face and from donor to donor on one face.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from mfmc_engine import guarantee, swappable, viewing
from mfmc_engine import parameters as P
from mfmc_engine.calibration.forecast import HELD_OUT, Sample, real
from mfmc_engine.donors.candidates import Candidate, candidates
from mfmc_engine.donors.prospects import foretold
from mfmc_engine.draws import swap
from mfmc_engine.engine import Engine
from mfmc_engine.guarantee import Thresholds
from mfmc_engine.swapping import blending
from mfmc_engine.swapping.appearance import Looks
from mfmc_engine.swapping.blending import Target
from mfmc_engine.types import Gallery

SHARES = P.DRAW_ROUNDS[0][0], P.DRAW_ROUNDS[3][0]  # of the donor's shape, to see what more of it gains


@dataclass(frozen=True, slots=True)
class Departure:
    """A figure that was measured several times on each of some faces."""

    mean: float
    median: float
    between: float  # standard deviation from face to face
    within: float  # the same from one to another on a face

    @classmethod
    def of(cls, groups: Sequence[Sequence[float]]) -> Departure:
        """By the method of moments: the means of faces also depart by chance, the more the fewer went into them."""
        known = [np.array(group) for group in groups if len(group) > 1]
        within = float(np.mean([group.var(ddof=1) for group in known]))
        chance = float(np.mean([within / len(group) for group in known]))
        between = float(np.var([group.mean() for group in known], ddof=1)) - chance
        every = np.concatenate(known)
        return cls(float(every.mean()), float(np.median(every)), max(0.0, between) ** 0.5, within**0.5)


@dataclass(frozen=True, slots=True)
class Seen:
    """One donor's decoy on one face."""

    error: float  # Euclidean, by which its first view is farther from the face than foretold
    gain: float  # Euclidean per share of the donor's shape
    blotched: float
    misfit: float


def seen(engine: Engine, sample: Sample, number: int, seed: int) -> list[Seen]:
    """``number`` of the donors that would be considered first for a face, drawn with ``seed``; none where it cannot be
    swapped."""
    image, face = sample
    if swappable.obstacle(face):
        return []
    nobody, random = np.empty((0, len(face.embedding)), np.float32), np.random.default_rng(seed)
    order = list(candidates(image, Gallery(), Thresholds(), "random")(face, random, nobody))
    reach = order[: P.FIT_FIRST + P.LAST_RESORT]
    chosen = random.choice(len(reach), min(number, len(reach)), replace=False)
    with torch.inference_mode():
        target = blending.prepare(image, [face.landmarks])[0]
        return [_seen(engine, sample, target, reach[i], random) for i in chosen]


def _seen(
    engine: Engine, sample: Sample, target: Target, candidate: Candidate, random: np.random.Generator
) -> Seen:
    image, face = sample
    distances: list[float] = []
    for share in SHARES:
        patches, blotched = swap(
            engine.pack,
            image,
            target,
            [candidate.donor],
            share,
            random,
            [candidate.folds],
        )
        chips, _ = viewing.cut(engine.pack, image, face, patches[0], viewing.first_view)
        view = engine.pack.recognizer.embed_chips(viewing.joined(chips))
        distances.append(guarantee.nearest(view, face.embedding[None]))
        if share == SHARES[0]:
            _, misfit = viewing.cut(engine.pack, image, face, patches[0], viewing.other_views)
            dark, hue = blotched[0]
            looks = Looks(candidate.unlike, share, dark, hue, misfit=misfit)
    wished = Thresholds().toward(face.embedding).preferred
    return Seen(
        distances[0] - wished - foretold(candidate, SHARES[0]),
        (distances[1] - distances[0]) / (SHARES[1] - SHARES[0]),
        looks.blotched,
        looks.misfit,
    )


def report(faces: Sequence[Sequence[Seen]]) -> str:
    """A line for each figure, with the parameters that come from it."""
    known = [face for face in faces if len(face) > 1]
    rows = [f"{len(known)} faces, {sum(map(len, known))} decoys"]
    for name, parameters in (
        ("error", "FORECAST_BETWEEN, FORECAST_WITHIN"),
        ("gain", "SHAPE_GAIN"),
        ("blotched", "USUAL_BLOTCHED"),
        ("misfit", "USUAL_MISFIT"),
    ):
        one = Departure.of([[getattr(decoy, name) for decoy in face] for face in known])
        rows.append(
            f"{name:10}mean {one.mean:+.3f}  median {one.median:+.3f}  between faces {one.between:.3f}  "
            f"within {one.within:.3f}  ({parameters})"
        )
    return "\n".join(rows)


def main() -> None:
    """Swap, look, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--faces", type=int, default=120)
    parser.add_argument("--donors", type=int, default=10, help="of each face")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    engine = Engine(threads=1)
    samples = real(engine, arguments.folder, HELD_OUT)[1][: arguments.faces]
    found = [
        seen(engine, sample, arguments.donors, number)
        for number, sample in enumerate(tqdm(samples, disable=None))
    ]
    print(report(found))


if __name__ == "__main__":
    main()
