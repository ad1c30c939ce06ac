"""How many donors are left beside a large gallery, drawn as a plot.

Run: ``python -m mfmc_engine.calibration.survivors ../shared/data/lfw --out docs/images`` (writes donors-left.json and
donors-left.svg). Nobody has a gallery of a million faces to spare, so large ones are simulated: embeddings drawn from
a distribution fitted to one photo each of LFW's 840 people. A Gaussian alone has too few look-alikes, so a share of
the people is drawn round real ones: as a random combination of a person's nearest neighbours (a smoothed bootstrap).
The share is chosen so that simulated strangers lie as near to each other as real ones do, which the JSON file shows.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfmc_engine import guarantee
from mfmc_engine.calibration.strangers import people_of
from mfmc_engine.donors import bank
from mfmc_engine.donors.embedding import lfw_embeddings
from mfmc_engine.donors.selection import distances
from mfmc_engine.recognition.nearest import Index
from mfmc_engine.types import FloatArray

Values = NDArray[np.float64]
SIZES = (10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
NEIGHBOURS = 40
LOCAL_SHARE = 0.35  # of the people, see above
BLOCK = 10_000  # people drawn at once
FIXED = {".51 at any size": 0.51, ".578 at any size": 0.578}


@dataclass(frozen=True, slots=True)
class Crowd:
    """A distribution of embeddings to draw strangers from."""

    people: Values  # (N, D), one photo each
    neighbours: NDArray[np.int64]  # (N, NEIGHBOURS)

    @classmethod
    def of(cls, people: FloatArray) -> Crowd:
        apart = distances(people, people)
        return cls(people.astype(np.float64), np.argsort(apart, axis=1)[:, :NEIGHBOURS])

    def draw(self, number: int, random: np.random.Generator) -> FloatArray:
        """``number`` embeddings (number, D)."""
        mean, factor = self.people.mean(0), np.linalg.cholesky(np.cov(self.people.T) + 1e-9 * np.eye(128))
        drawn = mean + random.standard_normal((number, len(mean))) @ factor.T
        local = np.flatnonzero(random.random(number) < LOCAL_SHARE)
        near = self.people[self.neighbours[random.integers(len(self.people), size=len(local))]]
        centre = near.mean(1)
        weights = random.standard_normal((len(local), NEIGHBOURS)) / np.sqrt(NEIGHBOURS - 1)
        drawn[local] = centre + np.einsum("lk,lkd->ld", weights, near - centre[:, None])
        return drawn.astype(np.float32)


def closest(donors: FloatArray, crowd: Crowd, seed: int, largest: int) -> Iterator[tuple[int, Values]]:
    """For each of SIZES up to ``largest`` the donors' distances (N,) to the nearest of so many people."""
    random = np.random.default_rng(seed)
    near, done = np.full(len(donors), np.inf), 0
    for size in (size for size in SIZES if size <= largest):
        while done < size:
            number = min(BLOCK, size - done)
            near = np.minimum(near, Index(crowd.draw(number, random)).nearest(donors))
            done += number
        yield size, near.copy()


def measure(folder: Path, cache: Path, largest: int, seeds: int = 1) -> dict[str, object]:
    """Shares of donors left at every size and rule, and how well the simulation resembles real strangers."""
    names, faces = lfw_embeddings(folder, cache)
    _, first = np.unique(people_of(folder, names), return_index=True)
    people, donors = faces[first], bank.load().embeddings
    crowd = Crowd.of(people)
    rows: dict[int, dict[str, list[float]]] = {}
    for seed in range(seeds):
        for size, near in closest(donors, crowd, seed, largest):
            limits = {"gallery_threshold": guarantee.gallery_threshold(size), **FIXED}
            for rule, limit in limits.items():
                rows.setdefault(size, {}).setdefault(rule, []).append(float(np.mean(near > limit)))
    real, simulated = (_rates(x) for x in (people, crowd.draw(4000, np.random.default_rng(99))))
    beside = Index(people).nearest(donors)
    return {
        "donors": len(donors),
        "threshold": {size: round(guarantee.gallery_threshold(size), 4) for size in rows},
        "left": {
            size: {rule: round(float(np.mean(found)), 4) for rule, found in row.items()}
            for size, row in rows.items()
        },
        "left_beside_the_real_840": float(np.mean(beside > guarantee.gallery_threshold(len(people)))),
        "strangers_nearer_than": {"real": real, "simulated": simulated},
    }


def _rates(embeddings: FloatArray) -> dict[str, float]:
    pairs = distances(embeddings, embeddings)[np.triu_indices(len(embeddings), 1)]
    return {f"{limit:g}": float(f"{np.mean(pairs < limit):.3g}") for limit in (0.578, 0.51, 0.46, 0.41)}


# --- the plot ---
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 380, 64, 190, 24, 52  # px
COLOURS = {"gallery_threshold": "#0b6e4f", ".51 at any size": "#c77d0a", ".578 at any size": "#b3261e"}


def plot(left: dict[int, dict[str, float]]) -> str:
    """An SVG picture of the share of donors left (y) against the number of templates (x, logarithmic)."""
    sizes = list(left)
    span = np.log10(sizes[-1] / sizes[0])

    def x(size: float) -> float:
        return float(LEFT + np.log10(size / sizes[0]) / span * (WIDTH - LEFT - RIGHT))

    def y(share: float) -> float:
        return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="13" fill="#333">',
        "<title>Donors left against the size of the gallery</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    parts += [
        f'<path d="M{LEFT} {y(share):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        f'<text x="{LEFT - 8}" y="{y(share) + 4:.1f}" text-anchor="end">{share:.0%}</text>'
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    parts += [
        f'<text x="{x(size):.1f}" y="{HEIGHT - 30}" text-anchor="middle">{size:,}</text>'
        for size in sizes
        if str(size).strip("0") == "1"
    ]
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">templates in the gallery</text>'
    )
    for rule, colour in COLOURS.items():
        line = " ".join(f"{x(size):.1f},{y(row[rule]):.1f}" for size, row in left.items())
        name = "threshold by size" if rule == "gallery_threshold" else rule
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
            f'<text x="{WIDTH - RIGHT + 8}" y="{y(left[sizes[-1]][rule]) + 4:.1f}" fill="{colour}">{name}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="templates in the largest gallery")
    parser.add_argument(
        "--cache", type=Path, default=Path("var/embeddings"), help="where embeddings are kept"
    )
    arguments = parser.parse_args()
    figures = measure(arguments.folder, arguments.cache, arguments.largest)
    left = figures["left"]
    assert isinstance(left, dict)
    (arguments.out / "donors-left.json").write_text(json.dumps(figures, indent=1) + "\n")
    (arguments.out / "donors-left.svg").write_text(plot(left))
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
