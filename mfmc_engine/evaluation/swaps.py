"""How many annotated faces end as swaps, and what stands in the way of the others.

The photos, the size of a face and what finds it are those of ``recall``. Everybody in a photo gets a decoy, as
where all are hidden, from seeds that depend on the photo's name alone: the same code gives the same figures.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mfmc_engine.engine import Engine
from mfmc_engine.evaluation.recall import Annotation, annotated, boxes_of, pairs, sizes
from mfmc_engine.imaging import decode
from mfmc_engine.parameters import SWAPPED_BAR, SWAPPED_SIZE
from mfmc_engine.swappable import Obstacle, prepared
from mfmc_engine.types import DecoyRequest, Image


@dataclass(frozen=True, slots=True)
class Redacted:
    """One face that got no swap."""

    photo: str
    box: list[float]  # as annotated
    why: str


@dataclass(slots=True)
class Tally:
    """Counts of faces of SWAPPED_SIZE px and more over the photos seen so far."""

    photos: int = 0
    faces: int = 0
    found: int = 0
    redacted: list[Redacted] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Of those that are found, the share that is swapped."""
        return (self.found - len(self.redacted)) / max(1, self.found)

    @property
    def passed(self) -> bool:
        """Whether the bar is met."""
        return self.share >= SWAPPED_BAR

    def reasons(self) -> list[tuple[str, int]]:
        """How many are redacted for what, the most frequent first."""
        return Counter(one.why for one in self.redacted).most_common()

    def summary(self) -> dict[str, Any]:
        """Counts and share, ready for JSON."""
        return {
            "photos": self.photos,
            "faces": self.faces,
            "found": self.found,
            "swapped": self.found - len(self.redacted),
            "share": round(self.share, 4),
            "redacted": [asdict(one) for one in self.redacted],
            "passed": self.passed,
        }


def measure(engine: Engine, folder: Path) -> Tally:
    """The tally over all photos of ``folder``."""
    tally = Tally()
    for name, marked in annotated(folder).items():
        _add(tally, engine, name, decode(folder / name), marked)
    return tally


def _add(tally: Tally, engine: Engine, name: str, photo: Image, marked: list[Annotation]) -> None:
    faces = engine.analyze(photo).faces
    decoys = engine.make_decoys(
        photo, [DecoyRequest(face, f"{name} {i}".encode()) for i, face in enumerate(faces)]
    )
    counted = np.array([not a["ignore"] for a in marked], bool) & (sizes(marked) >= SWAPPED_SIZE)
    truth = np.array([a["box"] for a in marked], np.float32).reshape(-1, 4)
    tally.photos += 1
    tally.faces += int(counted.sum())
    for row, column in zip(*pairs(boxes_of(faces), truth), strict=True):
        if not counted[row]:
            continue
        tally.found += 1
        if decoys[column].kind == "redaction":
            (found,) = prepared(engine.pack, photo, [faces[column]])
            why = (
                found
                if isinstance(found, Obstacle)
                else f"none of {decoys[column].attempts} donors kept the promise"
            )
            tally.redacted.append(Redacted(name, marked[row]["box"], str(why)))
