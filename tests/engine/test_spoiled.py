"""Photos spoiled as photos are, and how many faces are found in them."""

import json

import numpy as np
import pytest

from mfmc_engine.cli import main
from mfmc_engine.evaluation.recall import measure_spoiled
from mfmc_engine.evaluation.spoiled import WAYS


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_photo_stays_a_photo_and_is_another_one(photo, way) -> None:
    before = photo.copy()
    spoiled = way.spoil(photo)
    assert (spoiled.shape, spoiled.dtype) == (photo.shape, np.uint8)
    np.testing.assert_array_equal(photo, before)
    assert np.array_equal(spoiled, photo) == (way is WAYS[0])
    np.testing.assert_array_equal(way.spoil(photo), spoiled)


def test_the_six_people_are_found_however_the_photo_is_spoiled(marked_people, real_engine) -> None:
    found = {
        way.name: (tally.found, tally.faces)
        for way, tally in measure_spoiled(real_engine.pack, marked_people)
    }
    assert list(found) == [way.name for way in WAYS]
    assert found == dict.fromkeys(found, ({24: 6, 48: 6}, {24: 6, 48: 6}))


def test_the_command_prints_a_line_a_way(marked_people, capsys) -> None:
    assert main(["benchmark", "recall", str(marked_people), "--spoiled"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [way.name for way in WAYS]
    assert lines[0].endswith("6 of 6 of 24 px, 6 of 6 of 48 px, 0 false positives")
    assert main(["benchmark", "recall", str(marked_people), "--spoiled", "--json"]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (first["spoiled"], first["recall"]) == (WAYS[0].name, {"24px": 1.0, "48px": 1.0})
