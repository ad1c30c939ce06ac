"""The six-person photo, decoded and analysed once."""

import json

import cv2
import numpy as np
import pytest

from mfmc_engine import imaging
from mfmc_engine.packs.builtin import weights_folder


@pytest.fixture(scope="session")
def photo(six_people) -> np.ndarray:
    return imaging.decode(six_people)


@pytest.fixture(scope="session")
def analysis(six_found):
    return six_found


@pytest.fixture(scope="session")
def dlib_models():
    """dlib's own predictor and descriptor, the reference for ours."""
    import dlib

    folder = weights_folder("face_recognition_models") / "models"
    return (
        dlib.shape_predictor(str(folder / "shape_predictor_68_face_landmarks.dat")),
        dlib.face_recognition_model_v1(str(folder / "dlib_face_recognition_resnet_model_v1.dat")),
    )


@pytest.fixture
def marked_people(six_people, tmp_path):
    """A folder with t1.jpg and its six people marked."""
    from tests.engine.test_detection import PEOPLE

    (tmp_path / "t1.jpg").write_bytes(six_people.read_bytes())
    marked = [{"box": list(box), "ignore": False} for box in PEOPLE]
    (tmp_path / "boxes.json").write_text(json.dumps({"t1.jpg": marked}))
    return tmp_path


@pytest.fixture
def smaller_people(marked_people, photo):
    """The folder with the photo at three fifths of its size, in which faces have 60 px and more still."""
    from tests.engine.test_detection import PEOPLE

    scale = 0.6
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    (marked_people / "t1.png").write_bytes(imaging.encode(small, ".png"))
    marked = [{"box": [side * scale for side in box], "ignore": False} for box in PEOPLE]
    (marked_people / "boxes.json").write_text(json.dumps({"t1.png": marked}))
    return marked_people
