"""Faces behind a mask, a scarf, a phone or a cup are told from bare ones, and redacted."""

import cv2
import numpy as np
import pytest
import torch

from mfmc_engine import parameters as P
from mfmc_engine.donors.portraits import MIRROR
from mfmc_engine.evaluation import covers
from mfmc_engine.evaluation.covers import COVERS, Colours
from mfmc_engine.swappable import Obstacle, prepared, to_swap
from mfmc_engine.swapping import blending, cover_fit, covered
from mfmc_engine.swapping.lit import Lit
from mfmc_engine.types import DecoyRequest, Face
from tests.conftest import SHARED

BY_NAME = {cover.name: cover for cover in COVERS}
BLUE, BLACK, WHITE = (150, 190, 215), (25, 25, 28), (235, 235, 235)


def behind(photo, faces, name, colour, seed=0):
    """The photo with the same cover before everybody."""
    drawn, random = photo.copy(), np.random.default_rng(seed)
    for face in faces:
        BY_NAME[name].draw(drawn, face.landmarks, random, Colours((colour,), (colour,)))
    return drawn


@pytest.fixture(scope="module")
def targets(photo, faces, real_engine):
    return [target for _, target in prepared(real_engine.pack, photo, faces)]


def odds(target):
    return float(covered.load()(covered.features(target))[0])


def seen_as(picture, target):
    """The same face of another ``picture`` (H, W, 3) in [0, 1]."""
    planes = torch.from_numpy(np.ascontiguousarray(picture, np.float32)).permute(2, 0, 1)[None]
    return Lit(planes.contiguous(), target.lit.skin, target.lit.landmarks)


def pixels(target):
    return target.lit.pictures[0].permute(1, 2, 0).numpy()


def test_the_weights_fit_the_features(targets):
    estimator = covered.load()
    assert estimator.inner.shape == (len(covered.features(targets[0].lit)), cover_fit.HIDDEN)
    assert estimator.shift.shape == estimator.outer.shape == (cover_fit.HIDDEN,)
    assert all(np.isfinite(values).all() for values in vars(estimator).values())


def test_an_estimator_reads_one_row_or_several():
    estimator = covered.CoverEstimator(np.eye(2), np.array([0.0, 1.0]), np.array([2.0, -1.0]), 0.5)
    rows = np.array([[0.0, -1.0], [3.0, 0.0]])
    expected = [0.5, 0.5 + 2 * np.tanh(3.0) - np.tanh(1.0)]
    assert estimator(rows) == pytest.approx(expected)
    assert estimator(rows[1]) == pytest.approx(expected[1:])


def test_bare_faces_are_swapped(photo, faces, real_engine):
    found = prepared(real_engine.pack, photo, faces)
    for (face, target), other in zip(found, to_swap(real_engine.pack, photo, faces), strict=True):
        assert np.array_equal(face.landmarks, other.landmarks)
        assert not covered.is_covered(target.lit)


@pytest.mark.parametrize("exposure", [0.4, 0.7, 1.3])
def test_light_does_not_cover_a_face(targets, exposure):
    for target in targets:
        assert odds(seen_as(np.clip(pixels(target) * exposure, 0, 1), target)) < P.COVERED_ODDS


def test_a_photo_without_colour_has_nobody_covered(targets):
    for target in targets:
        grey = np.repeat(pixels(target).mean(2, keepdims=True), 3, 2)
        assert odds(seen_as(grey, target)) < P.COVERED_ODDS


@pytest.mark.parametrize("exposure", [0.5, 0.8])
def test_features_hardly_depend_on_exposure(targets, exposure):
    for target in targets:
        darker = covered.features(seen_as(pixels(target) * exposure, target))
        assert np.abs(darker - covered.features(target.lit)).mean() < 0.1


def test_left_and_right_count_alike(targets):
    for target in targets:
        picture = pixels(target)
        marks = target.landmarks[MIRROR] * [-1, 1] + [picture.shape[1], 0]
        planes = torch.from_numpy(picture[:, ::-1].copy()).permute(2, 0, 1)[None].contiguous()
        mirrored = Lit(planes, target.lit.skin, [marks.astype(np.float32)])
        assert odds(mirrored) == pytest.approx(odds(target.lit), abs=1.5)


@pytest.mark.parametrize("colour", [(90, 120, 80), (60, 80, 130), (120, 125, 130)])
def test_a_face_of_one_colour_is_not_covered(targets, colour):
    """Whatever the colour: what counts is what differs from the face's own skin."""
    target = targets[0]
    features = covered.features(
        seen_as(np.broadcast_to(np.float32(colour) / 255, pixels(target).shape), target)
    )
    assert np.abs(features).max() < 1e-3


@pytest.mark.parametrize(
    ("name", "colour"),
    [
        ("mask", BLUE),
        ("black mask", BLACK),
        ("mask below the nose", BLUE),
        ("scarf", (60, 80, 130)),
    ],
)
def test_whoever_hides_nose_or_mouth_is_redacted(photo, faces, real_engine, name, colour):
    """White masks are not all told here: the faces are so light and warm that two of five pass."""
    hidden = behind(photo, faces, name, colour)
    found = list(real_engine.analyze(hidden).faces)
    assert len(found) >= 5
    obstacles = [one for one in prepared(real_engine.pack, hidden, found) if isinstance(one, Obstacle)]
    assert Obstacle.COVERED in obstacles
    assert len(obstacles) >= len(found) - 1


def test_white_masks_are_more_likely_covers_than_bare_faces(photo, faces, real_engine, targets):
    """Though some stay below the threshold."""
    hidden = behind(photo, faces, "mask", WHITE)
    marked = to_swap(real_engine.pack, hidden, list(real_engine.analyze(hidden).faces))
    landmarks = [face.landmarks for face in marked if isinstance(face, Face)]
    masked = [odds(target.lit) for target in blending.prepare(hidden, landmarks)]
    assert len(masked) >= 4
    assert np.median(masked) > max(odds(target.lit) for target in targets)


@pytest.mark.parametrize("name", ["cap", "sunglasses"])
def test_what_hides_neither_changes_nothing(photo, faces, real_engine, name):
    hidden = behind(photo, faces, name, (60, 80, 130))
    found = prepared(real_engine.pack, hidden, list(real_engine.analyze(hidden).faces))
    assert Obstacle.COVERED not in found


def test_one_masked_face_is_redacted_among_bare_ones(photo, faces, real_engine):
    hidden = behind(photo, faces[2:3], "mask", BLUE)
    found = list(real_engine.analyze(hidden).faces)
    masked = [
        np.abs(np.subtract(face.box, faces[2].box)).max() < 0.5 * faces[2].quality.size for face in found
    ]
    decoys = real_engine.make_decoys(hidden, [DecoyRequest(face, bytes([i])) for i, face in enumerate(found)])
    assert sum(masked) == 1
    assert [decoy.kind for decoy in decoys] == ["redaction" if one else "swap" for one in masked]
    assert decoys[masked.index(True)].donor is None


def test_nobody_swappable_needs_no_crop(photo, faces, real_engine):
    assert prepared(real_engine.pack, photo, []) == []


def test_hues():
    assert [cover_fit.hue_of(c) for c in (BLACK, WHITE, (120, 125, 130))] == [0, 0, 0]
    pure = [(255, 0, 0), (255, 255, 0), (0, 255, 0), (0, 255, 255), (0, 0, 255), (255, 0, 255)]
    assert [cover_fit.hue_of(colour) for colour in pure] == [1, 2, 3, 4, 5, 6]
    assert [cover_fit.like_skin(c) for c in ((200, 120, 90), (170, 40, 50), BLUE, BLACK)] == [
        True,
        True,
        False,
        False,
    ]


def test_drawn_covers_get_light_and_the_rest_stays(photo, faces):
    marks, random = faces[2].landmarks, np.random.default_rng(3)
    drawn = cover_fit.covered(photo, marks, BY_NAME["cup"], Colours((BLUE,), (BLUE,)), random)
    changed = np.abs(drawn.astype(int) - photo).max(2) > 0
    mouth, eye = np.round(marks[57]).astype(int), np.round(marks[36:42].mean(0)).astype(int)
    assert changed[mouth[1], mouth[0]]
    assert not changed[eye[1], eye[0]]
    around = drawn[mouth[1] - 3 : mouth[1] + 4, mouth[0] - 3 : mouth[0] + 4].reshape(-1, 3)
    assert len(np.unique(around, axis=0)) > 1  # no flat colour


def test_covers_are_drawn_in_the_colours_asked_for(photo, faces):
    marks = faces[2].landmarks
    for name in ("phone", "cup"):
        drawn = photo.copy()
        BY_NAME[name].draw(drawn, marks, np.random.default_rng(0), Colours((BLUE,), ((1, 200, 3),)))
        x, y = np.round(marks[57]).astype(int)
        assert drawn[y, x].tolist() == [1, 200, 3]
    assert covers.USUAL.cloths[0] == BLUE


def test_other_light_keeps_shapes_and_marks(targets):
    random = np.random.default_rng(0)
    for _ in range(5):
        other = cover_fit.recoloured(targets[0].lit, random)
        assert other.pictures.shape == targets[0].lit.pictures.shape
        assert 0 <= float(other.pictures.min()) <= float(other.pictures.max()) <= 1
        assert other.landmarks is targets[0].lit.landmarks


def test_a_fit_tells_what_differs(targets):
    """Bare faces against the same with a flat colour below the eyes."""
    rows = []
    for number, target in enumerate(targets):
        masked = pixels(target).copy()
        masked[int(target.landmarks[29, 1]) :] = np.float32(BLUE) / 255
        for kind, picture in (("", pixels(target)), ("mask", masked)):
            found = np.array(
                [covered.features(seen_as(picture * gain, target)) for gain in (1.0, 0.9, 0.8, 0.7)]
            )
            rows.append((found, bool(kind), kind, 0 if kind else -1, False, str(number)))
    sample = cover_fit.sample_of(rows)
    for found in (cover_fit.held_out(sample), cover_fit.fit(sample)(sample.features[:, 0])):
        assert ((found > 0) == sample.covered).all()


@pytest.mark.shared
def test_the_fit_runs_from_photos_to_weights(tmp_path):
    folders = ["--lfw", str(SHARED / "lfw"), "--portraits", str(SHARED / "synthetic_faces")]
    cover_fit.main([*folders, "--people", "6", "--of-each", "1", "--out", str(tmp_path)])
    with np.load(tmp_path / "covered.npz") as arrays:
        assert {name: arrays[name].shape for name in arrays} == {
            name: np.shape(values) for name, values in vars(covered.load()).items()
        }
    assert "| nothing | 3" in (tmp_path / "PROVENANCE.md").read_text()


@pytest.mark.shared
def test_the_bank_of_groups_is_drawn_from_alike():
    subjects = cover_fit.portrait_subjects(SHARED / "synthetic_faces", 3)
    assert len({subject.name for subject in subjects}) == 24


@pytest.mark.shared
def test_a_face_in_the_middle_is_found(real_engine):
    first = cover_fit.lfw_subjects(SHARED / "lfw")[0].first
    photo = cover_fit.resized(cv2.cvtColor(cv2.imread(str(first)), cv2.COLOR_BGR2RGB), 1.0)
    face = cover_fit.in_the_middle(real_engine.pack, photo)
    assert isinstance(face, Face)
    target = cover_fit.as_swapped(real_engine.pack, photo)
    assert target is not None
    assert not covered.is_covered(target)
    assert blending.prepare(photo, [face.landmarks])[0].lit.size == target.size
