"""Donors older and younger than the portraits."""

import numpy as np
import pytest

from mfmc_engine import parameters
from mfmc_engine.donors import bank as donor_bank
from mfmc_engine.donors.aged import plan
from mfmc_engine.donors.later import MEAN_FACE, LaterYears
from mfmc_engine.donors.portraits import SIZE
from mfmc_engine.donors.recipes import VARIANTS, variant_of

CELLS = [(gender, group) for gender in ("female", "male") for group in ("asian", "black", "latino", "white")]


@pytest.fixture(scope="module")
def bank() -> donor_bank.DonorBank:
    return donor_bank.load()


@pytest.mark.parametrize(("gender", "group"), CELLS)
def test_every_gender_and_group_has_donors_for_older_faces(bank, gender, group):
    """By the estimator that chooses, which pulls everybody toward the middle; portraits end at about 36 in its eyes."""
    ages = bank.age[(bank.gender == gender) & (bank.group == group)]
    assert np.sum(ages >= 40) >= 3
    assert ages.max() >= 41


def test_the_plan_ages_every_variant_and_leaves_most_donors_alone(bank):
    years = plan(bank)
    assert len(years) <= 0.5 * len(bank)
    for gender, group in CELLS:
        changed = {
            variant_of(bank.yaw[row], bank.mouth[row])
            for row, added in years.items()
            if added > 0 and (bank.gender[row], bank.group[row]) == (gender, group)
        }
        assert changed == set(VARIANTS)
    oldest, youngest = max(years, key=lambda row: bank.age[row]), min(years, key=lambda row: bank.age[row])
    assert years[oldest] > 0 > years[youngest] == parameters.EARLIER_YEARS


def change(lightness: float = 0.0, detail: float = 0.0) -> LaterYears:
    colour = np.zeros((SIZE, SIZE, 3), np.float32)
    colour[..., 0] = lightness
    shape = np.zeros((68, 2))
    shape[8, 1] = 0.1  # the chin sinks by a tenth of a pixel a year
    return LaterYears(shape, colour, np.full((SIZE, SIZE, 1), detail, np.float32))


def test_no_years_change_nothing(bank):
    donor = bank["female-white-05"]
    picture, landmarks = change(1.0, 1.0).apply(donor.image, donor.landmarks, 0.0)
    assert np.abs(picture.astype(int) - donor.image).max() <= 1
    np.testing.assert_allclose(landmarks, donor.landmarks, atol=1e-4)


def test_years_move_the_shape_lighten_the_face_within_limits_and_spare_the_rest(bank):
    donor = bank["female-white-05"]
    picture, landmarks = change(lightness=100.0).apply(donor.image, donor.landmarks, 10.0)
    assert landmarks[8, 1] - donor.landmarks[8, 1] == pytest.approx(1.0, abs=1e-3)
    nose = tuple(donor.landmarks[30].astype(int)[::-1])
    assert 0 < int(picture[nose].mean()) - int(donor.image[nose].mean()) < 70
    assert np.abs(picture[:8].astype(int) - donor.image[:8]).max() <= 3  # colour spaces round


def test_detail_grows_with_the_years(bank):
    donor = bank["male-white-05"]
    x, y = donor.landmarks[30].astype(int)

    def roughness(years):
        picture, _ = change(detail=0.02).apply(donor.image, donor.landmarks, years)
        return np.diff(picture[y - 20 : y + 20, x - 40 : x + 40].astype(float), axis=0).std()

    assert roughness(-10) < roughness(0) < roughness(20) < roughness(40)


def test_the_mean_face_is_the_frame_of_the_change():
    assert MEAN_FACE.shape == (68, 2)
