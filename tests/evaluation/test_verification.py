"""Error rates against cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from mfmc_engine.evaluation import verification as V
from mfmc_engine.evaluation.learning import area_under_curve, folds, predict, ridge

PEOPLE = np.array(["a", "a", "b", "b", "c", "c"])
TRIAL = V.Trial(np.arange(6), PEOPLE)


def _apart(points: list[float]) -> np.ndarray:
    values = np.array(points)
    return np.abs(values[:, None] - values[None]).astype(np.float32)


def test_a_trial_knows_mates_strangers_and_the_picture_itself():
    assert TRIAL.mated().sum() == 6
    assert TRIAL.strangers().sum() == 24
    assert TRIAL.itself().sum() == 6


def test_the_threshold_lets_the_stated_share_of_strangers_in():
    strangers = np.linspace(0, 1, 10001, dtype=np.float32)
    assert V.accepted(strangers, V.threshold_at(strangers, 0.01)) == pytest.approx(0.01, abs=2e-4)


def test_quantiles_of_sorted_values_are_those_of_numpy():
    values = np.sort(np.random.default_rng(0).random(1001).astype(np.float32))
    rates = np.array([0, 0.001, 0.01, 0.4321, 1])
    assert V.sorted_quantiles(values, rates) == pytest.approx(np.quantile(values, rates))


def test_separable_people_have_no_equal_error_and_overlapping_ones_half():
    random = np.random.default_rng(0)
    near, far = random.normal(0, 1, 500), random.normal(100, 1, 5000)
    assert V.equal_error_rate(near, far)[0] == pytest.approx(0, abs=1e-3)
    assert V.equal_error_rate(random.normal(0, 1, 500), random.normal(0, 1, 5000))[0] == pytest.approx(
        0.5, abs=0.05
    )
    assert V.best_accuracy(near, far)[0] == pytest.approx(1)


def test_everybody_is_found_where_people_lie_apart_and_the_picture_itself_does_not_count():
    places = V.ranks(_apart([0, 0.1, 5, 5.1, 9, 9.1]), TRIAL)
    assert V.match_curve(places, 3) == [1, 1, 1]
    assert (V.ranks(_apart([0, 9, 0.1, 9.1, 0.2, 9.2]), TRIAL) == 2).all()


def test_a_tie_with_a_stranger_is_no_success():
    assert (V.ranks(np.ones((6, 6), np.float32), TRIAL) == 2).all()


def test_nobody_is_found_in_an_open_set_once_all_lie_far():
    before = _apart([0, 0.1, 5, 5.1, 9, 9.1])
    found = V.open_set(before, np.full((6, 6), 50, np.float32), TRIAL, 0)
    assert found["found_before"] == 1
    assert found["found_after"] == 0


def test_the_interval_holds_the_mean_and_narrows_with_people():
    random = np.random.default_rng(0)
    widths = []
    for count in (20, 500):
        values = random.random(count)
        low, high = V.interval(values, np.arange(count).astype(str), 0)
        assert low < values.mean() < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def test_numbers_become_json_without_nan():
    assert V.rounded({"a": np.float32("nan"), "b": np.array([0.1234567891])}) == {"a": None, "b": [0.123457]}


def test_ridge_recovers_a_linear_map_in_both_of_its_forms():
    random = np.random.default_rng(1)
    for rows, width in ((200, 5), (20, 400)):
        x = random.normal(size=(rows, width))
        y = x @ random.normal(size=(width, 2)) + 3
        assert np.abs(predict(ridge(x, y, 1e-9), x) - y).max() < 1e-3


def test_no_person_is_in_training_and_test():
    for train, test in folds(PEOPLE, 0):
        assert not set(PEOPLE[train]) & set(PEOPLE[test])
        assert (train ^ test).all()


def test_the_area_under_the_curve_counts_ties_half():
    assert area_under_curve([3, 4], [1, 2]) == 1
    assert area_under_curve([1, 1], [1, 1]) == 0.5
