"""Which faces are swapped, and by whose landmarks: on the six-person photo, and on pictures without a face."""

import dataclasses
import hashlib
from types import SimpleNamespace

import numpy as np
import pytest

from mfmc_engine import parameters as P
from mfmc_engine import quality, swappable
from mfmc_engine.landmarks import EYES, eyelids, facemesh, five_of
from mfmc_engine.swappable import Obstacle
from mfmc_engine.types import DecoyRequest, Face


@pytest.fixture(scope="module")
def marked(photo, faces, real_engine):
    return real_engine.pack.face_mesh.mark(photo, faces)


def doubts_of(*doubts):
    """A search that finds the landmarks where they are, and these doubts about them."""
    return lambda pack, image, faces: (np.stack([face.landmarks for face in faces]), list(doubts))


@pytest.fixture
def guesses(monkeypatch, faces):
    """All landmarks are in doubt."""
    monkeypatch.setattr(swappable, "searched_again", doubts_of(*[np.inf] * len(faces)))


def apart(marks, others):
    """(N, 68) distances in inter-ocular ones."""
    eyes = [others[:, eye].mean(1) for eye in EYES]
    return np.linalg.norm(marks - others, axis=2) / np.linalg.norm(eyes[1] - eyes[0], axis=1)[:, None]


@pytest.mark.parametrize("network", [facemesh, eyelids])
def test_the_weights_are_those_whose_origin_is_told(network):
    digest = hashlib.sha256(network.WEIGHTS.read_bytes()).hexdigest()
    assert digest in network.WEIGHTS.with_name("PROVENANCE.md").read_text()


def test_the_mesh_agrees_with_dlib_on_faces_that_both_mark_well(faces, marked):
    marks, certain, between = marked
    frontal = [i for i, face in enumerate(faces) if abs(face.quality.yaw) < 30]
    assert len(frontal) >= 4
    assert (certain > P.FACEMESH_PRESENCE).all()
    assert (between < P.FACEMESH_APART).all()
    distances = apart(marks, np.stack([face.landmarks for face in faces]))[frontal]
    assert (
        np.median(distances[:, 27:]) < 0.06
    )  # nose, eyes and mouth; jaws and brows are drawn by another rule
    assert np.median(distances[:, :27]) < 0.2


@pytest.mark.parametrize("quarters", [1, 2])
def test_marks_turn_with_the_picture(photo, faces, marked, real_engine, quarters):
    height, width = photo.shape[:2]

    def turned(points):
        x, y = points[..., 0], points[..., 1]
        return np.stack([y, width - x] if quarters == 1 else [width - x, height - y], -1).astype(np.float32)

    lying = []
    for face in faces:
        corners = turned(face.box.reshape(2, 2))
        box = np.concatenate([corners.min(0), corners.max(0)])
        lying.append(dataclasses.replace(face, box=box, landmarks=turned(face.landmarks)))
    found, certain, _ = real_engine.pack.face_mesh.mark(
        np.ascontiguousarray(np.rot90(photo, quarters)), lying
    )
    assert (certain > P.FACEMESH_PRESENCE).all()
    assert apart(found, turned(marked[0])).mean() < 0.01


@pytest.mark.parametrize("ground", ["grey", "noise", "waves"])
def test_the_mesh_sees_no_face_where_there_is_none(photo, faces, real_engine, ground):
    blank = np.full(photo.shape, 128, np.uint8)
    if ground == "noise":
        blank = np.random.default_rng(0).integers(0, 256, photo.shape, np.uint8)
    if ground == "waves":
        blank[:] = (128 + 100 * np.sin(np.arange(photo.shape[1]) / 9))[:, None]
    _, certain, _ = real_engine.pack.face_mesh.mark(blank, faces)
    assert (certain < P.FACEMESH_PRESENCE).all()


def test_landmarks_that_agree_are_averaged_and_nothing_else_changes(photo, faces, real_engine):
    for one, other in zip(swappable.to_swap(real_engine.pack, photo, faces), faces, strict=True):
        assert one.embedding is other.embedding
        assert one.quality == other.quality
        distances = apart(one.landmarks[None], other.landmarks[None])
        assert 0 < distances.mean() < 2 * P.SWAP_MAX_DOUBT  # what one search is off by, not what three spread


def test_averaged_landmarks_hang_less_on_where_the_search_started(photo, faces, real_engine):
    def found(shift):
        points = five_of(np.stack([face.landmarks for face in faces])) + shift
        marks = real_engine.pack.landmarker.mark(photo, points.astype(np.float32), passes=1)
        moved = [dataclasses.replace(face, landmarks=one) for face, one in zip(faces, marks, strict=True)]
        return marks, swappable.searched_again(real_engine.pack, photo, moved)[0]

    (single, averaged), (other_single, other_averaged) = found([2.0, 1.0]), found([-2.0, -1.0])
    assert apart(averaged, other_averaged).mean() < 0.8 * apart(single, other_single).mean()


def test_where_landmarks_are_guesses_the_mesh_marks_whom_it_is_sure_of(
    photo, faces, marked, real_engine, guesses
):
    found = swappable.to_swap(real_engine.pack, photo, faces)
    swapped = [i for i, face in enumerate(found) if isinstance(face, Face)]
    assert len(swapped) >= 4
    for i in swapped:
        np.testing.assert_array_equal(found[i].landmarks, marked[0][i])
        assert np.linalg.norm(found[i].embedding - faces[i].embedding) > 0
        assert abs(found[i].quality.yaw) <= P.FACEMESH_MAX_YAW


@pytest.mark.parametrize("number", ["FACEMESH_PRESENCE", "FACEMESH_SCORE"])
def test_whoever_is_not_sure_enough_is_redacted(photo, faces, real_engine, guesses, monkeypatch, number):
    monkeypatch.setattr(P, number, 1.1)
    assert swappable.to_swap(real_engine.pack, photo, faces) == [Obstacle.DOUBTFUL] * len(faces)


def test_a_head_that_the_mesh_sees_turned_far_is_redacted(
    photo, faces, marked, real_engine, guesses, monkeypatch
):
    turns = [abs(quality.yaw(marks)) for marks in marked[0]]
    monkeypatch.setattr(P, "FACEMESH_MAX_YAW", float(np.median(turns)))
    found = swappable.to_swap(real_engine.pack, photo, faces)
    assert [one is Obstacle.TURNED for one in found] == [turn > P.FACEMESH_MAX_YAW for turn in turns]


@pytest.mark.parametrize(
    ("doubt", "certain", "between", "stays"),
    [
        (P.SWAP_SOME_DOUBT + 0.001, 0.0, 0.05, False),
        (P.SWAP_MAX_DOUBT, 0.0, 0.05, False),
        (P.SWAP_SOME_DOUBT, 0.0, 0.05, True),  # not asked
        (P.SWAP_MAX_DOUBT, 0.99, 0.05, True),  # it sees a face
        (P.SWAP_MAX_DOUBT, 0.0, 0.005, True),  # it sees none, but where it is: behind a hand
    ],
)
def test_where_landmarks_waver_a_face_that_the_mesh_denies_is_redacted(
    photo, faces, monkeypatch, doubt, certain, between, stays
):
    def mark(image, asked):
        return None, np.full(len(asked), certain), np.full(len(asked), between)

    monkeypatch.setattr(swappable, "searched_again", doubts_of(doubt, 0, doubt))
    pack = SimpleNamespace(face_mesh=SimpleNamespace(mark=mark))
    wanted = [face if stays or i == 1 else Obstacle.DOUBTFUL for i, face in enumerate(faces[:3])]
    found = swappable.to_swap(pack, photo, faces[:3])
    for one, other in zip(found, wanted, strict=True):
        assert one is other or one.embedding is other.embedding


def test_a_face_is_sure_where_the_mesh_sees_one_too(photo, faces, real_engine):
    assert swappable.surely_faces(real_engine.pack, photo, faces) == [True] * len(faces)
    assert swappable.surely_faces(real_engine.pack, np.full_like(photo, 128), faces) == [False] * len(faces)
    assert swappable.surely_faces(real_engine.pack, photo, []) == []


def test_what_keeps_a_face_from_being_swapped_is_told(faces):
    face = faces[0]
    assert swappable.obstacle(face) is None

    def differing(**quality):
        return dataclasses.replace(face, quality=dataclasses.replace(face.quality, **quality))

    def marked(points):
        return dataclasses.replace(face, landmarks=points.astype(np.float32))

    shuffled = np.random.default_rng(0).permutation(face.landmarks)
    flat = face.landmarks * [1, 0]
    assert swappable.obstacle(differing(size=P.SWAP_MIN_SIZE - 1)) is Obstacle.SMALL
    assert swappable.obstacle(differing(yaw=-P.SWAP_MAX_YAW - 1)) is Obstacle.TURNED
    for points in (shuffled, flat, face.landmarks * np.nan):
        assert swappable.obstacle(marked(points)) is Obstacle.IMPLAUSIBLE


def test_such_a_decoy_is_far_from_the_face_by_either_landmarks(photo, faces, marked, real_engine, guesses):
    embed = real_engine.pack.recognizer.embed
    requests = [DecoyRequest(face, bytes([2, i])) for i, face in enumerate(faces)]
    decoys = real_engine.make_decoys(photo, requests)
    swaps = [i for i, decoy in enumerate(decoys) if decoy.kind == "swap"]
    assert len(swaps) >= 3
    composed = real_engine.compose(photo, decoys, range(len(decoys)))
    for i in swaps:
        both = np.stack([faces[i].landmarks, marked[0][i]])
        between = np.linalg.norm(embed(composed, both)[:, None] - embed(photo, both)[None], axis=2)
        assert between.min() > 0.6
        assert len(decoys[i].views) == P.VERIFICATION_VIEWS + 1
        seen = np.linalg.norm(decoys[i].views[:, None] - embed(photo, both)[None], axis=2)
        assert seen.min() == pytest.approx(decoys[i].distance_to_original, abs=1e-4)
