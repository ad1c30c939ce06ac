"""What is no picture, or belongs to another one, is refused in one line before anything is done with it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image as PILImage

from mfmc_engine.checks import check_picture
from mfmc_engine.engine import Engine
from mfmc_engine.errors import EngineError
from mfmc_engine.imaging import resize_to_fit
from mfmc_engine.types import Decoy, DecoyRequest

GREY = np.full((40, 60, 3), 127, np.uint8)
NO_PICTURES = {
    "floats from 0 to 1": (GREY.astype(np.float32) / 255, TypeError, "not float32"),
    "16 bits": (GREY.astype(np.uint16) * 257, TypeError, "not uint16"),
    "a tensor of floats": (torch.zeros(40, 60, 3), TypeError, "not float32"),
    "a tensor of halves": (torch.zeros(40, 60, 3, dtype=torch.bfloat16), TypeError, "not bfloat16"),
    "grey": (GREY[..., 0], ValueError, r"\(40, 60\)"),
    "with alpha": (np.dstack([GREY, GREY[..., :1]]), ValueError, r"\(40, 60, 4\)"),
    "channels first": (np.moveaxis(GREY, 2, 0), ValueError, r"\(3, 40, 60\)"),
    "a tensor, channels first": (torch.zeros(3, 40, 60, dtype=torch.uint8), ValueError, r"\(3, 40, 60\)"),
    "nothing": (GREY[:0], ValueError, r"\(0, 60, 3\)"),
    "a file name": ("party.jpg", TypeError, "not str: mfmc_engine.imaging.decode opens files"),
    "a picture of Pillow's": (PILImage.fromarray(GREY), TypeError, "not Image"),
    "None": (None, TypeError, "not NoneType"),
    "nested lists": (GREY.tolist(), TypeError, "not list"),
}


@pytest.fixture(scope="module")
def engine():
    """One that never gets as far as its networks."""
    return Engine()


def refused(kind: type[Exception], says: str, call) -> None:
    with pytest.raises(kind, match=says) as refusal:
        call()
    assert isinstance(refusal.value, EngineError)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", NO_PICTURES)
def test_what_is_no_picture_is_refused_at_every_entry(engine, name) -> None:
    picture, kind, says = NO_PICTURES[name]
    refused(kind, says, lambda: engine.analyze(picture))
    refused(kind, says, lambda: engine.analyze_many([GREY, picture]))
    refused(kind, says, lambda: engine.make_decoys(picture, []))
    refused(kind, says, lambda: engine.make_decoys_many([GREY, picture], [[], []]))
    refused(
        TypeError if isinstance(picture, torch.Tensor) else kind,
        "picture",
        lambda: engine.compose(picture, [], []),
    )


def test_a_tensor_is_not_copied_to_be_looked_at() -> None:
    check_picture(
        torch.empty(40, 60, 3, dtype=torch.uint8, device="meta"), torch.Tensor
    )  # holds no pixels at all


def test_every_picture_has_its_own_boxes_and_requests(engine) -> None:
    refused(ValueError, "2 pictures, but boxes for 1", lambda: engine.analyze_many([GREY, GREY], [[]]))
    refused(ValueError, "1 pictures, but requests for 0", lambda: engine.make_decoys_many([GREY], []))


@pytest.mark.parametrize("boxes", [[[1, 2, 3]], [["a", "b", "c", "d"]], [[None] * 4], [[9, 9, 3, 3]]])
def test_what_are_no_boxes_is_refused(engine, boxes) -> None:
    refused(ValueError, "box", lambda: engine.analyze(GREY, boxes))


def test_faces_of_a_preview_get_no_decoys_in_the_photo(photo, real_engine, analysis) -> None:
    preview = resize_to_fit(photo, 640)
    requests = [DecoyRequest(face, b"seed") for face in analysis.faces]
    assert {face.picture_size for face in analysis.faces} == {(1280, 886)}
    refused(ValueError, "1280 x 886 px, not to this", lambda: real_engine.make_decoys(preview, requests))


def test_a_face_outside_the_picture_is_refused(engine, analysis) -> None:
    """Of faces built by hand it is not known which picture they belong to."""
    for box in ((60, 0, 90, 30), (0, 40, 30, 70), (-30, 0, 0, 30), (9, 9, 9, 20), (np.nan, 0, 30, 30)):
        face = replace(analysis.faces[0], picture_size=None, box=np.array(box, np.float32))
        request = DecoyRequest(face, b"seed")
        refused(
            ValueError, "face 0 lies outside", lambda request=request: engine.make_decoys(GREY, [request])
        )


def patch(origin: tuple[int, int], picture_size=None, side: int = 10) -> Decoy:
    alpha = np.full((side, side), 255, np.uint8)
    pixels = np.zeros((side, side, 3), np.uint8)
    return Decoy("redaction", origin, pixels, alpha, None, 0, 1.0, 1.0, 0.6, picture_size=picture_size)


def test_decoys_of_another_picture_are_not_pasted(engine) -> None:
    refused(
        ValueError,
        "120 x 80 px, not to this one of 60 x 40",
        lambda: engine.compose(GREY, [patch((5, 5), (120, 80))], [0]),
    )
    for origin in ((60, 0), (0, 40), (-10, 0), (0, -10)):
        refused(
            ValueError,
            "decoy 1 lies outside",
            lambda o=origin: engine.compose(GREY, [patch((0, 0)), patch(o)], [0, 1]),
        )
    refused(ValueError, "lies outside", lambda: engine.compose(GREY, [patch((5, 5), side=0)], [0]))
    engine.compose(GREY, [patch((60, 0))], [])  # of what is not hidden nothing is asked
    for known in (None, (60, 40)):  # and one that sticks out is pasted as far as it goes
        assert (engine.compose(GREY, [patch((55, 35), known)], [0])[35:, 55:] == 0).all()


@pytest.mark.parametrize("selection", ["furthest", "Nearest", "", None])
def test_an_unknown_selection_is_no_other_one(engine, selection) -> None:
    refused(
        ValueError, "use random, farthest, nearest", lambda: engine.make_decoys(GREY, [], selection=selection)
    )


@pytest.mark.parametrize("threads", [0, -1])
def test_there_is_at_least_one_thread(threads) -> None:
    refused(ValueError, "at least 1", lambda: Engine(threads=threads))
