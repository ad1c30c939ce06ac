"""Spectacles and sunglasses drawn before eyes, of all shapes, breadths and colours, and exactly where they hide what.

Nobody has marked the frames in photos of faces; drawn ones are known to the pixel. They are drawn four times finer
than the picture, lit by the face's own light, throw a shadow, shine in places, and may stand anywhere that people wear
them: straight, tilted, or slipped down the nose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mfmc_engine.types import FloatArray, Image

Random = np.random.Generator

FINER: Final = 4
_BITS: Final = 4  # of OpenCV's fixed-point coordinates
_TURN: Final = np.linspace(0, 2 * np.pi, 64, endpoint=False)
_APART: Final = 64.0  # px between the eyes that all sizes below are given for
# RGB of 255: black, dark brown, tortoise, grey, steel, gold, red, navy, cream
FRAMES: Final = (
    (22, 20, 22),
    (60, 38, 28),
    (95, 58, 30),
    (85, 85, 88),
    (150, 150, 152),
    (170, 135, 80),
    (130, 30, 35),
    (35, 45, 85),
    (205, 195, 180),
)
# black, brown, grey, green, blue, amber
LENSES: Final = (
    (14, 14, 16),
    (45, 28, 20),
    (50, 52, 55),
    (28, 40, 30),
    (30, 40, 70),
    (95, 55, 25),
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture of somebody who wears something before the eyes."""

    picture: Image  # (H, W, 3)
    frame: FloatArray  # (H, W) share of each pixel that the frame hides
    lens: FloatArray  # (H, W) the same of lenses that eyes are not seen behind


@dataclass(frozen=True, slots=True)
class _Pair:
    """The lines of one pair, px of the picture."""

    rims: list[FloatArray]  # (64, 2) each, closed
    bridge: list[FloatArray]
    temples: list[FloatArray]
    breadth: float  # of the rim


def clear(picture: Image, eyes: FloatArray, random: Random) -> Drawn:
    """Spectacles on an (H, W, 3) picture of somebody whose eyes are centred at ``eyes`` (2, 2), from left to right."""
    pair = _pair(eyes, random, 1.0)
    kind = random.choice(["full", "upper", "none"], p=[0.76, 0.14, 0.1])
    hides = _lines(pair, kind, picture.shape[:2])
    colour = _lit(picture, np.array(FRAMES[random.integers(len(FRAMES))]) * random.uniform(0.7, 1.2))
    colour = _shining(colour, random)
    opaque = hides * (random.uniform(0.5, 0.9) if random.random() < 0.15 else 1.0)
    inside = _filled(pair.rims, picture.shape[:2])
    out = _shadowed(picture.astype(np.float32), hides, random)
    out = _glass(out, inside, random)
    out = out + opaque[..., None] * (colour - out)
    return Drawn(_rounded(out), opaque, np.zeros_like(hides))


def dark(picture: Image, eyes: FloatArray, random: Random) -> Drawn:
    """The same with sunglasses: dark, shaded downward, or mirrors of what lies before them."""
    shape = picture.shape[:2]
    pair = _pair(eyes, random, random.uniform(1.0, 1.3))
    inside = _filled(_shield(pair, random) if random.random() < 0.15 else pair.rims, shape)
    tone = np.array(LENSES[random.integers(len(LENSES))], np.float32) * random.uniform(0.5, 1.4)
    rows = np.mgrid[: shape[0], : shape[1]][0].astype(np.float32)
    down = ((rows - eyes[:, 1].mean()) / (0.5 * np.hypot(*(eyes[1] - eyes[0])))).clip(-1, 1)
    hides = np.full(shape, random.uniform(0.82, 1.0), np.float32)
    if random.random() < 0.3:  # lighter below
        hides = hides - (down + 1) * random.uniform(0.05, 0.17)
    colour = np.broadcast_to(tone, (*shape, 3)).astype(np.float32)
    if random.random() < 0.6:
        colour = colour + _mirrored(shape, down, random)
    if random.random() < 0.4:  # one bright spot a lens, as of lamps and windows
        colour = colour + _spots(shape, eyes, random)
    hides = (hides * inside).clip(0, 1)
    out = _shadowed(picture.astype(np.float32), inside, random)
    out = out + hides[..., None] * (colour - out)
    frame = np.zeros(shape, np.float32)
    if random.random() < 0.85:
        frame = _lines(pair, "full" if random.random() < 0.85 else "upper", shape)
        own = FRAMES[random.integers(len(FRAMES))] if random.random() < 0.5 else tone * 0.8
        tint = _shining(_lit(picture, np.asarray(own, np.float32)), random)
        out = out + frame[..., None] * (tint - out)
    return Drawn(_rounded(out), frame, hides * (1 - frame))


def _pair(eyes: FloatArray, random: Random, larger: float) -> _Pair:
    middle, across = eyes.mean(0), eyes[1] - eyes[0]
    scale = float(np.hypot(*across)) / _APART
    tilt = random.normal(0, 0.03)
    along = across / max(float(np.hypot(*across)), 1e-3)
    along = along @ np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    down = np.array([-along[1], along[0]])
    half = random.uniform(19, 30) * larger
    high = float(np.clip(half * random.uniform(0.5, 0.95), 11, 27 * larger))
    corners = float(np.exp(random.uniform(np.log(1.7), np.log(5))))  # of the superellipse
    out, low = random.uniform(-1, 4), random.normal(3.5, 3.5) + (8 if random.random() < 0.1 else 0)
    narrower = random.normal(0, 0.08)  # of one side, on turned heads
    sheared, wider = (
        random.normal(0, 0.06),
        random.normal(0, 0.12),
    )  # corners raised; broader above than below

    def lens(side: int) -> FloatArray:
        c, s = np.cos(_TURN), np.sin(_TURN)
        x = half * (1 + side * narrower) * np.sign(c) * np.abs(c) ** (2 / corners)
        y = high * np.sign(s) * np.abs(s) ** (2 / corners)
        x = x * (1 - wider * y / high) + out
        y = y - sheared * x + low
        return (eyes[(side + 1) // 2] + scale * (side * x[:, None] * along + y[:, None] * down)).astype(
            np.float32
        )

    rims = [lens(-1), lens(1)]
    at = [[float(((rim - middle) @ along).max()), float(((rim - middle) @ along).min())] for rim in rims]
    left, right = at[0][0], at[1][1]
    height = low - high * random.uniform(0.0, 0.75)
    bridges = []
    for lift in [0.0] if random.random() < 0.88 else [0.0, -0.45 * high]:
        shares = np.linspace(0, 1, 12)
        rise = random.uniform(0, 6) * 4 * shares * (1 - shares)
        x = left + (right - left) * shares
        y = scale * (height + lift - rise)
        bridges.append((middle + x[:, None] * along + y[:, None] * down).astype(np.float32))
    temples = []
    begins = low - high * random.uniform(0.2, 0.9)
    for side in (-1, 1):
        outer = at[(side + 1) // 2][1 if side < 0 else 0]
        length = scale * random.uniform(8, 34)
        falls = random.normal(0.05, 0.12)
        x = outer + side * length * np.array([-0.08, 0, 1])
        y = scale * begins + length * falls * np.array([0, 0, 1])
        temples.append((middle + x[:, None] * along + y[:, None] * down).astype(np.float32))
    breadth = scale * float(np.exp(random.uniform(np.log(0.8), np.log(6.5))))
    return _Pair(rims, bridges, temples, breadth)


def _shield(pair: _Pair, random: Random) -> list[FloatArray]:
    """Both lenses and what is between them as one, as skiers and cyclists wear it."""
    left, right = pair.rims
    upper, lower = (slice(34, 62), slice(2, 30))
    notch = np.concatenate([left[lower][:1], right[lower][-1:]]).mean(0, keepdims=True)
    lift = random.uniform(0, 0.7) * (left[:, 1].max() - left[:, 1].min())
    parts = [left[upper], right[62:33:-1], right[30:1:-1], notch - [0, lift], left[lower]]
    whole = np.concatenate(parts).astype(np.float32)
    return [np.asarray(cv2.convexHull(whole)[:, 0], np.float32) if random.random() < 0.3 else whole]


def _lines(pair: _Pair, kind: str, shape: tuple[int, ...]) -> FloatArray:
    """(H, W) of rims (all round, only above, or none), bridge and temples."""
    canvas = _canvas(shape)
    breadth = max(1, round(pair.breadth * FINER))

    def draw(line: FloatArray, closed: bool, share: float = 1.0) -> None:
        thick = max(1, round(breadth * share))
        cv2.polylines(canvas, [_fixed(line)], closed, 255, thick, cv2.LINE_AA, _BITS)

    for rim in pair.rims:
        if kind == "full":
            draw(rim, True)
            draw(rim[34:62], False, 1.25)  # a little stronger above
        elif kind == "upper":
            draw(rim[32:], False)
    for bar in pair.bridge:
        draw(bar, False, 0.9)
    for temple in pair.temples:
        draw(temple, False, 1.1)
    return _shares(canvas, shape)


def _filled(rims: list[FloatArray], shape: tuple[int, ...]) -> FloatArray:
    """(H, W) of what rims hold."""
    canvas = _canvas(shape)
    for rim in rims:
        cv2.fillPoly(canvas, [_fixed(rim)], 255, cv2.LINE_AA, _BITS)
    return _shares(canvas, shape)


def _canvas(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.zeros([side * FINER for side in shape[:2]], np.uint8)


def _fixed(line: FloatArray) -> NDArray[np.int32]:
    """(N, 2) points of the picture as OpenCV takes them on the finer canvas."""
    return np.round((line * FINER - 0.5) * 2**_BITS).astype(np.int32)


def _shares(canvas: NDArray[np.uint8], shape: tuple[int, ...]) -> FloatArray:
    """(H, W) how much of each pixel of the picture is drawn on."""
    finer = canvas.astype(np.float32) / 255
    return np.asarray(cv2.resize(finer, shape[1::-1], interpolation=cv2.INTER_AREA), np.float32)


def _lit(picture: Image, colour: NDArray) -> FloatArray:
    """(H, W, 3) ``colour`` in the picture's light, of which its own brightness, far smoothed, stands."""
    grey = cv2.GaussianBlur(picture.mean(2).astype(np.float32), (0, 0), picture.shape[0] / 8)
    light = (grey / 130).clip(0.25, 1.6)
    return np.asarray(light[..., None] * np.asarray(colour, np.float32), np.float32)


def _waves(shape: tuple[int, ...], size: float, random: Random) -> FloatArray:
    coarse = random.normal(0, 1, [2 + int(side / size) for side in shape[:2]]).astype(np.float32)
    return np.asarray(cv2.resize(coarse, shape[1::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def _shining(colour: FloatArray, random: Random) -> FloatArray:
    """Frames shine in places."""
    strength = random.uniform(0, 110) if random.random() < 0.6 else 0.0
    shine = (_waves(colour.shape, 9, random) - 0.8).clip(0, 1)
    return np.asarray(colour + strength * shine[..., None], np.float32)


def _shadowed(picture: FloatArray, hides: FloatArray, random: Random) -> FloatArray:
    moved = np.array([[1, 0, random.normal(0, 1.5)], [0, 1, random.uniform(0, 5)]], np.float32)
    shadow = cv2.warpAffine(hides, moved, hides.shape[::-1])
    shadow = cv2.GaussianBlur(shadow, (0, 0), random.uniform(0.7, 3))
    return np.asarray(picture * (1 - random.uniform(0, 0.4) * shadow[..., None]), np.float32)


def _glass(picture: FloatArray, inside: FloatArray, random: Random) -> FloatArray:
    """Clear lenses: a little darker than skin beside them, some with a reflection."""
    tint = random.uniform(0, 0.25) if random.random() < 0.25 else random.uniform(0, 0.06)
    out = picture * (1 - tint * inside[..., None])
    if random.random() < 0.35:
        shine = (_waves(picture.shape, random.uniform(8, 30), random) - random.uniform(0, 1)).clip(0, 1)
        colour = np.array([235, 240, 245], np.float32) * random.uniform(0.6, 1)
        out = out + (random.uniform(0.1, 0.8) * shine * inside)[..., None] * (colour - out)
    return np.asarray(out, np.float32)


def _mirrored(shape: tuple[int, ...], down: FloatArray, random: Random) -> FloatArray:
    """(H, W, 3) what dark lenses mirror: a sky above ground, or anything blurred."""
    colour = random.uniform(random.choice([0.0, 0.8]), 1, 3) * random.uniform(20, 220)
    slope = random.choice([-1, 1]) * random.uniform(0, 0.5)
    level = 0.5 + slope * down + 0.3 * _waves(shape, random.uniform(10, 40), random)
    if random.random() < 0.5:  # a horizon, level or not
        leaning = random.normal(0, 0.2) * np.linspace(-1, 1, shape[1], dtype=np.float32)
        edge = (random.uniform(-0.5, 0.5) + leaning - down) * random.uniform(2, 12)
        level = level + random.choice([-0.3, 0.6, 1.0]) * np.tanh(edge)
    return np.asarray(level.clip(0, 1.3)[..., None] * colour, np.float32)


def _spots(shape: tuple[int, ...], eyes: FloatArray, random: Random) -> FloatArray:
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    offset = random.normal(0, 8, 2)
    size = random.uniform(1, 5)
    spots = sum(
        np.exp(-((columns - x - offset[0]) ** 2 + (rows - y - offset[1]) ** 2) / (2 * size**2))
        for x, y in eyes
    )
    return np.asarray(random.uniform(60, 220) * np.asarray(spots)[..., None] * np.ones(3), np.float32)


def _rounded(picture: FloatArray) -> Image:
    return np.asarray(picture.round().clip(0, 255), np.uint8)
