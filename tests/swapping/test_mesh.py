"""The canonical frame and the warp: identities, round trips, shut mouths."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mfmc_engine.geometry import apply
from mfmc_engine.parameters import CROP_SIZE, SHAPE_BROWS_SHARE, SHAPE_LARGEST_SHIFT
from mfmc_engine.swapping import mesh
from mfmc_engine.swapping.mesh import Frame


@settings(max_examples=60, deadline=None)
@given(st.floats(-np.pi, np.pi), st.floats(0.05, 20), st.floats(-500, 500), st.floats(-500, 500))
def test_a_frame_turns_any_placed_face_upright_and_back(angle, scale, x, y):
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    placed = (mesh.mean_face() @ turn.T + [x, y]).astype(np.float32)
    frame = Frame.of(placed)
    inside = apply(frame.to_crop, placed)
    np.testing.assert_allclose(inside, mesh.mean_face(), atol=0.1)
    np.testing.assert_allclose(apply(frame.to_photo, inside), placed, atol=0.05 * max(scale, 1))
    assert frame.scale == pytest.approx(1 / scale, rel=1e-3)


def test_landmarks_without_extent_are_refused():
    with pytest.raises(ValueError, match="span an area"):
        Frame.of(np.full((68, 2), 7.0, np.float32))


def test_a_face_warped_onto_itself_stays_put():
    grid = mesh.warp_grid(mesh.mean_face(), mesh.mean_face())
    ys, xs = np.mgrid[:CROP_SIZE, :CROP_SIZE] + 0.5
    inner = np.s_[8:-8, 8:-8]
    np.testing.assert_allclose(grid[inner], np.stack([xs, ys], -1)[inner], atol=0.02)


def test_every_landmark_of_the_target_shows_the_donors_landmark():
    random = np.random.default_rng(0)
    donor = (mesh.mean_face() + random.normal(0, 1.5, (68, 2))).astype(np.float32)
    target = (mesh.mean_face() + random.normal(0, 1.5, (68, 2))).astype(np.float32)
    grid = mesh.warp_grid(target, donor)
    at = np.stack(
        [cv2.remap(grid[..., i], target[:, 0] - 0.5, target[:, 1] - 0.5, cv2.INTER_LINEAR) for i in (0, 1)],
        -1,
    )
    assert np.median(np.linalg.norm(at.reshape(68, 2) - donor, axis=-1)) < 0.8


def test_a_shut_mouth_hides_the_donors_teeth():
    donor = mesh.mean_face().copy()
    donor[65:68, 1] += 14  # open: lower inner lip far below the upper
    donor[55:60, 1] += 14
    shut = mesh.mean_face().copy()
    shut[[67, 66, 65]] = shut[[61, 62, 63]]
    picture = np.zeros((CROP_SIZE, CROP_SIZE, 3), np.float32)
    cv2.fillPoly(picture, [np.round(donor[60:68]).astype(np.int32)], (1.0, 1.0, 1.0))  # teeth
    warped = mesh.warp_donors(torch.from_numpy(picture).permute(2, 0, 1)[None], [donor], [shut])
    teeth = float(picture[..., 0].sum())
    assert float(warped[0, 0].sum()) < 0.35 * teeth


def test_brows_are_no_heavier_above_lowered_lids():
    """The skin between them is drawn out, and a brow that comes down with it frowns."""
    donor, lowered = mesh.mean_face(), mesh.mean_face().copy()
    lowered[36:48, 1] += 9
    column = int(donor[19, 0])
    top, bottom = (int(donor[19, 1]) + y for y in (0, 6))
    picture = np.ones((1, 3, CROP_SIZE, CROP_SIZE), np.float32)
    picture[:, :, top:bottom, column - 6 : column + 7] = 0
    dark = []
    for target in (donor, lowered):
        warped = mesh.warp_donors(torch.from_numpy(picture), [donor], [target])[0, 0]
        dark.append(float((1 - warped[:, column]).sum()))
    assert dark[0] == pytest.approx(bottom - top, abs=0.3)
    assert dark[1] == pytest.approx(dark[0], abs=0.6)


def test_mixing_shapes_moves_parts_a_little_and_keeps_jaw_and_mouth():
    person, donor = mesh.mean_face(), mesh.mean_face().copy()
    donor[27:36, 1] += 40  # a nose far too low
    donor[48:68, 1] += 40  # and a mouth
    mixed = mesh.mixed_landmarks(person, donor, 1.0)
    for kept in (slice(0, 17), slice(48, 68)):
        np.testing.assert_array_equal(mixed[kept], person[kept])
    moved = np.linalg.norm(mixed[27:36].mean(0) - person[27:36].mean(0))
    assert 1 < moved <= SHAPE_LARGEST_SHIFT + 1e-3


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_brows_take_less_of_a_donors_size_than_eyes_do(share):
    person, donor = mesh.mean_face(), mesh.mean_face().copy()
    for part in (slice(17, 22), slice(22, 27), slice(36, 42), slice(42, 48)):
        donor[part] = donor[part].mean(0) + (donor[part] - donor[part].mean(0)) * 1.1
    mixed = mesh.mixed_landmarks(person, donor, share)
    growth = [np.ptp(mixed[part, 0]) / np.ptp(person[part, 0]) - 1 for part in (slice(17, 22), slice(36, 42))]
    assert growth[1] == pytest.approx(0.1 * share, rel=0.1)
    assert growth[0] == pytest.approx(growth[1] * SHAPE_BROWS_SHARE, rel=0.1)


@pytest.mark.parametrize("scale", [0.3, 1.0, 2.5])
def test_a_crop_of_a_photo_shows_the_face_at_its_canonical_size(scale):
    points = mesh.mean_face() * scale + 20
    size = int(CROP_SIZE * scale + 60)
    photo = np.zeros((size, size, 3), np.uint8)
    for x, y in points[[36, 45, 30, 57]]:
        cv2.circle(photo, (round(x - 0.5), round(y - 0.5)), max(2, round(4 * scale)), (255, 255, 255), -1)
    crop = mesh.crop(photo, Frame.of(points))
    for x, y in mesh.mean_face()[[36, 45, 30, 57]]:
        assert crop[int(y), int(x), 0] > 150
    assert crop.shape == (CROP_SIZE, CROP_SIZE, 3)
    assert crop[10, 10, 0] == 0
