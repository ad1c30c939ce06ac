"""Structure metrics: what is the same measures as the same, what was spoilt shows."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from mfmc_engine.engine import Engine
from mfmc_engine.evaluation import structure
from mfmc_engine.evaluation.gaze import gaze
from mfmc_engine.evaluation.records import hog_finds
from mfmc_engine.types import DecoyRequest


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(threads=1)


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    return np.ascontiguousarray(astronaut()[:300, 100:400])


@pytest.fixture(scope="module")
def face(engine, portrait):
    return engine.analyze(portrait).faces[0]


@pytest.fixture(scope="module")
def mask(portrait, face) -> np.ndarray:
    mask = np.zeros(portrait.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(face.landmarks.astype(np.int32)), 255)
    return mask


def test_a_face_compared_with_itself_lost_nothing(portrait, face, mask):
    found = structure.measure(portrait, portrait.copy(), mask, face.landmarks, face.landmarks)
    assert found.untouched
    assert found.landmark_error == found.mouth == found.gaze == 0
    assert found.ssim_inside == pytest.approx(1)
    assert found.seam_ratio == pytest.approx(1)
    assert found.sharpness_ratio == pytest.approx(1)


def test_one_changed_pixel_outside_the_mask_is_seen(portrait, face, mask):
    spoilt = portrait.copy()
    spoilt[0, 0, 0] ^= 1
    assert not structure.measure(portrait, spoilt, mask, face.landmarks, face.landmarks).untouched


def test_another_tint_inside_the_mask_is_a_seam(portrait, face, mask):
    tinted = portrait.copy()
    tinted[mask > 0] = np.clip(tinted[mask > 0] + np.array([50, -20, -40]), 0, 255).astype(np.uint8)
    found = structure.measure(portrait, tinted, mask, face.landmarks, face.landmarks)
    assert found.seam_ratio > 1.3


def test_a_seam_on_an_even_ground_is_counted_by_what_can_be_seen(portrait, face, mask):
    even = np.full_like(portrait, 128)
    changed = even.copy()
    changed[mask > 0] = 140
    found = structure.measure(even, changed, mask, face.landmarks, face.landmarks)
    assert found.seam_original == pytest.approx(0)
    assert found.seam_ratio == pytest.approx(found.seam)
    assert 1.3 < found.seam_ratio < 20


def test_blur_lowers_sharpness_and_similarity(portrait, face, mask):
    soft = np.where(mask[..., None] > 0, cv2.GaussianBlur(portrait, (0, 0), 3), portrait)
    found = structure.measure(portrait, soft, mask, face.landmarks, face.landmarks)
    assert found.sharpness_ratio < 0.6
    assert found.ssim_inside < 0.9


def test_landmarks_moved_by_a_tenth_of_the_eyes_distance_are_a_tenth_off(portrait, face, mask):
    apart = np.linalg.norm(face.landmarks[36:42].mean(0) - face.landmarks[42:48].mean(0))
    moved = face.landmarks + np.array([0.1 * apart, 0], np.float32)
    found = structure.measure(portrait, portrait, mask, face.landmarks, moved)
    assert found.landmark_error == pytest.approx(0.1, abs=1e-3)
    assert found.yaw == pytest.approx(0, abs=0.1)


def test_an_empty_mask_and_other_sizes_are_refused(portrait, face, mask):
    with pytest.raises(ValueError, match="mask is empty"):
        structure.measure(portrait, portrait, np.zeros_like(mask), face.landmarks, face.landmarks)
    with pytest.raises(ValueError, match="shapes differ"):
        structure.measure(portrait, portrait[1:], mask, face.landmarks, face.landmarks)


def test_gaze_follows_the_iris():
    marks = np.zeros((68, 2), np.float32)
    for first, x in ((36, 40), (42, 120)):
        marks[first : first + 6] = [
            (x, 50),
            (x + 10, 44),
            (x + 20, 44),
            (x + 30, 50),
            (x + 20, 56),
            (x + 10, 56),
        ]
    drawn = []
    for shift in (0, 6):
        picture = np.full((100, 200, 3), 230, np.uint8)
        for x in (55, 135):
            cv2.circle(picture, (x + shift, 50), 5, (20, 20, 20), -1)
        drawn.append(gaze(picture, marks))
    assert (drawn[1] - drawn[0])[0] == pytest.approx(6 / 30, abs=0.05)
    assert abs((drawn[1] - drawn[0])[1]) < 0.05


def test_a_real_decoy_reports_all_figures_and_is_found_by_another_detector(engine, portrait, face):
    decoy = engine.make_decoys(portrait, [DecoyRequest(face, b"seed")])[0]
    found = structure.of_decoy(engine, portrait, face, decoy)
    assert found["untouched"] is True
    assert 0 < found["landmark_error"] < 0.2
    assert found["distance_to_original"] > found["threshold"]
    if decoy.kind == "swap":
        assert found["distance_to_donor"] < 1
    result = engine.compose(portrait, [decoy], [0])
    assert hog_finds(result, face.landmarks)
    assert not hog_finds(np.full_like(portrait, 127), face.landmarks)
