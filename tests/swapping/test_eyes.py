"""Shut eyes are noticed, and the decoy's are drawn together."""

import numpy as np
import pytest
import torch

from mfmc_engine import imaging
from mfmc_engine.landmarks import eyelids
from mfmc_engine.parameters import CROP_SIZE, NARROW_OPENING, PLAINLY_OPEN, SHUT_OPENING
from mfmc_engine.swappable import to_swap
from mfmc_engine.swapping import blending, eyes, fields, mesh, outlines

FACE = mesh.mean_face()
CPU = torch.device("cpu")


def _with_white_eyes() -> torch.Tensor:
    picture = torch.full((1, 3, CROP_SIZE, CROP_SIZE), 0.5)
    return torch.maximum(picture, fields.rasterise(outlines.eye_openings, [FACE], CPU))


def test_only_the_woman_whose_lids_meet_has_shut_eyes(six_people, real_engine):
    """Neither the woman who looks down nor the man who laughs: drawn shut, their eyes would be black lines."""
    photo = imaging.decode(six_people)
    faces = sorted(real_engine.analyze(photo).faces, key=lambda face: face.box[0])
    found = to_swap(real_engine.pack, photo, faces)
    targets = blending.prepare(photo, [face.landmarks for face in found])
    narrow = [eyes.opening(target.landmarks) for target in targets]
    assert sum(opening < NARROW_OPENING for opening in narrow) > 1  # it takes more than that
    assert [target.shut for target in targets] == [False, False, False, False, False, True]


def test_lids_are_seen_where_they_are_whatever_the_landmarks_say(six_people, real_engine):
    photo = imaging.decode(six_people)
    faces = sorted(real_engine.analyze(photo).faces, key=lambda face: face.box[0])
    open_, shut = faces[2].landmarks, faces[5].landmarks
    assert eyelids.opening(photo, eyes.close(open_)) == eyelids.opening(photo, open_) > SHUT_OPENING + 0.05
    assert eyelids.opening(photo, shut) < SHUT_OPENING
    level, turned = (
        eyelids.opening(picture, marks.astype(np.float32))
        for picture, marks in (
            (photo, shut),
            (np.ascontiguousarray(np.rot90(photo, 2)), np.array(photo.shape[1::-1]) - shut),
        )
    )
    assert turned == pytest.approx(level, abs=0.03)


def test_eyes_that_are_open_enough_are_not_looked_at_again(six_people, real_engine, monkeypatch):
    photo = imaging.decode(six_people)
    faces = sorted(real_engine.analyze(photo).faces, key=lambda face: face.box[0])
    looks = []
    look = eyelids._opening
    monkeypatch.setattr(eyelids, "_opening", lambda seen: looks.append(look(seen)) or looks[-1])
    assert eyelids.opening(photo, faces[2].landmarks, PLAINLY_OPEN) == looks[0] > PLAINLY_OPEN
    assert len(looks) == 1
    assert eyelids.opening(photo, faces[5].landmarks, PLAINLY_OPEN) == pytest.approx(np.mean(looks[1:]))
    assert len(looks) == 3


def test_a_shut_eye_shows_a_lash_line_and_no_white():
    closed = eyes.close(FACE)
    assert eyes.opening(closed) == 0
    assert np.array_equal(np.delete(closed, [37, 38, 43, 44], 0), np.delete(FACE, [37, 38, 43, 44], 0))
    warped = eyes.draw_lids(mesh.warp_donors(_with_white_eyes(), [FACE], [closed]), [closed], [True])
    opening = fields.rasterise(outlines.eye_openings, [FACE], CPU)[0, 0] > 0
    values = warped[0, 0][opening]
    assert values.max() < 0.62  # the lid's 0.5; the white was 1.0
    assert values.min() < 0.4


def test_bare_lids_take_the_colour_of_the_skin_around_not_of_the_brow():
    closed = eyes.close(FACE)
    picture = torch.full((1, 3, CROP_SIZE, CROP_SIZE), 0.5)
    picture = picture * (1 - 0.8 * fields.rasterise(outlines.brow_hair, [FACE], CPU))
    smeared = picture * (1 - 0.6 * fields.dilate(fields.rasterise(outlines.eye_openings, [FACE], CPU), 6))
    warped = mesh.warp_donors(smeared, [FACE], [closed])
    lids = [(int(x), int(y) - 4) for x, y in closed[[37, 44]]]
    drawn = eyes.draw_lids(warped, [closed], [True])[0, 0]
    for x, y in lids:
        assert warped[0, 0, y, x] < 0.42
        assert drawn[y, x] > 0.46


def test_open_eyes_are_left_alone():
    picture = _with_white_eyes()
    both = eyes.draw_lids(torch.cat([picture, picture]), [FACE, FACE], [False, True])
    assert torch.equal(both[0], picture[0])
    assert not torch.equal(both[1], picture[0])
