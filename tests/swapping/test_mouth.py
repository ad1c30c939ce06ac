"""Mouths that are open wider than the donor's, and shut ones."""

import cv2
import numpy as np
import pytest
import torch
from skimage.data import astronaut

from mfmc_engine.donors import bank, smiles
from mfmc_engine.parameters import CAVITY_TONE, CROP_SIZE, INTEROCULAR, TEETH_GROWTH, TEETH_LENT
from mfmc_engine.swapping import blending, fields, mesh, mouth, outlines
from mfmc_engine.swapping.lit import Lit

NONE, SOME, BROAD = TEETH_GROWTH
CAVITY = np.repeat(np.array(CAVITY_TONE, np.float32)[:, None], 3, 1)
DARK = 0.5
SMILE = mouth.Between(SOME, CAVITY, DARK)


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
    assert mouth.teeth_end(opened(12), opened(12), SOME) is None
    assert mouth.teeth_end(opened(12), opened(30), SOME) is None
    assert mouth.teeth_end(opened(2), opened(0), SOME) is None  # a line, not an opening
    layers = painted(opened(12))
    same = mouth.redraw(layers, layers, [opened(12)], [opened(12)], SMILE)
    assert torch.equal(same, layers)


def test_teeth_keep_their_size_above_a_dark_mouth():
    donor, target = opened(10), opened(34)
    layers = painted(donor)
    stretched = mesh.warp_donors(layers, [donor], [target])
    assert column(stretched, target).min() > 0.7  # teeth all the way down
    seen = column(mouth.redraw(stretched, layers, [donor], [target], SMILE), target)
    assert (seen[2:6] > 0.8).all()
    assert (seen[14:] < 0.35).all()
    assert seen[-3] > seen[14]  # the tongue comes up toward the lower lip


def test_a_donor_with_shut_lips_gives_no_teeth():
    donor, target = opened(0), opened(30)
    layers = painted(donor)
    stretched = mesh.warp_donors(layers, [donor], [target])
    seen = column(mouth.redraw(stretched, layers, [donor], [target], SMILE), target)
    assert (seen[4:] < 0.4).all()


def lend_smile(_):
    return painted(opened(12)), opened(12)


def test_a_donor_with_shut_lips_borrows_the_teeth_that_the_photo_shows():
    donor, target = opened(0), opened(30)
    layers = painted(donor)
    stretched = mesh.warp_donors(layers, [donor], [target])
    seen = column(mouth.redraw(stretched, layers, [donor], [target], SMILE, lend_smile), target)
    assert (seen[2:8] > 0.8).all()  # in their own size
    assert (seen[14:] < 0.35).all()
    none = column(
        mouth.redraw(stretched, layers, [donor], [target], mouth.Between(NONE, CAVITY, DARK), lend_smile),
        target,
    )
    assert (none[4:] < 0.4).all()


def test_a_broad_smile_is_full_of_teeth_from_lip_to_lip():
    donor, target = opened(3), opened(18)
    layers = painted(donor)
    stretched = mesh.warp_donors(layers, [donor], [target])
    seen = column(
        mouth.redraw(stretched, layers, [donor], [target], mouth.Between(BROAD, CAVITY, DARK), lend_smile),
        target,
    )
    assert seen.min() > 0.8


def test_who_shows_teeth_enough_borrows_none():
    donor, target = opened(round(18 * TEETH_LENT) + 1), opened(18)
    layers = painted(donor)
    own = mouth.redraw(layers, layers, [donor], [target], SMILE)
    assert torch.equal(own, mouth.redraw(layers, layers, [donor], [target], SMILE, lend_smile))


def test_lenders_smile_broadly_and_are_many():
    donors = bank.load()
    lenders = [smiles.lender(id_) for id_ in donors]
    assert lenders == [smiles.lender(id_) for id_ in donors]
    assert min(mouth.opening(lender.landmarks) for lender in lenders) > 0.13 * INTEROCULAR
    counts = np.unique([lender.id for lender in lenders], return_counts=True)[1]
    assert counts.max() < len(lenders) / 20


def test_a_mouth_that_shows_no_teeth_gets_none():
    donor = opened(14)
    layers = painted(donor)
    assert column(layers, donor).min() > 0.9
    seen = column(mouth.redraw(layers, layers, [donor], [donor], mouth.Between(NONE, CAVITY, DARK)), donor)
    assert seen.max() < 0.45


def filled(marks, *tones):
    """A face whose mouth holds these tones, in layers of equal height from lip to lip."""
    picture = painted(marks)
    inside = fields.rasterise(outlines.inner_mouth, [marks], picture.device) > 0
    rows = torch.arange(CROP_SIZE)[:, None] + 0.5
    depth = (rows - marks[62, 1]) / (marks[66, 1] - marks[62, 1])
    layer = (depth * len(tones)).long().clamp(0, len(tones) - 1).expand(CROP_SIZE, CROP_SIZE)
    picture = torch.where(inside, torch.tensor(tones)[layer], picture)
    return lit(picture, marks)


@pytest.mark.parametrize(
    ("tones", "growth"), [((1.0, 1.0), BROAD), ((0.9, 0.1), SOME), ((0.1, 0.9), SOME), ((0.15, 0.15), NONE)]
)
def test_teeth_are_told_from_a_dark_mouth_and_from_what_they_stand_above(tones, growth):
    assert mouth.look(filled(opened(14), *tones)).growth == growth


def test_a_dark_mouth_is_as_dark_as_the_photos_where_that_is():
    """From lip to lip; what is lighter at the rims than beside them is a lip."""
    between = mouth.look(filled(opened(25), 0.3, 0.1, 0.05, 0.15, 0.3))
    lips = np.array([0.7, 0.3, 0.3])
    expected = np.array([0.1, 0.1, 0.05, 0.15, 0.15])[:, None] / lips
    np.testing.assert_allclose(between.tones, expected, atol=0.12)
    donor, target = opened(0), opened(25)
    layers = painted(donor)
    stretched = mesh.warp_donors(layers, [donor], [target])
    seen = column(mouth.redraw(stretched, layers, [donor], [target], between), target)
    assert seen[len(seen) // 2] < 0.1 < seen[-2]


def test_no_edges_of_teeth_are_left_round_a_dark_mouth():
    donor, target = opened(12), opened(20)
    layers = painted(donor)
    # landmarks are a little off: the donor's teeth reach beyond its lips' inner edge
    wide = fields.dilate(fields.rasterise(outlines.inner_mouth, [donor], layers.device), 2)
    layers = torch.where(wide > 0, torch.tensor(1.0), layers)
    stretched = mesh.warp_donors(layers, [donor], [target])
    rim = fields.rasterise(outlines.lips, [target], layers.device)[0, 0] > 0
    assert stretched[0].mean(0)[rim].max() > 0.9
    out = mouth.redraw(stretched, layers, [donor], [target], mouth.Between(NONE, CAVITY, DARK))
    assert out[0].mean(0)[rim].max() < 0.6


def test_lips_that_are_shut_are_not_looked_between():
    assert mouth.look(filled(opened(2), 0.1)).growth == SOME


def test_a_mouth_is_looked_into_along_its_own_axis(real_engine):
    """She smiles broadly, whichever way up she is."""
    for turns in range(4):
        turned = np.ascontiguousarray(np.rot90(astronaut(), turns))
        face = max(real_engine.analyze(turned).faces, key=lambda face: face.quality.size)
        assert mouth.look(blending.prepare(turned, [face.landmarks])[0].lit).growth == BROAD


def lit(picture, marks):
    return Lit(picture, torch.ones_like(picture[:, :1]), [marks])


@pytest.mark.parametrize("by", [0, 2])
def test_shut_lips_meet_in_a_line_and_show_none_of_the_donors_teeth(by):
    donor, target = opened(14), opened(by)
    layers = painted(donor)
    # landmarks are a little off: the donor's teeth reach beyond its lips' inner edge
    wide = fields.dilate(fields.rasterise(outlines.inner_mouth, [donor], layers.device), 3)
    layers = torch.where(wide > 0, torch.tensor(1.0), layers)
    squeezed = mesh.warp_donors(layers, [donor], [target])
    x, top, bottom = (round(float(v)) for v in (target[62, 0], target[51, 1] + 1, target[57, 1] - 1))
    assert squeezed[0, :, top:bottom, x].mean(0).max() > 0.7
    seen = mouth.redraw(squeezed, layers, [donor], [target], SMILE)[0, :, top:bottom, x].mean(0).numpy()
    lips = (0.7 + 0.3 + 0.3) / 3
    assert seen.max() < 1.25 * lips
    assert seen.min() < 0.75 * lips
    seam = (target[62, 1] + target[66, 1]) / 2 - top
    assert abs(int(seen.argmin()) + 0.5 - seam) < 1.5


def test_a_donor_whose_lips_are_shut_keeps_its_own_line():
    donor, target = opened(1), opened(2)
    layers = painted(donor)
    assert torch.equal(mouth.redraw(layers, layers, [donor], [target], SMILE), layers)


@pytest.mark.parametrize("dark", [0.45, 0.65])
def test_the_line_is_as_dark_as_the_photos(dark):
    marks = opened(2)
    picture = painted(marks)
    row = int((marks[62, 1] + marks[66, 1]) / 2)
    lips = torch.tensor([0.7, 0.3, 0.3])[:, None, None]
    for off in (-1, 0, 1):  # wherever landmarks think it is
        drawn = picture.clone()
        left, right = int(marks[60, 0]), int(marks[64, 0])
        drawn[0, :, row + off - 1 : row + off + 2, left:right] = lips * dark
        assert mouth.look(lit(drawn, marks)).line == pytest.approx(dark, abs=0.1)


@pytest.mark.parametrize("height", [12, 30])
def test_nothing_but_the_opening_changes(height):
    donor, target = opened(4), opened(height)
    layers = painted(donor)
    stretched = mesh.warp_donors(layers, [donor], [target])
    changed = (mouth.redraw(stretched, layers, [donor], [target], SMILE) - stretched).abs().amax(1)[0] > 0.02
    near = np.zeros((CROP_SIZE, CROP_SIZE), np.uint8)
    cv2.fillPoly(near, [np.round(target[60:68]).astype(np.int32)], 1)
    near = cv2.dilate(near, np.ones((7, 7), np.uint8))
    assert changed.any()
    assert not (changed.numpy() & (near == 0)).any()
