"""How far off the forecasts of draws are, and how that is measured."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfmc_engine import imaging
from mfmc_engine.calibration import prospects


@pytest.mark.parametrize(("between", "within"), [(0.05, 0.02), (0.0, 0.04), (0.03, 0.03)])
def test_departures_of_faces_and_of_donors_are_told_apart(between, within):
    random = np.random.default_rng(1)
    means = 0.2 + between * random.standard_normal(2000)
    groups = [mean + within * random.standard_normal(random.integers(2, 8)) for mean in means]
    found = prospects.Departure.of(groups)
    assert found.mean == pytest.approx(0.2, abs=0.005)
    assert found.within == pytest.approx(within, rel=0.05)
    assert found.between == pytest.approx(between, rel=0.1, abs=0.006)


@given(st.lists(st.lists(st.floats(-1, 1), min_size=2, max_size=5), min_size=2, max_size=6))
def test_no_departure_is_negative(groups):
    found = prospects.Departure.of(groups)
    assert found.between >= 0
    assert found.within >= 0
    assert min(map(min, groups)) <= found.median <= max(map(max, groups))


def test_real_decoys_are_measured_and_reported(six_people, six_found, real_engine):
    photo, faces = imaging.decode(six_people), six_found.faces[:2]
    found = [prospects.seen(real_engine, (photo, face), 3, 0) for face in faces]
    assert [len(decoys) for decoys in found] == [3, 3]
    assert all(abs(one.error) < 0.3 and one.blotched > 0 and one.misfit > 0 for face in found for one in face)
    assert len({one.error for face in found for one in face}) == 6
    assert found == [prospects.seen(real_engine, (photo, face), 3, 0) for face in faces]
    lines = prospects.report(found).splitlines()
    assert lines[0] == "2 faces, 6 decoys"
    assert [line.split()[0] for line in lines[1:]] == ["error", "gain", "blotched", "misfit"]
