"""The judge of apparent gender and age: its network, its weights, and what it says of decoys."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from mfmc_engine.donors import bank
from mfmc_engine.evaluation import attributes_judge
from mfmc_engine.evaluation.faceres import weights
from mfmc_engine.evaluation.faceres.age_gender import AgeGender
from mfmc_engine.evaluation.protocols import Sample
from mfmc_engine.evaluation.verification import Trial

JUDGED = Path(__file__).with_name("judged")


@pytest.fixture(scope="module")
def network() -> AgeGender:
    return AgeGender()


def _read(network: AgeGender, name: str) -> np.ndarray:
    donor = bank.load()[name]
    return network.features(donor.image, donor.landmarks.astype(np.float32))


@pytest.mark.parametrize(
    ("name", "male", "age"), [("female-asian-00", 0.1311, 32.69), ("male-white-70", 0.9911, 36.27)]
)
def test_it_reads_what_tensorflow_reads_with_the_original_weights(network, name, male, age):
    """Figures of TensorFlow.js 4.22 on faceres.json and faceres.bin, fed with the same chips.

    They are of two pictures kept beside this file, and not of the bank: a bank made anew has others.
    """
    with PillowImage.open(JUDGED / f"{name}.webp") as file:
        image = np.asarray(file.convert("RGB"))
    landmarks = json.loads((JUDGED / "landmarks.json").read_text())[name]
    read = network.features(image, np.array(landmarks, np.float32))
    assert read[0] == pytest.approx(male, abs=0.015)
    assert read[1] == pytest.approx(age, abs=0.3)


def test_it_tells_women_from_men(network):
    donors = bank.load()
    names = donors.ids[::16]
    read = np.stack([_read(network, name) for name in names])
    assert np.mean((read[:, 0] > 0.5) == (donors.gender[::16] == "male")) >= 0.95


def test_older_donors_look_older_to_it(network):
    donors = bank.load()
    order = np.argsort(donors.age)
    young, old = (
        np.mean([_read(network, donors.ids[i])[1] for i in rows]) for rows in (order[:8], order[-8:])
    )
    assert old > young + 5


def test_weights_lose_half_a_step_of_their_block_at_most():
    rng = np.random.default_rng(0)
    plain = {"kernel": rng.normal(size=(1, 1, 64, 32)).astype(np.float32), "bias": rng.normal(size=7)}
    packed = weights.pack(plain)
    assert packed["kernel"].dtype == np.int8
    again = weights.unpack(packed)
    step = np.abs(plain["kernel"].reshape(2, 32, 32)).max(1) / 127
    error = np.abs(again["kernel"] - plain["kernel"]).reshape(2, 32, 32).max(1)
    assert np.all(error <= 0.6 * step)  # half a step, and what half precision takes from the scale
    assert again["kernel"].any()
    np.testing.assert_allclose(again["bias"], plain["bias"], rtol=1e-3)


def _trial() -> tuple[tuple[Sample, ...], Trial]:
    """Three people with two pictures each; the first of each is anonymised."""
    people = np.array(["a", "a", "b", "b", "c", "c"])
    samples = tuple(Sample(str(i), person, Path(), male=0.9, age=30.0) for i, person in enumerate(people))
    return samples, Trial(np.array([0, 2, 4]), people)


def test_what_is_kept_is_counted_over_swaps_alone():
    samples, trial = _trial()
    before = np.array([[0.9, 30], [0.8, 32], [0.2, 40], [0.1, 40], [0.7, 50], [0.3, 56]], np.float32)
    after = np.array([[0.7, 33], [0.6, 41], [0.1, 90]], np.float32)  # kept, not kept, and hidden by pixels
    found = attributes_judge.judge(samples, before, after, trial, np.array([True, True, False]))
    assert found["gender_kept"] == 0.5
    assert found["gender_kept_of"] == {"female": 0.0, "male": 1.0}
    assert found["age_difference"]["median"] == pytest.approx(2)
    assert found["age_change"] == pytest.approx(2)
    assert found["estimator"]["gender_same_person"] == pytest.approx(2 / 3)
    assert found["estimator"]["age_same_person"] == pytest.approx(2)
    assert found["estimator"]["gender_accuracy"] == pytest.approx(3 / 6)
    assert found["estimator"]["age_error_median"] == pytest.approx(10)


def test_sets_without_labels_are_judged_too_and_no_swaps_are_not():
    samples, trial = _trial()
    bare = tuple(Sample(s.name, s.person, s.path) for s in samples)
    read = np.tile(np.array([[0.9, 30]], np.float32), (6, 1))
    found = attributes_judge.judge(bare, read, read[:3], trial, np.ones(3, bool))
    assert found["gender_kept"] == 1
    assert set(found["estimator"]) == {"gender_same_person", "age_same_person"}
    assert attributes_judge.judge(bare, read, read[:3], trial, np.zeros(3, bool)) == {}
