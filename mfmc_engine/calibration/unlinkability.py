"""Do the decoys of two photos of one person look like one person? More than those of two people would?

Run: ``python -m mfmc_engine.calibration.unlinkability ../shared/data/lfw --people 120 [--mobilefacenet FILE.onnx]``.
Both photos of each person are swapped, each with a seed of its own, the second unlike the first's decoy. A pair of
decoys is accepted below the threshold at which 1 % of strangers pass. Pairs of different people count within one
apparent gender and group only, because decoys keep those.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from mfmc_engine import attributes
from mfmc_engine import parameters as P
from mfmc_engine.calibration.lfw import Embed, Person, Subject, people, recognizers, subject
from mfmc_engine.compositing import compose
from mfmc_engine.engine import Engine
from mfmc_engine.types import DecoyRequest, FloatArray


@dataclass(frozen=True, slots=True)
class Disguised:
    """One photo after the swap."""

    donor: str | None  # None: redacted
    attempts: int
    own: FloatArray  # (V, D) what the engine measured
    views: dict[str, FloatArray]  # (D,) of the output, per recogniser


def disguise(
    engine: Engine, recognizer: dict[str, Embed], photo: Subject, seed: bytes, apart: FloatArray
) -> Disguised:
    """The photo's decoy, unlike those in ``apart`` (N, D), seen by every recogniser at landmarks found anew."""
    decoy = engine.make_decoys(photo.image, [DecoyRequest(photo.face, seed, apart)])[0]
    result = compose(photo.image, [decoy], [0])
    marks = subject(engine, result).face.landmarks
    return Disguised(
        decoy.donor,
        decoy.attempts,
        decoy.views,
        {name: embed(result, marks) for name, embed in recognizer.items()},
    )


def cells(subjects: list[list[Subject]]) -> NDArray[np.int64]:
    """Apparent gender and group of each person, as one number: (N,)."""
    means = np.stack([np.mean([s.face.embedding for s in photos], 0) for photos in subjects])
    looks = attributes.load()(means)
    return (looks.male > 0.5) * len(attributes.GROUPS) + looks.group.argmax(1)


def report(disguised: list[list[Disguised]], cell: NDArray[np.int64], names: list[str]) -> dict[str, object]:
    """Accepted shares of pairs of one person and of two people of one cell; only pairs of swaps count."""
    swapped = [i for i, pair in enumerate(disguised) if all(d.donor for d in pair)]
    one = [(disguised[i][0], disguised[i][1]) for i in swapped]
    two = [
        (a, b)
        for k, i in enumerate(swapped)
        for j in swapped[:k]
        if cell[i] == cell[j]
        for a in disguised[i]
        for b in disguised[j]
    ]
    figures: dict[str, object] = {
        "people": len(swapped),
        "pairs_of_two_people": len(two),
        "attempts": float(np.mean([d.attempts for pair in disguised for d in pair])),
        "same_donor": {"one": _share(one, _same), "two": _share(two, _same)},
    }
    for name in names:
        threshold = P.LFW_THRESHOLDS[name]

        def accepted(a: Disguised, b: Disguised, name: str = name, threshold: float = threshold) -> bool:
            return bool(np.linalg.norm(a.views[name] - b.views[name]) < threshold)

        figures[name] = {"one": _share(one, accepted), "two": _share(two, accepted)}
    return figures


def _same(a: Disguised, b: Disguised) -> bool:
    return a.donor == b.donor


Pair = tuple[Disguised, Disguised]


def _share(pairs: list[Pair], test: Callable[[Disguised, Disguised], bool]) -> float:
    return round(float(np.mean([test(a, b) for a, b in pairs])), 4) if pairs else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, default=120)
    parser.add_argument("--seeds", type=int, default=1, help="draws of each pair")
    parser.add_argument("--mobilefacenet", type=Path)
    parser.add_argument(
        "--independent", dest="apart", action="store_false", help="draw the second as if unknown to the first"
    )
    arguments = parser.parse_args()
    engine = Engine(threads=1)
    known = recognizers(engine, arguments.mobilefacenet)
    chosen: list[Person] = people(arguments.folder, arguments.people)
    subjects = [[subject(engine, image) for image in person.images()] for person in chosen]
    cell = np.tile(cells(subjects), arguments.seeds)
    disguised = []
    for draw in range(arguments.seeds):
        for person, photos in zip(tqdm(chosen, disable=None), subjects, strict=True):
            pair: list[Disguised] = []
            for number, photo in enumerate(photos):
                before = [d.own for d in pair if arguments.apart]
                apart = np.concatenate(
                    [np.empty((0, engine.pack.recognizer.dimensions), np.float32), *before]
                )
                pair.append(disguise(engine, known, photo, f"{person.name} {number} {draw}".encode(), apart))
            disguised.append(pair)
    print(json.dumps(report(disguised, cell, list(known)), indent=1))


if __name__ == "__main__":
    main()
