"""How many people are missed who are alone in a picture and behind something, whichever way up it is stored.

In the annotated photos (``recall``) many stand beside each other, and one bare face tells which way up the others do.
Pictures of one person, as people take them of themselves, have no other: nobody in them is sure. So each annotated
person is cut out with head and shoulders, enlarged, covered (``covers``) and turned. A face counts as found as in
``recall``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from mfmc_engine.detection import Detector
from mfmc_engine.errors import EngineError
from mfmc_engine.evaluation.covers import COVERS, Cover
from mfmc_engine.evaluation.recall import annotated, bare, boxes_of, compare, turned
from mfmc_engine.imaging import decode
from mfmc_engine.packs.pack import Pack
from mfmc_engine.types import FloatArray, Image

ANGLES: Final = (0, 90, 180, 270)  # degrees counter-clockwise
SMALLEST: Final = 36.0  # px of a face; smaller ones are unlike those of pictures taken from nearby
ASIDE: Final = 1.1  # sizes of a face from its centre: what a picture shows beside and above it
BELOW: Final = 1.6
SIDE: Final = 600  # px, longer side of a picture


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody cut out of a photo, bare."""

    name: str  # the photo's, and their number in it
    picture: Image
    box: FloatArray  # (4,) px of the picture
    landmarks: FloatArray  # (68, 2)

    @classmethod
    def of(cls, name: str, photo: Image, box: FloatArray, landmarks: FloatArray) -> Person:
        """The person whose (4,) box and (68, 2) landmarks, px of an (H, W, 3) photo, these are."""
        reach = float((box[2:] - box[:2]).max()) * np.array([ASIDE, ASIDE, ASIDE, BELOW])
        centre = (box[:2] + box[2:]) / 2
        x0, y0 = np.maximum(centre - reach[:2], 0).astype(int)
        x1, y1 = np.minimum(centre + reach[2:], photo.shape[1::-1]).astype(int)
        scale = SIDE / max(x1 - x0, y1 - y0)
        corner = np.array([x0, y0], np.float32)
        picture = cv2.resize(photo[y0:y1, x0:x1], None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        return cls(
            name,
            np.asarray(picture, np.uint8),
            np.asarray((box - np.tile(corner, 2)) * scale, np.float32),
            np.asarray((landmarks - corner) * scale, np.float32),
        )

    def covered(self, cover: Cover, seed: int) -> Image:
        """The picture with something drawn before the face."""
        drawn = self.picture.copy()
        cover.draw(drawn, self.landmarks, np.random.default_rng(seed))
        return drawn


def people(pack: Pack, folder: Path, every: int = 1) -> list[Person]:
    """Every ``every``-th annotated person of ``folder`` who is found bare. Raises EngineError if there is none."""
    found = []
    for name, marked in annotated(folder).items():
        photo = decode(folder / name)
        boxes, landmarks = bare(pack, photo, marked)
        for number, (box, points) in enumerate(zip(boxes, landmarks, strict=True)):
            if (box[2:] - box[:2]).max() >= SMALLEST:
                found.append(Person.of(f"{name} {number}", photo, box, points))
    if not found:
        raise EngineError(f"{folder}: nobody of {SMALLEST:g} px and more is found bare in these photos")
    return found[::every]


def measure(
    detector: Detector,
    people: Sequence[Person],
    angles: Sequence[int] = ANGLES,
    covers: Sequence[Cover] = COVERS,
) -> Iterator[tuple[Cover, int, list[str]]]:
    """For each cover and angle the names of those who are missed."""
    for cover in covers:
        pictures = [person.covered(cover, seed) for seed, person in enumerate(people)]
        for angle in angles:
            missed = [
                person.name
                for person, picture in zip(people, pictures, strict=True)
                if not _is_found(detector, *turned(picture, [person.box.tolist()], angle))
            ]
            yield cover, angle, missed


def _is_found(detector: Detector, picture: Image, truth: FloatArray) -> bool:
    return bool(compare(boxes_of(detector.detect(picture)), truth)[0].any())
