"""Shut eyes are noticed, and the decoy's are drawn together."""

import numpy as np
import pytest
import torch

from mfmc_engine import imaging
from mfmc_engine.donors.traits import eye_opening
from mfmc_engine.landmarks import eyelids
from mfmc_engine.parameters import CROP_SIZE, NARROW_OPENING, PLAINLY_OPEN, SHUT_OPENNESS
from mfmc_engine.swappable import to_swap
from mfmc_engine.swapping import blending, eyes, fields, lid_fit, mesh, outlines
from tests.conftest import SHARED

FACE = mesh.mean_face()
CPU = torch.device("cpu")
SKIN = torch.ones(1, 1, CROP_SIZE, CROP_SIZE)


def _with_white_eyes() -> torch.Tensor:
    picture = torch.full((1, 3, CROP_SIZE, CROP_SIZE), 0.5)
    return torch.maximum(picture, fields.rasterise(outlines.eye_openings, [FACE], CPU))


@pytest.mark.parametrize("mirrored", [False, True])
def test_eyes_that_are_shut_or_look_down_are_told_from_those_that_laugh(six_people, real_engine, mirrored):
    """A donor looks at the camera, which the two women do not; the man's eyes are as narrow by their landmarks."""
    photo = imaging.decode(six_people)
    if mirrored:
        photo = np.ascontiguousarray(photo[:, ::-1])
    faces = sorted(real_engine.analyze(photo).faces, key=lambda face: face.box[0])
    found = to_swap(real_engine.pack, photo, faces)
    targets = blending.prepare(photo, [face.landmarks for face in found])
    narrow = [eye_opening(target.landmarks) for target in targets]
    assert sum(opening < NARROW_OPENING for opening in narrow) > 2  # it takes more than that
    assert [target.shut for target in targets] == [True, False, False, False, False, True]


@pytest.mark.parametrize(("openness", "shut"), [(0.17, [False, True]), (0.10, [True, True])])
def test_narrow_eyes_that_show_an_iris_are_open_unless_they_are_surely_shut(
    six_people, six_found, monkeypatch, openness, shut
):
    """The dark-haired woman looks at the camera, the one on the right down."""
    monkeypatch.setattr(eyes, "eye_opening", lambda _: 0.2)
    monkeypatch.setattr(eyelids, "openness", lambda *_: openness)
    marks = [six_found.faces[i].landmarks for i in (1, 5)]
    assert [target.shut for target in blending.prepare(imaging.decode(six_people), marks)] == shut


def test_lids_are_seen_where_they_are_whatever_the_landmarks_say(six_people, six_found):
    photo, faces = imaging.decode(six_people), six_found.faces
    open_, shut = faces[2].landmarks, faces[5].landmarks
    assert eyelids.openness(photo, eyes.close(open_)) == eyelids.openness(photo, open_) > SHUT_OPENNESS + 0.05
    assert eyelids.openness(photo, shut) < SHUT_OPENNESS
    level, turned = (
        eyelids.openness(picture, marks.astype(np.float32))
        for picture, marks in (
            (photo, shut),
            (np.ascontiguousarray(np.rot90(photo, 2)), np.array(photo.shape[1::-1]) - shut),
        )
    )
    assert turned == pytest.approx(level, abs=0.03)


def test_eyes_that_are_open_enough_are_not_looked_at_again(six_people, six_found, monkeypatch):
    photo, faces = imaging.decode(six_people), six_found.faces
    looks = []
    look = eyelids._openness
    monkeypatch.setattr(eyelids, "_openness", lambda seen: looks.append(look(seen)) or looks[-1])
    assert eyelids.openness(photo, faces[2].landmarks, PLAINLY_OPEN) == looks[0] > PLAINLY_OPEN
    assert len(looks) == 1
    assert eyelids.openness(photo, faces[5].landmarks, PLAINLY_OPEN) == pytest.approx(np.mean(looks[1:]))
    assert len(looks) == 3


@pytest.mark.parametrize("lid", eyes.LIDS)
def test_places_beside_a_lid_are_found_again(lid):
    beside = eyes.Lids.of(FACE[lid])
    u, v = beside.locate((CROP_SIZE, CROP_SIZE))
    ys, xs = np.mgrid[:CROP_SIZE, :CROP_SIZE] + 0.5
    np.testing.assert_allclose(beside.place(u, v), np.stack([xs, ys], -1), atol=1e-6)
    inner, outer = (np.floor(FACE[lid[i]]).astype(int) for i in (0, 3))
    assert u[inner[1], inner[0]] == pytest.approx(0, abs=0.05)
    assert u[outer[1], outer[0]] == pytest.approx(1, abs=0.05)
    x, y = np.floor(FACE[lid].mean(0)).astype(int)
    assert v[y - 8, x] > v[y, x] > v[y + 8, x]  # upward


def test_a_shut_eye_shows_a_lash_line_and_no_white():
    closed = eyes.close(FACE)
    assert eye_opening(closed) == 0
    assert np.array_equal(np.delete(closed, [37, 38, 43, 44], 0), np.delete(FACE, [37, 38, 43, 44], 0))
    warped = eyes.draw_lids(mesh.warp_donors(_with_white_eyes(), [FACE], [closed]), SKIN, [closed], [True])
    opening = fields.rasterise(outlines.eye_openings, [FACE], CPU)[0, 0] > 0
    values = warped[0, 0][opening]
    assert values.max() < 0.62  # the lid's 0.5; the white was 1.0
    assert values.min() < 0.3
    for lid in eyes.LIDS:  # it is where the lids meet, and the lid above is light
        x, y = np.floor(FACE[lid].mean(0)).astype(int)
        column = warped[0, 0, y - 10 : y + 8, x]
        assert abs(int(column.argmin()) - 10) <= 4
        assert column[0] > 0.42


def test_bare_lids_take_the_colour_of_the_skin_around_not_of_brows_or_hair():
    """Neither of the hair that their outline holds nor of what else is no skin."""
    closed = eyes.close(FACE)
    places = [eyes.beside_lids(closed, (CROP_SIZE, CROP_SIZE))]
    grey = torch.full((1, 3, CROP_SIZE, CROP_SIZE), 0.5)
    brows = fields.rasterise(outlines.brow_hair, [FACE], CPU)
    broad = fields.dilate(brows, 6)
    skin = 1 - broad
    dark = grey * (1 - 0.8 * broad)
    for hidden in (brows, broad):
        bare, share = eyes.bare_lids(grey * (1 - 0.8 * hidden), skin, [closed], places)
        assert bare[0, 0][share[0, 0] > 0.5].min() > 0.49
    without, share = eyes.bare_lids(dark, torch.zeros_like(skin), [closed], places)
    assert without.isfinite().all()  # nothing is skin: what is there is taken, not black
    assert without[0, 0][share[0, 0] > 0.5].min() > 0.1


def test_open_eyes_are_left_alone():
    picture = _with_white_eyes()
    both = eyes.draw_lids(torch.cat([picture, picture]), torch.cat([SKIN, SKIN]), [FACE, FACE], [False, True])
    assert torch.equal(both[0], picture[0])
    assert not torch.equal(both[1], picture[0])


@pytest.mark.shared
def test_the_shipped_shading_is_what_its_command_makes(tmp_path):
    lid_fit.main(["--lfw", str(SHARED / "lfw"), "--out", str(tmp_path / "lids.npz")])
    with np.load(tmp_path / "lids.npz") as made:
        np.testing.assert_allclose(made["log_gain"].astype(np.float32), eyes._usual(), atol=0.01)
