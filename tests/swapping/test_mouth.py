"""Mouths that are open wider than the donor's."""

import cv2
import numpy as np
import pytest
import torch

from mfmc_engine.parameters import CROP_SIZE
from mfmc_engine.swapping import fields, mesh, mouth, outlines
from mfmc_engine.swapping.lit import Lit


def opened(by):
    marks = mesh.mean_face().copy()
    marks[[67, 66, 65], 1] = marks[[61, 62, 63], 1] + by
    marks[55:60, 1] = marks[[65, 65, 66, 67, 67], 1] + 8
    return marks


def painted(marks):
    """A grey face with red lips and white teeth between them, as layers of a batch of one."""
    picture = np.full((CROP_SIZE, CROP_SIZE, 3), 0.5, np.float32)
    cv2.fillPoly(picture, [np.round(marks[48:60]).astype(np.int32)], (0.7, 0.3, 0.3))
    cv2.fillPoly(picture, [np.round(marks[60:68]).astype(np.int32)], (1.0, 1.0, 1.0))
    return torch.from_numpy(picture).permute(2, 0, 1)[None]


def column(picture, marks):
    """Luminance down the middle of the opening."""
    top, bottom = marks[62], marks[66]
    x = int(top[0])
    return picture[0, :, int(top[1]) + 2 : int(bottom[1]) - 2, x].mean(0).numpy()


def test_a_mouth_open_as_wide_as_the_donors_is_left_alone():
    assert mouth.teeth_end(opened(12), opened(12)) is None
    assert mouth.teeth_end(opened(12), opened(30)) is None
    assert mouth.teeth_end(opened(2), opened(0)) is None  # a line, not an opening
    layers = painted(opened(12))
    same = mouth.open_wide(layers, layers, [opened(12)], [opened(12)])
    assert torch.equal(same, layers)


def test_teeth_keep_their_size_above_a_dark_mouth():
    donor, target = opened(10), opened(34)
    layers = painted(donor)
    stretched = mesh.warp_donors(layers, [donor], [target])
    assert column(stretched, target).min() > 0.7  # teeth all the way down
    seen = column(mouth.open_wide(stretched, layers, [donor], [target]), target)
    assert (seen[2:6] > 0.8).all()
    assert (seen[14:] < 0.35).all()
    assert seen[-3] > seen[14]  # the tongue comes up toward the lower lip


def test_a_donor_with_shut_lips_gives_no_teeth():
    donor, target = opened(0), opened(30)
    layers = painted(donor)
    stretched = mesh.warp_donors(layers, [donor], [target])
    seen = column(mouth.open_wide(stretched, layers, [donor], [target]), target)
    assert (seen[4:] < 0.4).all()


def test_a_mouth_that_shows_no_teeth_gets_none():
    donor = opened(14)
    layers = painted(donor)
    assert column(layers, donor).min() > 0.9
    seen = column(mouth.open_wide(layers, layers, [donor], [donor], teeth=False), donor)
    assert seen.max() < 0.45


@pytest.mark.parametrize(("tone", "shown"), [(1.0, True), (0.15, False)])
def test_teeth_are_told_from_a_dark_mouth(tone, shown):
    marks = opened(14)
    picture = painted(marks)
    inside = fields.rasterise(outlines.inner_mouth, [marks], picture.device) > 0
    picture = torch.where(inside, tone, picture)
    assert mouth.shows_teeth(Lit(picture, torch.ones_like(picture[:, :1]), [marks])) is shown


def test_lips_that_are_shut_are_not_looked_between():
    marks = opened(2)
    picture = torch.full((1, 3, CROP_SIZE, CROP_SIZE), 0.5)
    assert mouth.shows_teeth(Lit(picture, torch.ones_like(picture[:, :1]), [marks]))


@pytest.mark.parametrize("height", [12, 30])
def test_nothing_but_the_opening_changes(height):
    donor, target = opened(4), opened(height)
    layers = painted(donor)
    stretched = mesh.warp_donors(layers, [donor], [target])
    changed = (mouth.open_wide(stretched, layers, [donor], [target]) - stretched).abs().amax(1)[0] > 0.02
    near = np.zeros((CROP_SIZE, CROP_SIZE), np.uint8)
    cv2.fillPoly(near, [np.round(target[60:68]).astype(np.int32)], 1)
    near = cv2.dilate(near, np.ones((7, 7), np.uint8))
    assert changed.any()
    assert not (changed.numpy() & (near == 0)).any()
