"""A nose that stands out over the far cheek is laid on the silhouette; others stay where landmarks say."""

import cv2
import numpy as np
import pytest

from mfmc_engine import imaging
from mfmc_engine.donors.portraits import MIRROR
from mfmc_engine.geometry import apply
from mfmc_engine.parameters import CROP_SIZE, SILHOUETTE_INSET
from mfmc_engine.swappable import to_swap
from mfmc_engine.swapping import blending, mesh, outlines, profile

FACE = mesh.mean_face()
SKIN, SKY = (210, 160, 130), (190, 205, 220)


def _averted() -> np.ndarray:
    """The mean face with a far cheek, on the left of the picture, that is a sliver."""
    marks = FACE.copy()
    marks[:6, 0] = marks[30, 0] - 6
    marks[27:31, 0] = marks[30, 0] + [6, 4, 2, 0]
    marks[[31, 32, 48, 49, 59, 60, 39, 40, 41, 36, 37, 38], 0] = marks[30, 0] + 3
    assert outlines.averted(marks) == "left"
    return marks


def _head(marks: np.ndarray, beyond: float, recess: float) -> np.ndarray:
    """Skin from the silhouette on to the right: it runs ``beyond`` px left of the ridge, and ``recess`` px back of the
    tip from the nose's base on."""
    ridge = marks[[28, 29, 30]] - [beyond, 0]
    base, chin = ridge[-1] + [recess, 4], [ridge[-1, 0] + recess, CROP_SIZE]
    top = [ridge[0, 0] + 10, 0]
    outline = np.array([top, ridge[0] - [0, 12], *ridge, base, chin, [CROP_SIZE] * 2, [CROP_SIZE, 0]])
    picture = np.full((CROP_SIZE, CROP_SIZE, 3), SKY, np.uint8)
    cv2.fillPoly(picture, [np.round(outline).astype(np.int32)], SKIN)
    return cv2.GaussianBlur(picture, (0, 0), 0.8)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("beyond", [5, 7, 9])
def test_the_ridge_lands_just_inside_the_silhouette(beyond, mirrored):
    marks = _averted()
    picture = _head(marks, beyond, recess=12)
    if mirrored:
        picture, marks = np.ascontiguousarray(picture[:, ::-1]), _flipped(marks)
    moved = _on_silhouette(picture, marks)
    if mirrored:
        moved, marks = _flipped(moved), _flipped(marks)
    wanted = marks[[28, 29, 30], 0] - beyond + SILHOUETTE_INSET
    np.testing.assert_allclose(moved[[28, 29, 30], 0], wanted, atol=1.1)
    assert (moved[:3, 0] < moved[[28, 29, 30], 0]).all()  # nothing of a far cheek is left but a line
    assert (moved[:3, 0] > marks[[28, 29, 30], 0] - beyond - 1.5).all()
    np.testing.assert_array_equal(moved[34:36], marks[34:36])  # the near wing stays
    assert outlines.averted(moved) == "left"


def _flipped(marks: np.ndarray) -> np.ndarray:
    """The landmarks of the mirrored picture."""
    return (np.array([CROP_SIZE, 0]) + marks[MIRROR] * [-1, 1]).astype(np.float32)


def _on_silhouette(picture: np.ndarray, marks: np.ndarray) -> np.ndarray:
    return profile.on_silhouette(blending.to_tensor([picture])[0], marks)


def test_a_far_cheek_is_no_nose():
    """Its edge goes on below, the nose's recedes."""
    marks = _averted()
    assert _on_silhouette(_head(marks, 7, recess=2), marks) is marks


def test_what_lies_on_the_silhouette_stays():
    marks = _averted()
    assert _on_silhouette(_head(marks, 1, recess=12), marks) is marks


def test_without_an_edge_landmarks_stay():
    marks = _averted()
    plain = np.full((CROP_SIZE, CROP_SIZE, 3), SKIN, np.uint8)
    assert _on_silhouette(plain, marks) is marks


def test_both_cheeks_seen_is_no_profile():
    assert outlines.averted(FACE) is None
    assert _on_silhouette(_head(FACE, 7, recess=12), FACE) is FACE


def test_of_six_people_the_man_in_profile_has_his_nose_moved(six_people, six_found, real_engine):
    photo, faces = imaging.decode(six_people), list(six_found.faces)
    moved = []
    for face in to_swap(real_engine.pack, photo, faces):
        frame = mesh.Frame.of(face.landmarks)
        marks = apply(frame.to_crop, face.landmarks)
        found = _on_silhouette(mesh.crop(photo, frame), marks)
        moved.append(float(np.linalg.norm(found[30] - marks[30])))
    assert moved[4] > 4
    assert moved[:4] + moved[5:] == [0] * 5
