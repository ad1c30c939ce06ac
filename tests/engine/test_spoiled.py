"""Photos spoiled as photos are, and how many faces are found in them."""

import json
from functools import partial

import numpy as np
import pytest

from mfmc_engine.cli import main
from mfmc_engine.evaluation import recall
from mfmc_engine.evaluation.spoiled import WAYS


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_photo_stays_a_photo_and_is_another_one(photo, way) -> None:
    before = photo.copy()
    spoiled = way.spoil(photo)
    assert (spoiled.shape, spoiled.dtype) == (photo.shape, np.uint8)
    np.testing.assert_array_equal(photo, before)
    assert np.array_equal(spoiled, photo) == (way is WAYS[0])
    np.testing.assert_array_equal(way.spoil(photo), spoiled)


def test_the_six_people_are_found_however_the_photo_is_spoiled_a_line_a_way(
    smaller_people, capsys, monkeypatch
) -> None:
    assert main(["benchmark", "recall", str(smaller_people), "--spoiled"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [way.name for way in WAYS]
    assert all("6 of 6 of 24 px, 6 of 6 of 48 px, " in line for line in lines)
    assert lines[0].endswith(", 0 false positives")
    one_way = partial(recall.measure_spoiled, ways=WAYS[:1])
    monkeypatch.setattr(recall, "measure_spoiled", one_way)
    assert main(["benchmark", "recall", str(smaller_people), "--spoiled", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    first = json.loads(line)
    assert (first["spoiled"], first["recall"]) == (WAYS[0].name, {"24px": 1.0, "48px": 1.0})
