"""Naming faces: one person once, and never in doubt."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mfmc_engine.parameters import AMBIGUITY_MARGIN, MATCH_THRESHOLD
from mfmc_engine.recognition.matching import match
from mfmc_engine.types import Face, Gallery, Quality


def face(*position: float, quality: float = 0.9) -> Face:
    """A face whose embedding is a point in the plane."""
    return Face(
        box=np.array([0, 0, 50, 50], np.float32),
        score=1.0,
        landmarks=np.zeros((68, 2), np.float32),
        embedding=np.array(position, np.float32),
        quality=Quality(50, 0.9, 0, quality),
    )


def gallery(**people: tuple[float, float]) -> Gallery:
    return Gallery(tuple(people), np.array(list(people.values()), np.float32).reshape(-1, 2))


def named(matches) -> list[str | None]:
    return [m.person for m in matches]


def test_an_empty_gallery_knows_nobody() -> None:
    (found,) = match([face(0, 0)], Gallery())
    assert (found.state, found.person, found.distance) == ("unknown", None, float("inf"))
    assert match([], gallery(ann=(0, 0))) == []


def test_the_nearest_person_within_the_threshold_is_the_one() -> None:
    people = gallery(ann=(0, 0), ben=(2, 0))
    near, far = match([face(0.3, 0), face(1, 0)], people)
    assert (near.state, near.person) == ("matched", "ann")
    assert abs(near.distance - 0.3) < 1e-6
    assert (far.state, far.person) == ("unknown", None)


def test_a_person_with_several_templates_counts_by_the_closest() -> None:
    people = Gallery(("ann", "ben", "ann"), np.array([[5, 0], [3, 0], [0, 0.1]], np.float32))
    assert named(match([face(0, 0)], people)) == ["ann"]


def test_a_face_close_to_two_people_is_ambiguous() -> None:
    (found,) = match([face(0, 0)], gallery(ann=(0.3, 0), ben=(-0.3 - AMBIGUITY_MARGIN / 2, 0)))
    assert (found.state, found.person) == ("ambiguous", None)


def test_a_rival_just_beyond_the_threshold_still_makes_a_face_ambiguous() -> None:
    edge = MATCH_THRESHOLD
    (found,) = match([face(0, 0)], gallery(ann=(edge - 0.01, 0), ben=(-edge - 0.01, 0)))
    assert found.state == "ambiguous"


def test_the_closer_of_two_faces_gets_the_name_and_the_other_none() -> None:
    near, far = match([face(0.05, 0), face(0, 0.4)], gallery(ann=(0, 0)))
    assert near.person == "ann"
    assert far.person is None


def test_two_faces_equally_close_to_one_person_are_both_ambiguous() -> None:
    states = [m.state for m in match([face(0.1, 0), face(-0.1, 0)], gallery(ann=(0, 0)))]
    assert states == ["ambiguous", "ambiguous"]


def test_a_face_is_never_named_after_its_second_nearest() -> None:
    """The better face takes Ann, and the other one, nearer to Ann than to Ben, is not called Ben for it."""
    taken, left = match([face(0, 0), face(0.2, 0)], gallery(ann=(0, 0), ben=(0.6, 0)))
    assert taken.person == "ann"
    assert left.person is None


def test_a_poor_face_is_unknown_however_close() -> None:
    (found,) = match([face(0, 0, quality=0.05)], gallery(ann=(0, 0)))
    assert (found.state, found.person) == ("unknown", None)


def test_a_rejection_is_remembered_for_that_face_only() -> None:
    people = gallery(ann=(0, 0))
    first, second = match([face(0.05, 0), face(0.3, 0)], people, exclude=[(0, "ann")])
    assert first.person is None
    assert second.person == "ann"
    assert named(match([face(0, 0)], people, exclude=[(0, "nobody"), (7, "ann")])) == ["ann"]


points = st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), max_size=6)


@given(points, points, st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5))))
def test_whatever_the_faces_the_rules_hold(faces, people, rejected) -> None:
    names = [f"p{i}" for i in range(len(people))]
    enrolled = Gallery(tuple(names), np.array(people, np.float32).reshape(-1, 2))
    exclude = {(f, f"p{p}") for f, p in rejected}
    matches = match([face(*p) for p in faces], enrolled, exclude)
    assert len(matches) == len(faces)
    counts = Counter(m.person for m in matches if m.person)
    assert all(count == 1 for count in counts.values())
    for i, found in enumerate(matches):
        assert (found.state == "matched") == (found.person is not None)
        if found.person is None:
            continue
        assert (i, found.person) not in exclude
        distances = {
            n: float(np.linalg.norm(np.float32(faces[i]) - np.float32(p)))
            for n, p in zip(names, people, strict=True)
            if (i, n) not in exclude
        }
        mine = distances.pop(found.person)
        assert mine <= MATCH_THRESHOLD + 1e-5
        assert all(other - mine > AMBIGUITY_MARGIN - 1e-4 for other in distances.values())


@given(points, points, st.randoms(use_true_random=False))
def test_the_order_of_the_gallery_changes_nothing(faces, people, random) -> None:
    rows = [(f"p{i}", p) for i, p in enumerate(people)]
    shuffled = random.sample(rows, len(rows))
    results = [
        match(
            [face(*p) for p in faces],
            Gallery(tuple(n for n, _ in r), np.array([p for _, p in r], np.float32).reshape(-1, 2)),
        )
        for r in (rows, shuffled)
    ]
    assert named(results[0]) == named(results[1])
