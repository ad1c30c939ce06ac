"""What a swap will look like to the recogniser, foretold."""

import numpy as np
import pytest

from mfmc_engine import attributes, imaging, parameters, replacement
from mfmc_engine.calibration import forecast as calibration
from mfmc_engine.donors import bank as donor_bank
from mfmc_engine.donors import candidates, forecast
from mfmc_engine.guarantee import Thresholds

NOBODY = np.empty((0, 128), np.float32)


@pytest.fixture(scope="module")
def bank():
    return donor_bank.load()


def test_swaps_turn_out_as_foretold(real_engine, six_people, six_found, bank):
    """On six people who took no part in the fit: the forecast is nearer than either of the two it is made from."""
    photo, faces = imaging.decode(six_people), six_found.faces
    errors, distances, foretold = [], [], []
    for face in faces:
        chosen = [bank[str(i)] for i in bank.ids[::67]]
        seen = replacement.look_at_swaps(real_engine.pack, photo, face, chosen, np.random.default_rng(0))
        donors = np.stack([donor.embedding for donor in chosen])
        expected = forecast.load().expected(face.embedding, donors)
        errors.append([np.linalg.norm(seen - other, axis=1) for other in (expected, face.embedding, donors)])
        distances.append(np.linalg.norm(seen - face.embedding, axis=1))
        foretold.append(forecast.load().distances(expected, face.embedding[None]))
    ours, face_itself, donor_itself = np.concatenate(errors, 1).mean(1)
    assert ours < 0.85 * min(face_itself, donor_itself)
    assert np.corrcoef(np.concatenate(distances), np.concatenate(foretold))[0, 1] > 0.5


def test_a_fit_finds_a_linear_law_again():
    random = np.random.default_rng(0)
    face, donor = random.normal(size=(2, 4000, 16)).astype(np.float32) * 0.1
    law = random.normal(size=(33, 16)) * 0.2
    out = np.concatenate([face, donor, np.ones((4000, 1))], 1) @ law + random.normal(size=(4000, 16)) * 0.01
    found = calibration.fit(calibration.Swaps(face, donor, out.astype(np.float32)), ridge=1e-6)
    assert np.allclose(found.weights, law, atol=0.02)
    assert found.error == pytest.approx(0.04, rel=0.1)  # .01 in each of 16 directions


def test_decoys_of_a_person_are_foretold_to_fall_short_beside_their_likes(bank):
    face = bank.embeddings[3]
    expected = forecast.load().expected(face, bank.embeddings)
    alone = candidates.margins(expected, face, NOBODY, Thresholds())
    beside = candidates.margins(expected, face, expected[:1], Thresholds())
    assert (beside <= alone).all()
    assert beside[0] == pytest.approx(forecast.load().error - Thresholds().apart)


def test_what_a_decoy_is_foretold_to_lack_counts_against_its_donor(bank):
    face = bank.embeddings[bank.gender == "female"][0]
    expected = forecast.load().expected(face, bank.embeddings)
    enough = np.full(len(bank), parameters.FORECAST_MARGIN)
    assert (candidates.unfit(enough) == 0).all()
    assert (candidates.unfit(enough - 0.1) > 0).all()
    theirs = attributes.load()(expected)
    costs = candidates.foretold_mismatch(attributes.load()(face), theirs)
    assert costs[theirs.male > 0.8].mean() > costs[theirs.male < 0.2].mean() + 5


def test_those_foretold_younger_keep_more_of_the_persons_own_folds(bank):
    estimate = attributes.load()
    theirs = estimate(bank.embeddings)
    oldest = estimate(bank.embeddings[theirs.age.argmax()])
    kept = candidates.folds_kept(oldest, theirs)
    order = np.argsort(theirs.age)
    assert (np.diff(kept[order]) <= 0).all()
    assert kept[order[0]] == parameters.FOLDS_LARGEST
    assert kept[order[-1]] == 0
    assert (candidates.folds_kept(estimate(bank.embeddings[order[0]]), theirs) == 0).all()


def test_the_older_somebody_is_the_older_the_donors_looked_for():
    ages = np.array([20, parameters.AGE_LEAN_FROM, 35, 45])
    beyond = candidates.leant(ages) - ages
    assert beyond[0] == beyond[1] == 0
    assert 0 < beyond[2] < beyond[3] <= 5


def test_the_best_last_resorts_are_tried_after_those_that_fit():
    ids = np.array([f"d{i:03d}" for i in range(60)])
    resort = np.linspace(0, 1, 60)
    tried = candidates.with_last_resort(ids.tolist(), ids, resort)
    first = parameters.FIT_FIRST
    assert tried[:first] == ids[:first].tolist()
    assert tried[first : first + 3] == ["d059", "d058", "d057"]
    assert sorted(tried) == ids.tolist()
