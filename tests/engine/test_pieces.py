"""Long pictures: searched at an angle piece by piece, so that memory grows with their pixels, and nobody is lost."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mfmc_engine.detection.candidates import Candidates
from mfmc_engine.detection.pieces import pieces
from mfmc_engine.detection.pyramid import Pyramid
from mfmc_engine.geometry import apply
from mfmc_engine.parameters import ELONGATED, PIECE_LEAST_MARGIN, PIECE_LONGEST, ROOM
from tests.engine.test_detection import boxes_of

CPU = torch.device("cpu")


def pyramid(width: int, height: int, degrees: float) -> Pyramid:
    return Pyramid.of(np.zeros((height, width, 3), np.uint8), CPU).turned(degrees)


def canvas(parts) -> float:
    """Pixels of what holds the turned pieces."""
    return float(sum(piece.pyramid.size.prod() for piece in parts))


@pytest.mark.parametrize("degrees", [45, 315, 20])
@pytest.mark.parametrize("size", [(400, 100), (100, 400), (300, 200), (16, 16)])
def test_pictures_up_to_four_to_one_are_looked_at_whole(size, degrees) -> None:
    whole = pyramid(*size, degrees)
    assert max(size) <= ELONGATED * min(size)
    assert [piece.pyramid for piece in pieces(whole)] == [whole]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_strip_is_whole_in_the_quarter_turns_up_to_some_length(degrees) -> None:
    whole = pyramid(PIECE_LONGEST, 2, degrees)
    assert [piece.pyramid for piece in pieces(whole)] == [whole]
    assert len(pieces(pyramid(PIECE_LONGEST + 1, 2, degrees))) > 1


@pytest.mark.parametrize("degrees", [45, 315, 30])
@pytest.mark.parametrize("size", [(4096, 1), (4000, 30), (60_000, 30), (30, 16_000), (4000, 500), (900, 200)])
def test_a_turned_strip_needs_a_small_multiple_of_its_pixels(size, degrees) -> None:
    needed = canvas(pieces(pyramid(*size, degrees)))
    assert needed <= 8 * max(size) * max(min(size), PIECE_LEAST_MARGIN)


@given(
    st.integers(1, 40),
    st.integers(400, 4000),
    st.booleans(),
    st.sampled_from([45.0, 315.0, 20.0, 200.0]),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_every_place_is_told_by_one_piece_that_sees_what_surrounds_it(
    height, width, upended, degrees, along, across
) -> None:
    size = (height, width) if upended else (width, height)
    place = (across * height, along * width) if upended else (along * width, across * height)
    whole = pyramid(*size, degrees)
    there = apply(whole.transform, np.array([place], np.float32))[0]
    tell = []
    for piece in pieces(whole):
        own = there - piece.corner
        box = np.concatenate([own - 3, own + 3])[None].astype(np.float32)
        found = piece.in_whole(
            Candidates(box, np.ones(1, np.float32), np.tile(own, (1, 5, 1)).astype(np.float32))
        )
        if len(found):
            np.testing.assert_allclose(found.points[0, 0], there, atol=0.02)
            tell.append(piece)
    assert len(tell) == 1
    x, y = piece_corner(tell[0])
    start, end = (
        (y, y + tell[0].pyramid.images[0].shape[0])
        if upended
        else (x, x + tell[0].pyramid.images[0].shape[1])
    )
    position = along * width
    assert start <= max(0, position - PIECE_LEAST_MARGIN + 1)
    assert end >= min(width, position + PIECE_LEAST_MARGIN - 1)


def piece_corner(piece) -> tuple[int, int]:
    """Where a piece begins, px of the picture."""
    linear = piece.whole.transform[:, :2]
    shift = piece.corner + piece.pyramid.transform[:, 2] - piece.whole.transform[:, 2]
    x, y = np.linalg.solve(linear, shift).round().astype(int)
    return int(x), int(y)


def leaning(photo, person, side: int) -> np.ndarray:
    """(side, side, 3) with one of the six leaning by 45 degrees."""
    x0, y0, x1, y1 = (int(edge) for edge in person.box)
    centre = ((x0 + x1) / 2, (y0 + y1) / 2)
    turn = cv2.getRotationMatrix2D(centre, 45, side / (2.2 * (y1 - y0)))
    turn[:, 2] += side / 2 - np.array(centre)
    return cv2.warpAffine(photo, turn, (side, side), borderMode=cv2.BORDER_REFLECT)


@pytest.mark.parametrize("upended", [False, True])
def test_people_who_lean_are_found_all_along_a_strip(photo, analysis, real_engine, upended) -> None:
    side, places = 120, [60, 315, 505, 700, 1100, 1338]
    strip = np.full((side, 1400, 3), 120, np.uint8)
    for number, x in enumerate(places):
        strip[:, x - 60 : x + 60] = leaning(photo, analysis.faces[number], side)
    strip = np.ascontiguousarray(strip.transpose(1, 0, 2)) if upended else strip
    found = boxes_of(real_engine.analyze(strip).faces)
    axis = 1 if upended else 0
    centres = (found[:, axis] + found[:, axis + 2]) / 2
    assert all(np.abs(centres - x).min() < 20 for x in places)
    assert len(found) == 6


def test_a_strip_is_searched_in_bounded_canvases(real_engine, monkeypatch) -> None:
    """Turned by 45 degrees in one piece, it would need 18 million pixels."""
    seen: list[int] = []
    level = Pyramid.level
    monkeypatch.setattr(
        Pyramid, "level", lambda self, scale: seen.append(int(self.size.prod())) or level(self, scale)
    )
    assert real_engine.analyze(np.zeros((20, 6000, 3), np.uint8)).faces == ()
    assert max(seen) <= 6000 * ROOM
    assert sum(seen) < 6000 * ROOM * 8
