"""Donors older and younger than the portraits."""

from importlib.resources import files

import numpy as np
import pytest

from mfmc_engine import parameters
from mfmc_engine.donors import bank as donor_bank
from mfmc_engine.donors import selection
from mfmc_engine.donors.aged import fold_plan, plan, second_plan
from mfmc_engine.donors.folds import SOURCES, Folds, bare_skin
from mfmc_engine.donors.later import MEAN_FACE, LaterYears
from mfmc_engine.donors.portraits import SIZE
from mfmc_engine.donors.recipes import VARIANTS, variant_of
from mfmc_engine.evaluation import protocols
from tests.conftest import SHARED

CELLS = [(gender, group) for gender in ("female", "male") for group in ("asian", "black", "latino", "white")]


@pytest.fixture(scope="module")
def bank() -> donor_bank.DonorBank:
    return donor_bank.load()


@pytest.mark.parametrize(("gender", "group"), CELLS)
def test_every_gender_and_group_has_donors_for_older_faces(bank, gender, group):
    """By the estimator that chooses, which pulls everybody toward the middle; portraits end at about 36 in its eyes."""
    ages = bank.age[(bank.gender == gender) & (bank.group == group)]
    assert np.sum(ages >= 40) >= 8
    assert ages.max() >= 43


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


def test_whoever_gets_no_folds_comes_a_second_time_with_some(bank):
    folded, again = fold_plan(bank), second_plan(bank)
    assert not set(folded) & set(again)
    assert len(folded) + len(again) == len(bank)
    assert all(years >= 0 and strength > 0 for years, strength in (*folded.values(), *again.values()))
    for gender, group in CELLS:
        ages = {
            is_folded: bank.age[
                [row for row in rows if (bank.gender[row], bank.group[row]) == (gender, group)]
            ].mean()
            for is_folded, rows in ((True, folded), (False, again))
        }
        assert ages[True] > ages[False]


@pytest.fixture(scope="module")
def folds() -> Folds:
    """One dark line across both cheeks and the mouth for everybody, lighter above."""
    maps = np.zeros((parameters.FOLD_MIX, SIZE, SIZE), np.float32)
    row = int(MEAN_FACE[[31, 35, 48, 54], 1].mean())
    maps[:, row - 2 : row + 2] = -0.15
    maps[:, row - 6 : row - 2] = 0.15
    return Folds(maps)


def test_the_young_get_no_donor_with_folds_and_the_old_may(bank):
    def costs(age: float) -> np.ndarray:
        return selection.mismatch(bank, selection.Wanted(bank.embeddings[0], age=age))

    deep = bank.folds >= 0.9
    assert deep.sum() > 100
    young = bank.age < 33
    assert costs(30.0)[deep].min() > 10
    assert costs(30.0)[young & (bank.folds == 0)].min() < 1
    assert costs(48.0)[deep].min() < 1
    assert not selection.kin(bank, selection.Wanted(bank.embeddings[0], age=30.0))[deep].any()


def test_folds_darken_skin_and_spare_eyes_brows_lips_and_what_is_no_face(bank, folds):
    donor = bank["female-white-05"]
    picture = folds.apply(donor.image, donor.landmarks, 1.0, np.random.default_rng(0))
    moved = picture.astype(int) - donor.image
    skin = bare_skin(donor.landmarks.astype(np.float64))[..., 0]
    assert moved[skin > 0.9].min() < -10
    assert moved[skin > 0.9].max() > 3
    assert -moved[skin > 0.9].min() > moved[skin > 0.9].max()  # ridges are held back
    assert (moved[skin == 0] == 0).all()
    for part in (slice(36, 42), slice(42, 48), slice(48, 60)):
        x, y = donor.landmarks[part].mean(0).astype(int)
        assert skin[y, x] < 0.05


def test_folds_come_with_strength_and_with_the_random_numbers(bank):
    donor = bank["male-white-05"]
    random = np.random.default_rng(1)
    folds = Folds(0.1 * random.standard_normal((9, SIZE, SIZE)).astype(np.float32))

    def change(strength: float, seed: int) -> float:
        picture = folds.apply(donor.image, donor.landmarks, strength, np.random.default_rng(seed))
        return float(np.abs(picture.astype(int) - donor.image).mean())

    assert change(0.0, 0) == 0
    assert 0 < change(0.5, 0) < change(1.0, 0) < change(2.0, 0)
    assert change(1.0, 0) == change(1.0, 0) != change(1.0, 1)


@pytest.mark.shared
def test_nobody_whose_folds_are_used_is_among_the_200_of_the_smaller_evaluation():
    lfw = SHARED / "lfw"
    faces = protocols.read(lfw, "lfw", 200, 0)
    judged = {faces.samples[i].person for i in faces.probes}
    sources = [
        name for name in (files("mfmc_engine.donors") / SOURCES).read_text().splitlines() if name[0] != "#"
    ]
    known = {sample.path.name: sample.person for sample in faces.samples}
    assert len(sources) == 51
    assert not {known[name] for name in sources} & judged


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
