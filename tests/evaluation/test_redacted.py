"""The attack of those who know how faces are redacted, on numbers whose answer is known."""

import numpy as np
import pytest

from mfmc_engine.calibration import redacted


@pytest.fixture
def pairs():
    """(300, 2, 6): people differ in the first three numbers, photos of one person wildly in the last three."""
    random = np.random.default_rng(5)
    people = random.normal(0, 1, (300, 1, 6)) * [1, 1, 1, 0, 0, 0]
    return (people + random.normal(0, 1, (300, 2, 6)) * [0.05, 0.05, 0.05, 3, 3, 3]).astype(np.float32)


def test_the_metric_learns_what_stays_the_same_in_a_person(pairs):
    before, after = redacted.parrot(pairs), redacted.parrot(pairs @ redacted.metric(pairs[:150]))
    assert before["named first"] < 0.15
    assert after["accepted"] > before["accepted"]
    assert after["named first"] > 3 * before["named first"]


def test_the_metric_makes_photos_of_one_person_differ_equally_in_all_directions(pairs):
    moved = pairs @ redacted.metric(pairs)
    apart = moved[:, 0] - moved[:, 1]
    spread = apart.T @ apart / len(apart)
    assert np.abs(spread - np.diag(np.diag(spread))).max() < 0.01
    assert np.diag(spread).max() < 1.01


def test_strangers_are_found_by_chance_and_copies_always():
    random = np.random.default_rng(0)
    chance = redacted.parrot(random.normal(size=(1000, 2, 5)).astype(np.float32))
    assert chance["accepted"] == pytest.approx(0.01, abs=0.01)
    assert chance["named first"] < 0.01
    copies = np.repeat(random.normal(size=(100, 1, 5)), 2, axis=1).astype(np.float32)
    assert redacted.parrot(copies) == {"accepted": 1.0, "named first": 1.0}


def test_a_palette_forgets_where_colours_were_and_keeps_which_they_are():
    photo = np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)
    photo[75:250, 75:250] = np.kron(
        np.random.default_rng(2).integers(0, 256, (7, 7, 3)), np.ones((25, 25, 1))
    ).astype(np.uint8)
    found = redacted.left(photo, photo[:, ::-1])
    assert np.abs(found["colours"][0] - found["colours"][1]).max() > 50
    np.testing.assert_allclose(found["palette"][0], found["palette"][1], atol=1)
