"""Whose face a given box gets, and whether what is laid over it covers it: two people, one half behind the other."""

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfmc_engine import parameters as P
from mfmc_engine import placing, replacement, swappable
from mfmc_engine.engine import Engine
from mfmc_engine.swappable import Obstacle
from mfmc_engine.swapping.patch import Patch
from mfmc_engine.swapping.redaction import redact
from mfmc_engine.types import DecoyRequest, Face, FloatArray, Image, Quality

BOX = np.array([100, 100, 200, 220], np.float32)


class Pair(NamedTuple):
    """Somebody in front of somebody else."""

    image: Image
    front: FloatArray  # their boxes
    behind: FloatArray
    bare: np.ndarray  # (H, W) what is seen of the inner face of the one behind


@pytest.fixture(scope="module")
def pair(photo, faces) -> Pair:
    """The fourth person's head before the sixth's face, two fifths of it to the side, on their part of t1.jpg."""
    front, behind = faces[3], faces[5]
    middle, half = (front.box[:2] + front.box[2:]) / 2, (front.box[2:] - front.box[:2]) / 2 * [1.1, 1.15]
    x0, y0 = np.floor(middle - half).astype(int)
    x1, y1 = np.ceil(middle + half).astype(int)
    head = photo[y0:y1, x0:x1]
    height, width = head.shape[:2]
    rows, columns = np.mgrid[:height, :width] + 0.5
    shown = np.hypot(2 * columns / width - 1, 2 * rows / height - 1) <= 0.95
    side = behind.box[2] - behind.box[0]
    x, y = ((behind.box[:2] + behind.box[2:]) / 2 + [0.4 * side, 0] - [width / 2, height / 2]).astype(int)
    image, bare = photo.copy(), np.zeros(photo.shape[:2], np.uint8)
    cv2.fillConvexPoly(bare, cv2.convexHull(np.round(behind.landmarks[17:]).astype(np.int32)), 1)
    image[y : y + height, x : x + width][shown] = head[shown]
    bare[y : y + height, x : x + width][shown] = 0
    left, top = np.maximum(0, behind.box[:2] - 1.2 * side).astype(int)
    moved = front.box + np.tile([x - x0, y - y0], 2)
    corner = np.tile([left, top], 2)
    return Pair(
        np.ascontiguousarray(image[top:, left:]),
        (moved - corner).astype(np.float32),
        (behind.box - corner).astype(np.float32),
        bare[top:, left:] > 0,
    )


@pytest.fixture(scope="module")
def both(pair, real_engine) -> list[Face]:
    """What analysis says of the one in front and the one behind, whose boxes it is given."""
    return list(real_engine.analyze(pair.image, [pair.front, pair.behind]).faces[-2:])


def drawn(engine: Engine, image: Image, faces: list[Face]):
    return engine.make_decoys(image, [DecoyRequest(face, bytes([i])) for i, face in enumerate(faces)])


def of_landmarks(landmarks: FloatArray, box: FloatArray = BOX) -> Face:
    return Face(box, 1.0, landmarks, np.zeros(128, np.float32), Quality(100.0, 1.0, 0.0, 1.0), "given")


def patch_of(box, alpha: int = 255) -> Patch:
    x0, y0, x1, y1 = (int(edge) for edge in box)
    return Patch(
        (x0, y0), np.zeros((y1 - y0, x1 - x0, 3), np.uint8), np.full((y1 - y0, x1 - x0), alpha, np.uint8)
    )


def test_who_is_half_behind_somebody_is_not_hidden_by_a_decoy_on_their_face(pair, both, real_engine) -> None:
    front, behind = both
    assert (front.astray, behind.astray) == (False, True)
    assert swappable.obstacle(behind) is Obstacle.ASTRAY
    decoys = drawn(real_engine, pair.image, both)
    assert decoys[0].kind == "swap"
    assert decoys[1].kind == "redaction"
    seen = real_engine.compose(pair.image, decoys, [1])
    changed = (seen != pair.image).any(2)
    assert pair.bare.sum() > 1000
    assert changed[pair.bare].mean() > 0.99
    # it reaches as far as a head in that box does, and no farther onto the one in front
    middle, half = (pair.behind[:2] + pair.behind[2:]) / 2, (pair.behind[2:] - pair.behind[:2]) / 2
    rows, columns = np.mgrid[: len(changed), : changed.shape[1]] + 0.5
    away = np.hypot((columns - middle[0]) / half[0], (rows - middle[1]) / half[1])
    assert not changed[away > P.REDACTION_GROWTH * (1 + P.REDACTION_FEATHER) + 0.05].any()


def test_who_is_in_front_keeps_their_own_landmarks_and_nobody_is_matched_to_the_other(
    pair, both, real_engine
):
    front, behind = both
    assert placing.fits(front.landmarks, pair.front)
    assert placing.fits(behind.landmarks, pair.behind)  # nobody's
    assert (behind.landmarks >= pair.behind[:2] - 1).all()
    assert (behind.landmarks <= pair.behind[2:] + 1).all()
    assert np.linalg.norm(front.embedding - behind.embedding) > 0
    assert front.quality.score > P.MATCH_MIN_QUALITY > behind.quality.score


def test_a_box_of_who_is_behind_does_not_take_the_face_in_front_away(pair, real_engine) -> None:
    *found, behind = real_engine.analyze(pair.image, [pair.behind]).faces
    assert behind.astray
    assert any(placing.fits(face.landmarks, pair.front) for face in found)


def test_a_found_face_is_the_given_one_that_it_overlaps_most(photo, faces, real_engine) -> None:
    own = faces[2].box
    beside = own + np.tile([0.1, 0.1] * (own[2:] - own[:2]), 2)
    seen = real_engine.analyze(photo, [beside, own, faces[0].box]).faces
    assert [face.source for face in seen] == ["detected"] * 4 + ["given"] * 3
    assert [face.astray for face in seen[-3:]] == [True, False, False]
    np.testing.assert_array_equal(seen[-2].landmarks, faces[2].landmarks)
    np.testing.assert_array_equal(seen[-1].landmarks, faces[0].landmarks)
    assert all(
        placing.covers(decoy, face.box)
        for decoy, face in zip(drawn(real_engine, photo, list(seen[-3:])), seen[-3:], strict=True)
    )


def test_of_one_face_given_twice_one_is_swapped_and_the_other_hidden_all_the_same(photo, faces, real_engine):
    first, second = real_engine.analyze(photo, [faces[4].box] * 2).faces[-2:]
    assert (first.astray, second.astray) == (False, True)
    one, other = drawn(real_engine, photo, [first, second])
    assert (one.kind, other.kind) == ("swap", "redaction")
    assert placing.covers(one, first.box)
    assert placing.covers(other, second.box)


@pytest.mark.parametrize("place", [(600, 600, 660, 680), (5, 5, 6, 6), (0, 0, 300, 40)])
def test_a_box_in_which_nobody_is_is_covered(photo, real_engine, place) -> None:
    face = real_engine.analyze(photo, [place]).faces[-1]
    (decoy,) = drawn(real_engine, photo, [face])
    assert decoy.kind == "redaction"
    assert placing.covers(decoy, place)


def test_a_swap_that_leaves_a_given_box_bare_becomes_a_redaction(
    photo, faces, real_engine, monkeypatch
) -> None:
    asked = []

    def bare(patch, box) -> bool:
        asked.append((type(patch), box.tolist()))
        return False

    monkeypatch.setattr(replacement.placing, "covers", bare)
    kinds = [drawn(real_engine, photo, [replace(faces[1], source=s)])[0].kind for s in ("detected", "given")]
    assert kinds == ["swap", "redaction"]
    assert asked == [(Patch, faces[1].box.tolist())]


def test_faces_whose_second_search_ends_at_one_place_are_not_both_swapped(faces) -> None:
    one, other = faces[0], faces[1]
    found = swappable.in_place(
        [one, Obstacle.SMALL, replace(other, landmarks=one.landmarks), replace(other, source="given")]
    )
    assert found[0] is one
    assert found[1] is Obstacle.SMALL
    assert found[2] is Obstacle.ASTRAY
    assert isinstance(found[3], Face)
    beside = replace(other, source="given", landmarks=one.landmarks)
    assert swappable.in_place([beside]) == [Obstacle.ASTRAY]
    assert swappable.in_place([Obstacle.SMALL]) == [Obstacle.SMALL]


@pytest.mark.parametrize("side", [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_a_patch_that_lies_to_one_side_does_not_cover(side) -> None:
    size = BOX[2:] - BOX[:2]
    assert placing.covers(patch_of(BOX), BOX)
    assert placing.covers(patch_of(BOX + np.tile(0.2 * size * side, 2)), BOX)  # the core is still under it
    beside = BOX + np.tile(0.45 * size * side, 2)
    assert not placing.covers(patch_of(beside), BOX)
    assert not placing.covers(patch_of(BOX + np.tile(2 * size * side, 2)), BOX)
    assert not placing.covers(patch_of(BOX, alpha=P.CORE_OPAQUE - 1), BOX)


def test_a_quarter_left_bare_is_too_much_however_well_the_rest_is_covered() -> None:
    patch = patch_of(BOX)
    patch.alpha[:55, :47] = 0  # nearly up to the middle of BOX
    columns, rows, _ = placing._core(BOX)
    assert (patch.alpha[rows - 100, columns - 100] > 0).mean() > P.CORE_COVERED
    assert not placing.covers(patch, BOX)


@pytest.mark.parametrize(
    ("across", "down", "expected"),
    [
        (0, 0, True),
        (0.1, 0, True),
        (0.1, 0.15, True),
        (0.45, 0, False),
        (-0.5, 0, False),
        (0, 0.7, False),
    ],
)
def test_landmarks_fit_a_box_whose_core_they_lie_around(across, down, expected) -> None:
    moved = placing.nobodys(BOX) + [across, down] * (BOX[2:] - BOX[:2])
    assert placing.fits(moved.astype(np.float32), BOX) is expected
    assert not placing.fits(np.full((68, 2), np.nan, np.float32), BOX)


def test_of_two_with_the_same_landmarks_the_one_whose_box_they_fill_less_is_astray() -> None:
    marks = placing.nobodys(BOX)
    boxes = np.stack([BOX + 20, BOX, BOX]).astype(np.float32)
    same = np.stack([marks, marks, marks + 1])
    for whoever in (False, True):
        assert placing.astray(boxes, same, np.full(3, whoever)).tolist() == [True, False, True]
    apart = marks + np.array([60, 0], np.float32)
    assert placing.astray(boxes[:2], np.stack([apart, marks]), np.zeros(2, bool)).tolist() == [False, False]


@settings(max_examples=60)
@given(
    size=st.tuples(st.floats(1, 90), st.floats(1, 90)),
    corner=st.tuples(st.floats(0, 60), st.floats(0, 60)),
    shift=st.tuples(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5)),
    scale=st.floats(0.05, 3),
)
def test_a_redaction_covers_its_box_wherever_the_landmarks_are(size, corner, shift, scale) -> None:
    box = np.array([*corner, *np.add(corner, size)], np.float32)
    middle = (box[:2] + box[2:]) / 2
    marks = (placing.nobodys(box) - middle) * scale + middle + np.multiply(shift, max(size))
    patch = redact(
        np.zeros((150, 150, 3), np.uint8),
        of_landmarks(marks.astype(np.float32), box),
        np.random.default_rng(0),
    )
    assert placing.covers(patch, box)
