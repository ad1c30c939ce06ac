"""What a parameter does to likeness, and how that is measured."""

import numpy as np
import pytest
import torch

from mfmc_engine import imaging
from mfmc_engine import parameters as P
from mfmc_engine.calibration import likeness
from mfmc_engine.calibration.lfw import Subject, recognizers
from mfmc_engine.evaluation.faceres.age_gender import AgeGender


def test_a_setting_is_values_by_name():
    assert likeness.setting("LIGHT_SIGMA=4;SHAPE_BROWS=(-1.0, 2.0)") == {
        "LIGHT_SIGMA": 4,
        "SHAPE_BROWS": (-1.0, 2.0),
    }


@pytest.mark.parametrize("text", ["", "LIGHT=4", "LIGHT_SIGMA", "LIGHT_SIGMA=", "LIGHT_SIGMA=four()"])
def test_what_is_no_setting_is_said_in_a_line(text):
    with pytest.raises(ValueError, match=r"^no (parameter|value)"):
        likeness.setting(text)


def test_parameters_are_as_before_after_a_setting_even_if_it_fails():
    before, seen = P.LIGHT_SIGMA, []

    def fail():
        with likeness.in_force({"LIGHT_SIGMA": before + 1}):
            seen.append(P.LIGHT_SIGMA)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert seen == [before + 1]
    assert before == P.LIGHT_SIGMA


def test_light_as_fine_as_features_tells_more_of_the_person(six_people, six_found, real_engine):
    """The photo itself stands for another one of the person."""
    photo, judge = imaging.decode(six_people), AgeGender()
    rows = []
    for face in six_found.faces[1:4]:
        photos = [Subject(photo, face)] * 3
        donors = likeness.two_donors(photos[0])
        assert len({donor.id for donor in donors}) == 2
        row = []
        for changed in ({}, {"LIGHT_SIGMA": 2.0}, {}):
            with likeness.in_force(changed), torch.inference_mode():
                row.append(
                    likeness.swapped(real_engine, recognizers(real_engine, None), judge, photos, donors)
                )
        rows.append(row)
        assert row[0] == row[2]
    mean = {key: np.mean([[figures[key] for figures in row] for row in rows], 0) for key in rows[0][0]}
    assert mean["dlib, other photo"][1] > mean["dlib, other photo"][0] + 0.005
    assert 0.6 < mean["contrast"][0] < 1.2
    assert -25 < mean["years older"][0] < 25
    lines = likeness.report(rows, ["in force", "LIGHT_SIGMA=2", "again"]).splitlines()
    assert lines[0].startswith("3 people")
    assert [line for line in lines if line.startswith("  again")] == ["  again          +0.0000  0.0000"] * 4
