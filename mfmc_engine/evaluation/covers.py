"""Things drawn before faces: masks, phones, cups, scarves, sunglasses, caps, hands, whatever hides half of a head.

Photos with them are rare in public sets, and people behind a mask know each other still. Each cover is drawn where the
68 landmarks of the bare face say, flat or with the face's own shading, so that it is known who is behind it. Drawn
covers are cruder than real ones: what is measured on them says which of two detectors misses fewer, not how many of the
people in the street are missed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mfmc_engine.landmarks import eye_centres
from mfmc_engine.types import FloatArray, Image

Colour = tuple[int, int, int]
Random = np.random.Generator

# RGB of 255: surgical blue, white, black, grey, red, navy, pink, olive, cream, and what phones and cups are of
CLOTHS: Final[tuple[Colour, ...]] = (
    (150, 190, 215),
    (235, 235, 235),
    (25, 25, 28),
    (120, 125, 130),
    (170, 40, 50),
    (60, 80, 130),
    (215, 170, 190),
    (90, 120, 80),
    (245, 240, 225),
)
THINGS: Final[tuple[Colour, ...]] = (
    (20, 20, 22),
    (230, 230, 232),
    (60, 60, 70),
    (180, 160, 140),
    (200, 60, 50),
    (40, 80, 60),
)


@dataclass(frozen=True, slots=True)
class Colours:
    """What covers are drawn in, each drawn from these at random."""

    cloths: Sequence[Colour] = CLOTHS
    things: Sequence[Colour] = THINGS


USUAL: Final = Colours()
_SHIFT: Final = 4  # bits of OpenCV's fixed-point coordinates


@dataclass(frozen=True, slots=True)
class Cover:
    """One thing before a face."""

    name: str
    paint: Callable[[Image, FloatArray, Random, Colours], None]

    def draw(self, photo: Image, marks: FloatArray, random: Random, colours: Colours = USUAL) -> None:
        """Draw it on an (H, W, 3) ``photo``, by the (68, 2) landmarks of the face."""
        self.paint(photo, marks, random, colours)


@dataclass(frozen=True, slots=True)
class _Place:
    """A face's own axes, px of the photo."""

    marks: FloatArray  # (68, 2)
    apart: float  # the eyes' centres
    right: FloatArray  # (2,) as long, to the picture's right
    down: FloatArray  # (2,) as long, toward the chin

    @classmethod
    def of(cls, marks: FloatArray) -> _Place:
        first, second = eye_centres(marks)
        right = second - first
        down = np.array([-right[1], right[0]], np.float32)
        return cls(marks, float(np.hypot(*right)), right, down)

    def box(self, centre: FloatArray, left: float, top: float, right: float, bottom: float) -> FloatArray:
        """(4, 2) corners so many eye distances from a centre."""
        steps = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
        return np.asarray(centre + steps[:, :1] * self.right + steps[:, 1:] * self.down, np.float32)

    def ellipse(self, centre: FloatArray, wide: float, tall: float) -> FloatArray:
        """(32, 2) outline that reaches so many eye distances from a centre to either side, and up and down."""
        angle = np.arange(32)[:, None] * (2 * np.pi / 32)
        return np.asarray(
            centre + wide * np.cos(angle) * self.right + tall * np.sin(angle) * self.down, np.float32
        )

    def jaw(self, grown: float) -> FloatArray:
        """(15, 2) the jaw from ear to ear, a little beyond the face."""
        nose = self.marks[30]
        return np.asarray(nose + (self.marks[1:16] - nose) * grown, np.float32)


def _fill(photo: Image, polygon: FloatArray, colour: Colour) -> None:
    corners = np.round((np.asarray(polygon, np.float64) - 0.5) * 2**_SHIFT).astype(np.int32)
    cv2.fillPoly(photo, [corners], colour, cv2.LINE_AA, _SHIFT)


def _chosen(colours: Sequence[Colour], random: Random) -> Colour:
    return colours[int(random.integers(len(colours)))]


def _cloth(photo: Image, polygon: FloatArray, apart: float, random: Random, colours: Colours) -> None:
    """A cloth of one colour, three in ten patterned, that lies on the face and has its light and shade."""
    inside = np.zeros(photo.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.round(polygon - 0.5).astype(np.int32)], 1)
    if not inside.any():
        return
    grey = cv2.GaussianBlur(photo.astype(np.float32).mean(2), (0, 0), max(0.25 * apart, 0.5))
    level = float(grey[inside > 0].mean())
    shade = np.clip(1 + 0.7 * (grey / max(level, 1.0) - 1), 0.4, 1.6) * np.clip(
        0.4 + 0.6 * level / 150, 0.4, 1.15
    )
    drawn = photo.copy()
    _fill(drawn, polygon, _chosen(colours.cloths, random))
    cloth = drawn.astype(np.float32)
    if random.random() < 0.3:
        cloth += _pattern(inside.shape, random)[..., None]
    lit = np.clip(cloth * shade[..., None], 0, 255).round().astype(np.uint8)
    photo[:] = np.where(inside[..., None] > 0, lit, drawn)


def _pattern(shape: tuple[int, ...], random: Random) -> NDArray[np.float32]:
    spots = cv2.GaussianBlur(random.normal(0, 1, shape).astype(np.float32), (0, 0), random.uniform(0.8, 3))
    return np.asarray(spots * (25 / max(float(spots.std()), 1e-3)), np.float32)


def _mask(photo: Image, marks: FloatArray, random: Random, colours: Colours) -> None:
    place, high = _Place.of(marks), random.uniform(0, 0.6)
    top = marks[28] * (1 - high) + marks[29] * high
    _cloth(photo, np.vstack([place.jaw(random.uniform(1, 1.08)), top[None]]), place.apart, random, colours)


def _low_mask(photo: Image, marks: FloatArray, random: Random, colours: Colours) -> None:
    place, top = _Place.of(marks), (marks[33] + marks[51]) / 2
    _cloth(
        photo, np.vstack([place.jaw(random.uniform(1, 1.08))[2:-2], top[None]]), place.apart, random, colours
    )


def _black_mask(photo: Image, marks: FloatArray, random: Random, colours: Colours) -> None:
    place = _Place.of(marks)
    _fill(photo, np.vstack([place.jaw(1.05), marks[28][None]]), CLOTHS[2])


def _scarf(photo: Image, marks: FloatArray, random: Random, colours: Colours) -> None:
    place = _Place.of(marks)
    edge = np.vstack([marks[:3].mean(0)[None], marks[3:14], marks[14:17].mean(0)[None]])
    hanging = edge + 0.5 * place.down
    nose = (0.3 * marks[33] + 0.7 * marks[30])[None]
    _cloth(photo, np.vstack([hanging, edge[-1:], nose, edge[:1]]), place.apart, random, colours)


def _sunglasses(photo: Image, marks: FloatArray, random: Random, colours: Colours) -> None:
    place, colour = _Place.of(marks), (15, 15, 18)
    eyes = eye_centres(marks)
    for eye in eyes:
        _fill(photo, place.ellipse(eye, 0.42, 0.32), colour)
    _fill(photo, place.box((eyes[0] + eyes[1]) / 2, -0.4, -0.08, 0.4, 0.0), colour)


def _mask_and_sunglasses(photo: Image, marks: FloatArray, random: Random, colours: Colours) -> None:
    _black_mask(photo, marks, random, colours)
    _sunglasses(photo, marks, random, colours)


def _cap(photo: Image, marks: FloatArray, random: Random, colours: Colours) -> None:
    brows, up = marks[17:27], marks[17:27].mean(0) - marks[33]
    colour = _chosen(colours.cloths, random)
    _fill(photo, np.vstack([brows + 0.05 * up, (brows + 1.4 * up)[::-1]]), colour)
    _fill(photo, np.vstack([brows, (brows + 0.35 * up)[::-1]]), tuple(int(0.7 * c) for c in colour))  # type: ignore[arg-type]


def _phone(photo: Image, marks: FloatArray, random: Random, colours: Colours) -> None:
    place = _Place.of(marks)
    wide, top = random.uniform(0.45, 0.65), random.uniform(-0.9, -0.2)
    aside = random.uniform(-0.4, 0.4)
    held = place.box(marks[30], aside - wide, top, aside + wide, top + 2.4)
    _fill(photo, held, _chosen(colours.things, random))


def _cup(photo: Image, marks: FloatArray, random: Random, colours: Colours) -> None:
    corners = _Place.of(marks).box((marks[51] + marks[33]) / 2, -0.5, -0.05, 0.5, 1.3)
    corners[2:] += 0.1 * (corners[[3, 2]] - corners[[2, 3]])
    _fill(photo, corners, _chosen(colours.things, random))


def _hand(photo: Image, marks: FloatArray, random: Random, colours: Colours) -> None:
    """A fist before the mouth, of the face's own colour."""
    place = _Place.of(marks)
    height, width = photo.shape[:2]
    x, y = (np.clip(marks[[2, 14, 30], i].astype(int), 0, end - 1) for i, end in ((0, width), (1, height)))
    skin = np.median(photo[y, x], 0)
    _fill(photo, place.ellipse(marks[51], 0.75, 0.5), tuple(int(0.9 * c) for c in skin))  # type: ignore[arg-type]
    for below in (-0.3, -0.1, 0.1, 0.3):
        gap = place.box(marks[51], -0.6, below, 0.6, below + 0.03)
        _fill(photo, gap, tuple(int(0.7 * c) for c in skin))  # type: ignore[arg-type]


def _half(photo: Image, marks: FloatArray, random: Random, colours: Colours) -> None:
    """Whatever stands before one side of the head."""
    place = _Place.of(marks)
    left, right = ((-1.6, 0.0), (0.0, 1.6))[int(random.integers(2))]
    _fill(photo, place.box(marks[27], left, -1.3, right, 2.0), _chosen(colours.things, random))


def _bar(photo: Image, marks: FloatArray, random: Random, colours: Colours) -> None:
    place = _Place.of(marks)
    _fill(photo, place.box(marks[36:48].mean(0), -1.0, -0.3, 1.0, 0.3), (0, 0, 0))


COVERS: Final = (
    Cover("mask", _mask),
    Cover("black mask", _black_mask),
    Cover("mask below the nose", _low_mask),
    Cover("scarf", _scarf),
    Cover("sunglasses", _sunglasses),
    Cover("black mask and sunglasses", _mask_and_sunglasses),
    Cover("cap", _cap),
    Cover("phone", _phone),
    Cover("cup", _cup),
    Cover("fist", _hand),
    Cover("one half", _half),
    Cover("bar over the eyes", _bar),
)
