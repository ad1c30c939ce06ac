"""Faces in surroundings that no photo has: how many are missed."""

import json

import cv2
import numpy as np
import pytest

from mfmc_engine.cli import main
from mfmc_engine.detection import Detection
from mfmc_engine.errors import EngineError
from mfmc_engine.evaluation import cutouts
from mfmc_engine.imaging import encode


@pytest.fixture
def folder(photo, tmp_path):
    """Two tight cutouts of people of t1.jpg and a picture of nobody."""
    for name, (x0, y0, x1, y1) in {"left": (64, 272, 155, 391), "right": (1140, 283, 1220, 388)}.items():
        (tmp_path / f"{name}.jpg").write_bytes(encode(photo[y0:y1, x0:x1], ".jpg"))
    (tmp_path / "wall.jpg").write_bytes(encode(photo[0:120, 0:90], ".jpg"))
    return tmp_path


def test_faces_are_found_in_all_surroundings_and_nobody_where_nobody_is(folder, real_engine) -> None:
    found = list(cutouts.measure(real_engine.pack.detector, folder))
    assert [surroundings for surroundings, _, _ in found] == list(cutouts.ALL)
    assert [(missed, count) for _, missed, count in found] == [(["wall.jpg"], 3)] * 3
    (_, missed, count), *_ = cutouts.measure(real_engine.pack.detector, folder, every=2)
    assert (missed, count) == (["wall.jpg"], 2)


def test_only_a_face_near_the_middle_counts(folder) -> None:
    class AtTheSide:
        def detect(self, image):
            box = np.array([0, 0, image.shape[1] * 0.4, image.shape[0]], np.float32)
            return [Detection(box, 0.99, np.zeros((5, 2), np.float32))]

    assert all(len(missed) == count for _, missed, count in cutouts.measure(AtTheSide(), folder))


def test_edges_are_drawn_out_round_an_enlarged_cutout() -> None:
    cutout = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    picture = cutouts.Surroundings("", 2, 5).of(cutout)
    assert picture.shape == (4 * 2 + 10, 6 * 2 + 10, 3)
    enlarged = cv2.resize(cutout, (12, 8), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_array_equal(picture[5:-5, 5:-5], enlarged)
    assert (picture[:5, 5:-5] == enlarged[0]).all()


def test_a_folder_without_pictures_is_an_error(tmp_path, real_engine) -> None:
    with pytest.raises(EngineError, match=r"no \.jpg"):
        list(cutouts.measure(real_engine.pack.detector, tmp_path))


def test_the_command_names_the_pictures_whose_face_is_missed(folder, capsys) -> None:
    assert main(["benchmark", "cutouts", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["none: 1 of 3 missed", "  wall.jpg"]
    assert len(lines) == 2 * len(cutouts.ALL)
    assert main(["benchmark", "cutouts", str(folder), "--json"]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert first == {"surroundings": "none", "pictures": 3, "missed": ["wall.jpg"]}
