"""The tail of the distances between strangers, from which guarantee.gallery_threshold follows.

Run: ``python -m mfmc_engine.calibration.strangers ../shared/data/lfw [--portraits ../shared/data/synthetic_faces]``.
The pairs are those of different people in LFW; portraits only serve for comparison, because the generator that drew
them repeats itself (some lie at distance 0) and they are no photos. Below a high quantile the distribution is a power
law, P(distance < t) = rate * (t / t0) ** k: a distance cannot be less than 0, and near such an end every smooth
distribution looks like that (Weibull's domain of attraction). k is Hill's estimator (1975) on the pairs below t0; its
spread comes from drawing people, not pairs, with replacement. The check fits one half of the people and counts pairs
of the other half. And how near strangers of one gender and group lie, from which parameters.WISH_NEARER follows.
"""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfmc_engine import attributes, guarantee
from mfmc_engine import parameters as P
from mfmc_engine.attributes import GROUPS
from mfmc_engine.donors.embedding import lfw_embeddings, portrait_embeddings
from mfmc_engine.donors.selection import distances
from mfmc_engine.types import FloatArray

Values = NDArray[np.float64]
SIZES = (100, 10_000, 1_000_000)
RATES = (1e-3, 1e-4, 1e-5)
LIKELY = 0.5  # probability of a group from which a face counts to it
PEOPLE = 10  # that tell something of a group


@dataclass(frozen=True, slots=True)
class Tail:
    """P(distance < t) = rate * (t / distance) ** exponent for t up to ``distance``."""

    rate: float
    distance: float
    exponent: float

    @classmethod
    def fit(cls, pairs: Values, rate: float = P.STRANGERS_TAIL_RATE) -> Tail:
        """Hill's fit to the closest ``rate`` of the distances ``pairs`` (N,) of strangers."""
        number = int(rate * len(pairs))
        lowest = np.sort(np.partition(pairs, number)[: number + 1])
        return cls(rate, float(lowest[-1]), float(1 / np.log(lowest[-1] / lowest[:-1]).mean()))

    def threshold(self, rate: float) -> float:
        """The distance below which a share ``rate`` of strangers lies."""
        return float(self.distance * (rate / self.rate) ** (1 / self.exponent))


def stranger_pairs(apart: Values, person: NDArray[np.int64]) -> Values:
    """Distances of all pairs of different people, out of the square matrix ``apart`` (N, N)."""
    return apart[person[:, None] < person[None]]


def held_out(apart: Values, person: NDArray[np.int64], splits: int = 20) -> dict[str, list[float]]:
    """Rates counted on one half of the people at thresholds fitted on the other: mean and standard deviation."""
    found = []
    for seed in range(splits):
        half = np.random.default_rng(seed).permutation(person.max() + 1)[person] % 2 == 0
        tail = Tail.fit(stranger_pairs(apart[half][:, half], person[half]))
        pairs = stranger_pairs(apart[~half][:, ~half], person[~half])
        found.append([float(np.mean(pairs < tail.threshold(rate))) for rate in RATES])
    means, spreads = np.mean(found, 0), np.std(found, 0)
    return {f"{rate:g}": [float(m), float(s)] for rate, m, s in zip(RATES, means, spreads, strict=True)}


def spread(apart: Values, person: NDArray[np.int64], draws: int = 40) -> Values:
    """Thresholds at SIZES when people are drawn again with replacement: (draws, len(SIZES))."""
    out = []
    rows = [np.flatnonzero(person == p) for p in range(person.max() + 1)]
    for seed in range(draws):
        drawn = np.random.default_rng(seed).integers(len(rows), size=len(rows))
        # Whoever is drawn twice counts twice, and is never a stranger to themself.
        index = np.concatenate([rows[p] for p in drawn])
        tail = Tail.fit(stranger_pairs(apart[np.ix_(index, index)], person[index]))
        out.append([tail.threshold(P.FALSE_IDENTIFICATION_RATE / size) for size in SIZES])
    return np.array(out)


def people_of(folder: Path, names: NDArray[np.str_]) -> NDArray[np.int64]:
    """Whose photo each file of an LFW folder is, as numbers from 0: (N,)."""
    with (folder / "people.csv").open(newline="") as file:
        owner = {row["file"]: row["person"] for row in csv.DictReader(file)}
    return np.unique([owner[str(name)] for name in names], return_inverse=True)[1].astype(np.int64)


def measure(folder: Path, portraits: Path | None, cache: Path) -> dict[str, object]:
    """All figures, ready for JSON."""
    names, faces = lfw_embeddings(folder, cache)
    person, apart = people_of(folder, names), distances(faces, faces)
    pairs = stranger_pairs(apart, person)
    tail = Tail.fit(pairs)
    low, high = np.quantile(spread(apart, person), [0.05, 0.95], axis=0)
    figures: dict[str, object] = {
        "pairs": len(pairs),
        "tail": {"rate": tail.rate, "distance": tail.distance, "exponent": tail.exponent},
        "held_out_rates": held_out(apart, person),
        "thresholds": {
            size: {
                "shipped": guarantee.gallery_threshold(size),
                "90 % interval": [float(low[i]), float(high[i])],
            }
            for i, size in enumerate(SIZES)
        },
        "same_person_within": _genuine(apart, person),
        "wishes": wishes(faces, person),
    }
    if portraits is not None:
        figures["portraits_against_lfw"] = _against(faces, portrait_embeddings(portraits, cache))
    return figures


def _genuine(apart: Values, person: NDArray[np.int64]) -> dict[int, float]:
    """Share of pairs of photos of one person that would still be matched at each size."""
    same = person[:, None] == person[None]
    own = apart[np.triu(same, 1)]
    return {size: float(np.mean(own <= guarantee.gallery_threshold(size))) for size in SIZES}


def wishes(faces: FloatArray, person: NDArray[np.int64]) -> dict[str, float]:
    """By gender and group the distance within which lies as large a share of strangers of that gender and group as of
    white men, most of LFW, within ORIGINAL_PREFERRED; one photo of each ``person`` (N,), of ``faces`` (N, D)."""
    first = faces[np.unique(person, return_index=True)[1]]
    seems = attributes.load()(first)
    pairs = {}
    for gender in ("male", "female"):
        for column, group in enumerate(GROUPS):
            kind = first[(seems.group[:, column] > LIKELY) & ((seems.male > 0.5) == (gender == "male"))]
            if len(kind) >= PEOPLE:
                pairs[f"{gender} {group}"] = distances(kind, kind)[np.triu_indices(len(kind), 1)]
    share = float(np.mean(pairs["male white"] < P.ORIGINAL_PREFERRED))
    return {kind: float(np.quantile(found, share)) for kind, found in pairs.items()}


def _against(faces: FloatArray, portraits: FloatArray) -> dict[str, float]:
    """Rates between photos and portraits at the thresholds where strangers have RATES."""
    pairs = distances(faces, portraits).ravel()
    tail = Tail(P.STRANGERS_TAIL_RATE, P.STRANGERS_TAIL_DISTANCE, P.STRANGERS_TAIL_EXPONENT)
    return {f"{rate:g}": float(np.mean(pairs < tail.threshold(rate))) for rate in RATES}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--portraits", type=Path)
    parser.add_argument(
        "--cache", type=Path, default=Path("var/embeddings"), help="where embeddings are kept"
    )
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.folder, arguments.portraits, arguments.cache), indent=1))


if __name__ == "__main__":
    main()
