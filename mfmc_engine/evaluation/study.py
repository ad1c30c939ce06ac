"""Material for human studies: balanced sets of pictures under meaningless names, and the key to them.

``real_or_decoy/``  as many untouched faces as decoys, each person once: "is this face real?"
``same_person/``    pairs: an untouched photo beside a decoy or an untouched other photo of the person: "the same?"
``before_after/``   pairs of a photo and its rendition, in random order: "which one was changed?"
``answer_key.csv``  set, item, files, right answer, person and donor. Keep it away from participants.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from mfmc_engine.errors import EngineError
from mfmc_engine.evaluation.experiment import Experiment
from mfmc_engine.imaging import encode
from mfmc_engine.types import Image

FIELDS = ("set", "item", "left", "right", "answer", "person", "donor")
QUALITY = 95  # JPEG; decoys and originals are encoded alike, or the file would give the answer away


def export(found: Experiment, folder: Path, seed: int) -> int:
    """Write the three sets into ``folder``; returns the number of items. Only swaps are shown, never redactions.

    Raises EngineError with fewer than two people whose faces were swapped.
    """
    arm = found.settings.decoy_arms()[0]
    rows = found.rows[arm.name]
    people = found.trial.people[found.trial.probes]
    of: dict[str, list[int]] = {}
    for at, row in enumerate(rows):
        if row["kind"] == "swap":
            of.setdefault(str(people[at]), []).append(at)
    if len(of) < 2:
        raise EngineError("a study needs two people or more whose faces were swapped")
    random = np.random.default_rng(seed)
    order = [str(person) for person in random.permutation(sorted(of))]
    order = order[: len(order) // 2 * 2]  # balanced
    writer = _Writer(folder, found, random)
    for position, person in enumerate(order):
        first = of[person][0]
        writer.single(first, decoy=position % 2 == 0)
        writer.changed(first)
        if len(of[person]) > 1:
            writer.pair(first, of[person][1], decoy=position % 2 == 0)
    writer.close()
    return len(writer.key)


class _Writer:
    """Numbers items in random order and keeps the key."""

    def __init__(self, folder: Path, found: Experiment, random: np.random.Generator) -> None:
        self.folder, self.found, self.random = folder, found, random
        self.arm = found.settings.decoy_arms()[0]
        self.key: list[dict[str, str]] = []
        self.items: list[tuple[str, list[Image], dict[str, str]]] = []

    def _pictures(self, at: int) -> tuple[Image, Image]:
        return self.found.worker.rendition(self.found.indices[at], self.arm)

    def _about(self, at: int, answer: str, donor: bool) -> dict[str, str]:
        person = str(self.found.trial.people[self.found.trial.probes[at]])
        return {
            "answer": answer,
            "person": person,
            "donor": self.found.rows[self.arm.name][at]["donor"] if donor else "",
        }

    def single(self, at: int, decoy: bool) -> None:
        """One face, real or decoy."""
        about = self._about(at, "decoy" if decoy else "real", decoy)
        self.items.append(("real_or_decoy", [self._pictures(at)[int(decoy)]], about))

    def changed(self, at: int) -> None:
        """A photo and its rendition, either one first."""
        before, after = self._pictures(at)
        left = bool(self.random.integers(2))
        about = self._about(at, "left" if left else "right", True)
        self.items.append(("before_after", [after, before] if left else [before, after], about))

    def pair(self, at: int, other: int, decoy: bool) -> None:
        """Another photo of the person beside this one or its decoy."""
        about = self._about(at, "decoy" if decoy else "same", decoy)
        self.items.append(("same_person", [self._pictures(other)[0], self._pictures(at)[int(decoy)]], about))

    def close(self) -> None:
        """Write pictures and key, each set in a random order of its own."""
        for name in ("real_or_decoy", "before_after", "same_person"):
            chosen = [item for item in self.items if item[0] == name]
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            for number, at in enumerate(self.random.permutation(len(chosen))):
                _, pictures, about = chosen[at]
                sides = ("",) if len(pictures) == 1 else ("-left", "-right")
                files = [f"{name}/{number:04d}{side}.jpg" for side in sides]
                for file, picture in zip(files, pictures, strict=True):
                    (self.folder / file).write_bytes(encode(picture, ".jpg", QUALITY))
                self.key.append(
                    {"set": name, "item": f"{number:04d}", "left": files[0], "right": files[-1], **about}
                )
        with (self.folder / "answer_key.csv").open("w", newline="") as output:
            writer = csv.DictWriter(output, FIELDS)
            writer.writeheader()
            writer.writerows(self.key)
