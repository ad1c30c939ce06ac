"""68 points: where dlib puts them, at every angle and size."""

import cv2
import numpy as np
import pytest

from mfmc_engine.geometry import apply, index_space
from mfmc_engine.imaging import decode
from mfmc_engine.landmarks import five_of
from tests.conftest import SHARED


def error(found: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance in inter-ocular distances."""
    left, right = five_of(truth)[:2]
    return float(np.linalg.norm(found - truth, axis=1).mean() / np.linalg.norm(left - right))


def test_points_agree_with_dlib_on_its_own_detections(photo, analysis, dlib_models) -> None:
    import dlib

    errors = []
    for box in dlib.get_frontal_face_detector()(photo, 1):
        shape = dlib_models[0](photo, box)
        reference = np.array([(p.x, p.y) for p in shape.parts()], np.float32) + 0.5
        errors.append(min(error(face.landmarks, reference) for face in analysis.faces))
    assert len(errors) == 6
    assert np.median(errors) < 0.04
    assert (
        max(errors) < 0.13
    )  # the man in half profile: dlib's box is off there, and its points leave his cheek


@pytest.mark.parametrize("angle", [-60, 25, 90, 135, 180])
def test_a_tilted_face_gets_the_same_points(photo, real_engine, analysis, angle) -> None:
    face = analysis.faces[3]
    centre = face.landmarks.mean(0)
    turn = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), angle, 1).astype(np.float32)
    tilted = cv2.warpAffine(photo, index_space(turn), photo.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    marks = real_engine.pack.landmarker.mark(tilted, apply(turn, five_of(face.landmarks))[None])[0]
    assert error(marks, apply(turn, face.landmarks)) < 0.03


def test_a_small_face_gets_sub_pixel_points(photo, real_engine, analysis) -> None:
    small = cv2.resize(photo, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    truth = analysis.faces[5].landmarks / 4
    marks = real_engine.pack.landmarker.mark(small, five_of(truth)[None])[0]
    assert error(marks, truth) < 0.05
    assert np.abs(marks - np.round(marks)).max() > 0.1


@pytest.mark.shared
def test_points_of_portraits_match_their_published_ones(real_engine) -> None:
    meta = np.load(SHARED / "synthetic_faces" / "meta.npz")
    errors = []
    for i in range(0, 4000, 200):
        image = decode(
            SHARED / "synthetic_faces" / f"{meta['name'][i]}".replace(".webp", "").__add__(".webp")
        )
        truth = meta["landmarks"][i].astype(np.float32) + 0.5  # they count pixels from 0
        (face,) = real_engine.analyze(image).faces
        errors.append(error(face.landmarks, truth))
    assert np.median(errors) < 0.02
    assert max(errors) < 0.04
