"""Pose and expression from 68 landmarks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfmc_engine.donors import bank, traits

MEASURES = (traits.mouth_opening, traits.smile, traits.eye_opening, lambda p: traits.head_pose(p)[0])


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """A level, nearly frontal donor's landmarks."""
    donors = bank.load()
    return donors.landmarks[np.argmin(np.abs(donors.yaw) + np.abs(donors.pitch))].astype(float)


@given(scale=st.floats(0.05, 40), x=st.floats(-5000, 5000), y=st.floats(-5000, 5000))
def test_size_and_place_of_a_face_do_not_change_its_traits(face, scale, x, y):
    moved = face * scale + [x, y]
    for measure in MEASURES:
        assert measure(moved) == pytest.approx(measure(face), abs=1e-4)


@given(degrees=st.floats(-180, 180))
def test_tilting_a_face_changes_its_roll_only(face, degrees):
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    tilted = face @ turn.T
    for measure in (traits.mouth_opening, traits.smile, traits.eye_opening):
        assert measure(tilted) == pytest.approx(measure(face), abs=1e-6)
    difference = traits.head_pose(tilted)[2] - traits.head_pose(face)[2] - degrees
    assert (difference + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("yaw", [-35, -15, 0, 15, 35])
@pytest.mark.parametrize("pitch", [-20, 0, 20])
def test_a_turned_head_is_measured_as_turned(yaw, pitch):
    y, p = np.radians(yaw), np.radians(pitch)
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    points = np.zeros((68, 2))
    points[traits._HEAD_INDEX] = (traits._HEAD @ (about_y @ about_x).T)[:, :2]
    points[[37, 38, 40, 41]] = points[[36, 36, 39, 39]]
    points[[43, 44, 46, 47]] = points[[42, 42, 45, 45]]
    measured = traits.head_pose(points)
    assert measured[0] == pytest.approx(yaw, abs=1e-6)
    assert measured[1] + traits.parameters.POSE_NEUTRAL_PITCH == pytest.approx(pitch, abs=1e-6)


def test_opening_the_lips_opens_the_mouth(face):
    opened = face.copy()
    opened[[65, 66, 67]] += [0, 0.1 * traits.interocular(face)]
    assert traits.mouth_opening(opened) == pytest.approx(traits.mouth_opening(face) + 0.1, abs=0.02)


def test_raising_the_corners_of_the_mouth_is_a_smile(face):
    smiling = face.copy()
    smiling[[48, 54]] -= [0, 0.05 * traits.interocular(face)]
    assert traits.smile(smiling) > traits.smile(face) + 0.05


def test_a_closed_eye_has_no_height(face):
    closed = face.copy()
    closed[[37, 38]] = closed[[41, 40]]
    closed[[43, 44]] = closed[[47, 46]]
    assert traits.eye_opening(closed) == pytest.approx(0, abs=1e-9)
    assert traits.eye_opening(face) > 0.2


def test_many_faces_are_measured_at_once(face):
    batch = np.stack([face, face * 2, face[:, ::-1]])
    for measure in MEASURES:
        np.testing.assert_allclose(measure(batch), [measure(one) for one in batch])


@pytest.mark.parametrize("shape", [(68,), (5, 2), (67, 2), (68, 3)])
def test_anything_but_68_points_is_refused(shape):
    with pytest.raises(ValueError, match="68, 2"):
        traits.mouth_opening(np.zeros(shape))


def test_points_on_top_of_each_other_do_not_divide_by_zero():
    assert np.isfinite(traits.mouth_opening(np.zeros((68, 2))))
    assert np.isfinite(traits.eye_opening(np.zeros((68, 2))))
