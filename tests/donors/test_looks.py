"""What a face looks like in a photo."""

import cv2
import numpy as np
import pytest

from mfmc_engine.donors import bank as donor_bank
from mfmc_engine.donors.looks import beard, describe, skin_colour, upright_crop
from mfmc_engine.donors.traits import eye_centres, interocular


@pytest.fixture(scope="module")
def donor() -> donor_bank.Donor:
    return donor_bank.load()["female-black-03"]


@pytest.mark.parametrize("degrees", [0, 30, 90, 180])
@pytest.mark.parametrize("scale", [0.5, 1, 3])
def test_skin_is_the_same_however_large_and_tilted_the_face(donor, degrees, scale):
    turn = cv2.getRotationMatrix2D((127.5, 127.5), degrees, scale)
    turn[:, 2] += 384 - 127.5
    image = cv2.warpAffine(donor.image, turn, (768, 768), flags=cv2.INTER_AREA)
    landmarks = (donor.landmarks - 0.5) @ turn[:, :2].T + turn[:, 2] + 0.5
    assert np.linalg.norm(skin_colour(image, landmarks) - donor.skin) < 2.5


def test_the_upright_crop_puts_the_eyes_where_a_donor_has_them(donor):
    turned = np.rot90(donor.image, 1)
    landmarks = np.column_stack([donor.landmarks[:, 1], 256 - donor.landmarks[:, 0]])
    crop, points = upright_crop(turned, landmarks)
    left, right = eye_centres(points)
    assert left[1] == pytest.approx(right[1], abs=1e-3)
    assert (left + right) / 2 == pytest.approx([128, 98], abs=1e-3)
    assert interocular(points) == pytest.approx(64, abs=1e-3)
    expected, _ = upright_crop(donor.image, donor.landmarks)
    assert np.abs(crop.astype(float) - expected)[20:236, 20:236].mean() < 2


def test_a_pure_colour_is_measured_as_it_is(donor):
    image = np.full((256, 256, 3), (200, 150, 120), np.uint8)
    lab = cv2.cvtColor(np.float32([[[200, 150, 120]]]) / 255, cv2.COLOR_RGB2Lab)[0, 0]
    np.testing.assert_allclose(skin_colour(image, donor.landmarks), lab, atol=0.1)


def test_folded_landmarks_still_give_a_colour():
    points = np.tile([[50.0, 50.0]], (68, 1))
    points[42:48] += 10
    assert np.isfinite(skin_colour(np.full((90, 90, 3), 99, np.uint8), points)).all()


def test_a_donor_described_from_its_picture_is_what_the_bank_says(donor):
    seen = describe(donor.image, donor.landmarks, donor.embedding)
    assert seen.male < 0.5
    assert seen.age == pytest.approx(donor.age, abs=0.1)
    assert seen.yaw == pytest.approx(donor.yaw, abs=0.1)
    assert seen.mouth == pytest.approx(donor.mouth, abs=1e-3)
    assert np.linalg.norm(seen.skin - donor.skin) < 2


def test_a_beard_is_dark_and_a_shadow_in_warm_light_is_none():
    bank = donor_bank.load()
    beards = {id_: beard(donor.image, donor.landmarks, even_light=True) for id_, donor in bank.items()}
    bearded = bank[max(beards, key=beards.__getitem__)]
    shaven = bank[min(beards, key=beards.__getitem__)]
    assert beard(bearded.image, bearded.landmarks) > 10
    shaded = shaven.image.astype(np.float32)
    shaded[round(float(shaven.landmarks[33, 1])) :] *= (0.6, 0.42, 0.28)  # darker and warmer below the nose
    shaded = shaded.astype(np.uint8)
    assert beard(shaded, shaven.landmarks, even_light=True) > 10
    assert beard(shaded, shaven.landmarks) < 3
