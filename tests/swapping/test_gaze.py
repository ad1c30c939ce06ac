"""Decoys look where the person does: irises are found, and moved behind the lids."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mfmc_engine import imaging
from mfmc_engine.donors import bank
from mfmc_engine.landmarks import EYES
from mfmc_engine.parameters import CROP_SIZE, DRAW_ROUNDS, TURN_LARGEST
from mfmc_engine.swapping import blending, fields, gaze, mesh, outlines
from mfmc_engine.swapping.swappers import mesh_swapper

FACE = mesh.mean_face()


def looking(*glances: float) -> np.ndarray:
    """(CROP_SIZE, CROP_SIZE) a face of one grey with white eyes, each with a dark iris ``glances`` eye widths right."""
    ys, xs = np.mgrid[:CROP_SIZE, :CROP_SIZE] + 0.5
    picture = np.full((CROP_SIZE, CROP_SIZE), 150, np.uint8)
    openings = fields.rasterise(outlines.eye_openings, [FACE], torch.device("cpu"))[0, 0].numpy() > 0.5
    picture[openings] = 220
    for part, glance in zip(EYES, glances, strict=True):
        left, right = FACE[part][0], FACE[part][3]
        width = float(np.linalg.norm(right - left))
        x, y = (left + right) / 2 + glance * (right - left)
        picture[openings & (np.hypot(xs - x, ys - y) < width / 5)] = 50
    return picture


@given(st.floats(-0.18, 0.18))
def test_a_glance_is_read_within_a_twentieth_of_an_eye(glance):
    assert gaze.glance(looking(glance, glance), FACE) == pytest.approx(glance, abs=0.05)


def test_eyes_that_show_no_iris_or_disagree_say_nothing():
    assert gaze.glance(np.full((CROP_SIZE, CROP_SIZE), 150, np.uint8), FACE) is None
    assert gaze.glance(looking(0.15, -0.15), FACE) is None
    assert gaze.glance(looking(0.0, 0.0), np.zeros((68, 2), np.float32)) is None


@given(st.floats(-0.15, 0.15), st.floats(-0.15, 0.15))
def test_turned_eyes_look_where_they_should_and_nothing_else_moves(before, after):
    picture = torch.from_numpy(looking(before, before)).float().div(255)[None, None]
    still, turned = (
        mesh.warp_donors(picture, [FACE], [FACE], turns=[turn])[0, 0].mul(255).round().byte().numpy()
        for turn in (None, (before, after))
    )
    assert gaze.glance(turned, FACE) == pytest.approx(after, abs=0.06)
    around = np.zeros(turned.shape, bool)
    for part in EYES:
        (x0, y0), (x1, y1) = FACE[part].min(0).astype(int) - 4, FACE[part].max(0).astype(int) + 5
        around[y0:y1, x0:x1] = True
    assert np.array_equal(turned[~around], still[~around])


def test_a_turn_is_bounded_and_left_out_where_nobody_would_see_it():
    assert gaze.wanted_turns(None, [0.0]) == [None]
    assert gaze.wanted_turns(0.1, [None, 0.1]) == [None, None]
    assert gaze.wanted_turns(0.4, [-0.1]) == [(-0.1, pytest.approx(-0.1 + TURN_LARGEST))]


def test_a_decoy_looks_aside_with_the_person(six_people, real_engine):
    """The man in the middle looks far to the right of where his donors do."""
    photo = imaging.decode(six_people)
    faces = sorted(real_engine.analyze(photo).faces, key=lambda face: face.box[0])
    target = blending.prepare(photo, [faces[2].landmarks])[0]
    donors = bank.load()
    chosen = [donors[id_] for id_ in donors.ids.tolist()[:6]]
    own = target.glance()
    assert own is not None
    warped = mesh_swapper(target, chosen, DRAW_ROUNDS[0][0])
    seen = [
        gaze.glance(grey.mul(255).byte().numpy(), marks)
        for grey, marks in zip(fields.luminance(warped.pictures)[:, 0], warped.landmarks, strict=True)
    ]
    known = [glance for glance in seen if glance is not None]
    assert len(known) >= 4
    assert np.median(np.abs(np.array(known) - own)) < 0.07


def test_narrow_lids_cover_an_eye_and_do_not_squeeze_it():
    picture = torch.from_numpy(looking(0.0, 0.0)).float().div(255)[None, None]
    narrow = FACE.copy()
    for upper, lower in (([37, 38], [41, 40]), ([43, 44], [47, 46])):
        narrow[upper] += (FACE[lower] - FACE[upper]) * 0.5
    seen, squeezed = (
        mesh.warp_donors(picture, [FACE], [narrow], turns=turns)[0, 0].numpy() for turns in ([None], None)
    )
    inside = fields.rasterise(outlines.eye_openings, [narrow], torch.device("cpu"))[0, 0].numpy() > 0.5
    # The iris is cut by both lids instead of lying flat between them: more of the narrow opening is dark.
    assert (seen[inside] < 0.4).mean() > 1.05 * (squeezed[inside] < 0.4).mean()


def test_lids_that_are_as_wide_apart_change_nothing():
    picture = torch.from_numpy(looking(0.1, 0.1)).float().div(255)[None, None]
    still, seen = (mesh.warp_donors(picture, [FACE], [FACE], turns=turns) for turns in (None, [None]))
    assert (still - seen).abs().max() < 0.02
