"""Apparent gender, age and group."""

import csv
from pathlib import Path

import numpy as np
import pytest

from mfmc_engine import attributes
from mfmc_engine.attributes import GROUPS, train
from mfmc_engine.donors import bank as donor_bank
from mfmc_engine.donors.embedding import embed, lfw_picture

SHARED = Path(__file__).parents[3] / "shared" / "data"


def test_estimates_have_their_ranges():
    rng = np.random.default_rng(0)
    guess = attributes.load()(rng.normal(scale=3, size=(500, 128)))
    assert len(guess) == 500
    assert np.all((guess.male >= 0) & (guess.male <= 1))
    assert np.all((guess.age >= 1) & (guess.age <= 95))
    np.testing.assert_allclose(guess.group.sum(1), 1, atol=1e-5)


def test_one_face_may_be_given_alone():
    face = donor_bank.load().embeddings[0]
    alone, row = attributes.load()(face), attributes.load()(face[None])
    assert alone.male[0] == row.male[0]
    assert alone.group.shape == (1, len(GROUPS))


def test_another_embedding_space_is_refused():
    with pytest.raises(ValueError, match="128"):
        attributes.load()(np.zeros((3, 512)))


def test_donors_look_like_their_labels():
    bank = donor_bank.load()
    guess = attributes.load()(bank.embeddings)
    assert np.mean((guess.male > 0.5) == (bank.gender == "male")) >= 0.99
    found = np.array(GROUPS)[guess.group.argmax(1)]
    shares = np.array(
        [[np.mean(found[bank.group == group] == guess) for guess in GROUPS] for group in GROUPS]
    )
    assert shares.argmax(1).tolist() == [0, 1, 2, 3]
    assert np.diag(shares).mean() >= 0.7  # latino faces lie between the others


def test_the_fit_finds_a_linear_truth():
    rng = np.random.default_rng(1)
    embedding = rng.normal(size=(2000, 128)) * 0.1
    truth = rng.normal(size=(128, 3)) * 10
    hidden = embedding @ truth
    group = np.where(rng.random(2000) < 0.2, -1, (hidden[:, 2] > 0) * 3)
    sample = train.Sample(
        embedding, (hidden[:, 0] > 0).astype(float), 40 + hidden[:, 1], group, np.arange(2000).astype(str)
    )
    male, age, found = train.cross_validate(sample)
    assert np.mean((male > 0.5) == (sample.male > 0.5)) > 0.95
    assert np.corrcoef(age, sample.age)[0, 1] > 0.99
    assert np.mean(found[group >= 0] == group[group >= 0]) > 0.9


def test_held_out_people_are_not_trained_on():
    """Labels that are pure noise, equal within a person, cannot be guessed: any success would be a leak."""
    rng = np.random.default_rng(2)
    person = np.repeat(np.arange(150), 4)
    embedding = rng.normal(size=(150, 128))[person] + rng.normal(size=(600, 128)) * 0.01
    male = rng.integers(0, 2, 150)[person].astype(float)
    sample = train.Sample(
        embedding, male, rng.uniform(20, 60, 150)[person], np.arange(600) % 4, person.astype(str)
    )
    guess, _, _ = train.cross_validate(sample)
    assert abs(np.mean((guess > 0.5) == (male > 0.5)) - 0.5) < 0.15


@pytest.mark.shared
def test_real_faces_are_estimated_as_well_as_stated():
    """Forty people of LFW; the fit knows them, so held-out figures are those in PROVENANCE.md."""
    folder = SHARED / "lfw"
    if not folder.is_dir():
        pytest.skip("../shared is absent")
    with (folder / "people.csv").open(newline="") as file:
        photos = [(row["person"], row["file"]) for row in csv.DictReader(file)]
    chosen = set(sorted({person for person, _ in photos})[::21])
    names = [name for person, name in photos if person in chosen]
    _, male, age = train.lfw_labels(folder, names)
    guess = attributes.load()(np.array([embed(*lfw_picture(folder / name)) for name in names]))
    assert np.mean((guess.male > 0.5) == male) >= 0.95
    assert np.median(np.abs(guess.age - age)) <= 4.5
    assert np.corrcoef(guess.age, age)[0, 1] >= 0.7


def test_labels_that_a_network_read_wrong_are_put_right():
    """By name: two people that it took for the other gender, one that it did not."""
    person = np.array(["Venus_Williams", "Michael_Jackson", "Tom_Hanks"])
    np.testing.assert_array_equal(train.corrected(person, np.array([1.0, 0.0, 1.0])), [0, 1, 1])
