"""What draws on a face tell about the chances of the next ones."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfmc_engine import parameters as P
from mfmc_engine.donors.candidates import Candidate
from mfmc_engine.donors.prospects import Outlook, pick

ERRORS = st.lists(st.floats(-0.3, 0.3), max_size=8)
SPARE = st.floats(-0.4, 0.4)


@given(ERRORS, SPARE, st.floats(0, 0.2), SPARE)
def test_the_farther_a_decoy_is_foretold_the_better_its_chance(errors, spare, more, least):
    outlook = Outlook.after(errors)
    assert 0 <= outlook.chance(spare, least) <= outlook.chance(spare + more, least) <= 1
    assert outlook.chance(spare, least + more) <= outlook.chance(spare, least)


@given(ERRORS, st.floats(0.001, 0.2), SPARE)
def test_a_face_that_disappoints_has_worse_chances(errors, worse, spare):
    disappointed = Outlook.after([*errors, Outlook.after(errors).mean - worse])
    assert disappointed.mean < Outlook.after(errors).mean
    assert disappointed.deviation < Outlook.after(errors).deviation


@given(st.lists(st.floats(-0.3, 0.3), min_size=1, max_size=8))
def test_between_nothing_known_and_what_was_seen(errors):
    low, high = sorted([0.0, float(np.mean(errors))])
    assert low - 1e-9 <= Outlook.after(errors).mean <= high + 1e-9


def test_chances_are_those_of_simulated_faces():
    """Faces and donors drawn from the model itself, seen after two draws each."""
    random = np.random.default_rng(3)
    face = random.normal(0, P.FORECAST_BETWEEN, 20_000)
    seen = face[:, None] + random.normal(0, P.FORECAST_WITHIN, (20_000, 2))
    to_come = face + random.normal(0, P.FORECAST_WITHIN, 20_000)
    told = np.array([Outlook.after(errors).chance(-0.02, 0.0) for errors in seen.tolist()])
    happened = to_come - 0.02 > 0
    for low, high in ((0, 0.2), (0.2, 0.4), (0.4, 0.6)):
        some = (told >= low) & (told < high)
        assert some.sum() > 500
        assert told[some].mean() == pytest.approx(happened[some].mean(), abs=0.03)


class Donors:
    """In their order; names in capitals are of last resort."""

    def __init__(self, *names):
        self.left = iter([Candidate(SimpleNamespace(id=name), resort=name.isupper()) for name in names])

    def drawn(self, chances, number=1, least=0.1, resort=False, taken=()):
        """Names of the donors drawn next."""
        found, self.left = pick(
            self.left, number, lambda one: chances.get(one.donor.id, 1.0), least, resort, taken
        )
        return "".join(candidate.donor.id for candidate in found)


def test_likely_donors_come_in_the_order_of_fit_and_hopeless_ones_not_at_all():
    one = Donors("a", "b", "c", "d")
    assert one.drawn({"a": 0.05, "b": 0.6, "c": 0.9, "d": 0.3}, number=4) == "bcd"
    assert one.drawn({"a": 0.05}) == ""
    assert one.drawn({"a": 0.5}) == "a"  # a later round asks less


def test_the_best_chance_is_taken_where_there_is_no_good_one():
    assert Donors("a", "b", "c").drawn({"a": 0.15, "b": 0.2, "c": 0.3}, number=2) == "cb"
    assert Donors("a", "b").drawn({"a": 0.01, "b": 0.02}, least=0.0) == "b"


def test_donors_of_last_resort_wait_for_their_rounds():
    one = Donors("a", "B", "C")
    assert one.drawn({"a": 0.0}, number=2) == ""
    assert one.drawn({"a": 0.0, "B": 0.2}, number=2, resort=True) == "CB"
    assert one.drawn({}, resort=True) == "a"


def test_donors_taken_by_others_are_passed_over_and_come_first_later():
    one = Donors("a", "b", "c")
    assert one.drawn({}, taken="a") == "b"
    assert one.drawn({}, number=2) == "ac"


def test_no_more_donors_are_weighed_than_fit():
    names = [f"{i:02d}" for i in range(P.FIT_FIRST + 5)]
    hopeless = dict.fromkeys(names[: P.FIT_FIRST], 0.0)
    assert Donors(*names).drawn(hopeless) == ""
    assert Donors(*names).drawn(hopeless, resort=True) == names[P.FIT_FIRST]
