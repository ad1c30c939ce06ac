"""Things drawn before faces, and how many of the people behind them are found."""

import json

import cv2
import numpy as np
import pytest

from mfmc_engine.cli import main
from mfmc_engine.detection import closer, looks
from mfmc_engine.detection.pyramid import Pyramid
from mfmc_engine.evaluation import alone
from mfmc_engine.evaluation.covers import COVERS
from mfmc_engine.geometry import overlap
from tests.engine.test_detection import PEOPLE

BLACK_MASK = next(cover for cover in COVERS if cover.name == "black mask")
BAR = next(cover for cover in COVERS if cover.name == "bar over the eyes")


@pytest.mark.parametrize("cover", COVERS, ids=lambda cover: cover.name)
def test_a_cover_is_drawn_on_the_face_alone_and_the_same_again(photo, analysis, cover) -> None:
    face = analysis.faces[0]
    drawn, again = photo.copy(), photo.copy()
    for picture in (drawn, again):
        cover.draw(picture, face.landmarks, np.random.default_rng(1))
    np.testing.assert_array_equal(drawn, again)
    changed = (drawn != photo).any(2)
    rows, columns = np.nonzero(changed)
    x0, y0, x1, y1 = face.box
    assert changed[int(y0) : int(y1), int(x0) : int(x1)].mean() > 0.03
    room = 1.2 * max(x1 - x0, y1 - y0)
    assert columns.min() > x0 - room
    assert columns.max() < x1 + room
    assert rows.min() > y0 - room
    assert rows.max() < y1 + room


def test_the_people_of_the_photo_are_found_whatever_is_before_them_a_line_a_cover(
    smaller_people, capsys
) -> None:
    assert main(["benchmark", "recall", str(smaller_people), "--covered", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["covered"] for line in lines] == [cover.name for cover in COVERS]
    assert all(line["faces"] == {"24px": 6, "48px": 6} for line in lines)
    assert {line["covered"]: line["recall"] for line in lines} == {
        cover.name: {"24px": 1.0, "48px": 1.0} for cover in COVERS
    }
    assert all(line["angle"] == 0 for line in lines)


def small_people(photo, analysis, masked):
    """The six people small, those of these numbers in black masks, and the (6, 4) boxes of their faces."""
    scale = 0.2
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for number in masked:
        BLACK_MASK.draw(small, analysis.faces[number].landmarks * scale, np.random.default_rng(0))
    return small, np.stack([face.box * scale for face in analysis.faces])


def found_in(engine, picture, truth) -> int:
    boxes = np.array([found.box for found in engine.pack.detector.detect(picture)], np.float32)
    return int((overlap(truth, boxes.reshape(-1, 4)).max(1, initial=0) >= 0.4).sum())


def test_a_closer_look_finds_small_people_in_black_masks(photo, analysis, real_engine, monkeypatch) -> None:
    masked = small_people(photo, analysis, range(6))
    assert found_in(real_engine, *masked) == len(PEOPLE)
    monkeypatch.setattr(looks, "CLOSER_LEAST", 2.0)  # nothing is that hot: no closer look
    assert found_in(real_engine, *masked) < len(PEOPLE)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_people_in_masks_are_found_whichever_way_up_the_photo_is(
    photo, analysis, real_engine, monkeypatch, quarters
) -> None:
    """As long as some are bare, so that it is known which way that is."""
    picture, truth = small_people(photo, analysis, (0, 1, 5))
    height, width = picture.shape[:2]
    for _ in range(quarters):
        truth = np.stack([truth[:, 1], width - truth[:, 2], truth[:, 3], width - truth[:, 0]], 1)
        height, width = width, height
    turned = np.ascontiguousarray(np.rot90(picture, quarters))
    assert found_in(real_engine, turned, truth.astype(np.float32)) == len(PEOPLE)
    monkeypatch.setattr(looks, "CLOSER_LEAST", 2.0)
    assert found_in(real_engine, turned, truth.astype(np.float32)) < len(PEOPLE)


def test_somebody_alone_is_found_behind_anything_upside_down(marked_people, real_engine) -> None:
    """Nobody bare says which way that is. On their side: see the command."""
    people = alone.people(real_engine.pack, marked_people, every=3)
    assert len(people) == len(PEOPLE) / 3
    missed = {
        cover.name: names for cover, _, names in alone.measure(real_engine.pack.detector, people, [180])
    }
    assert missed == {cover.name: [] for cover in COVERS}


def test_without_a_closer_look_at_every_turn_people_alone_are_missed(
    marked_people, real_engine, monkeypatch
) -> None:
    people = alone.people(real_engine.pack, marked_people)
    monkeypatch.setattr(type(real_engine.pack.detector.search), "warmth", lambda *_: 0.0)
    measured = alone.measure(real_engine.pack.detector, people, [180], [BAR])
    assert sum(len(missed) for *_, missed in measured) >= 2


def test_a_photo_of_people_in_masks_alone_may_lie_on_its_side(photo, analysis, real_engine) -> None:
    picture, truth = small_people(photo, analysis, range(6))
    turned_truth = np.stack(
        [truth[:, 1], picture.shape[1] - truth[:, 2], truth[:, 3], picture.shape[1] - truth[:, 0]], 1
    )
    sideways = np.ascontiguousarray(np.rot90(picture))
    assert found_in(real_engine, sideways, turned_truth.astype(np.float32)) == len(PEOPLE)


def test_the_command_finds_somebody_alone_on_their_side_a_line_for_each_cover(marked_people, capsys) -> None:
    assert main(["benchmark", "alone", str(marked_people), "--every", "2", "--angles", "90", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["covered"] for line in lines] == [cover.name for cover in COVERS]
    assert all((line["angle"], line["people"], line["missed"]) == (90, 3, []) for line in lines)


def test_people_alone_need_people(tmp_path, photo, capsys) -> None:
    (tmp_path / "boxes.json").write_text("{}")
    assert main(["benchmark", "alone", str(tmp_path)]) == 2
    assert "nobody of 36 px" in capsys.readouterr().err


def test_faces_are_hot_there_at_any_size_and_what_is_none_is_cold(photo, real_engine) -> None:
    search = real_engine.pack.detector.search
    faces = np.array(PEOPLE, np.float32)
    others = np.array(
        [[500, 700, 600, 800], [760, 490, 850, 580], [20, 650, 120, 750]], np.float32
    )  # a table, a hand
    for scale in (1.0, 0.4):
        small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        pyramid = Pyramid.of(small, search.device)
        assert closer.faces(search.centerface, pyramid, faces * np.float32(scale)).all()
        assert not closer.faces(search.centerface, pyramid, others * np.float32(scale)).any()
    turned = Pyramid.of(photo, search.device).turned(90)
    assert not closer.faces(search.centerface, turned, others).any()
    assert closer.faces(search.centerface, turned, np.empty((0, 4), np.float32)).shape == (0,)
