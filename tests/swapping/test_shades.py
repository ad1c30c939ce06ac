"""Sunglasses are found on a face, told from eyes in the shade, and worn by its decoys."""

import cv2
import numpy as np
import pytest
import torch

from mfmc_engine import draws
from mfmc_engine import parameters as P
from mfmc_engine.donors import bank
from mfmc_engine.geometry import apply
from mfmc_engine.swapping import blending, eyewear, fields, masks, outlines, shades
from mfmc_engine.swapping.lit import Lit
from mfmc_engine.types import DecoyRequest

WEARER = 3  # the man in red
DARK = np.array([40, 34, 30], np.float32)  # of the lenses at the eyes' height; they are lighter below


def target_of(picture, faces):
    return blending.prepare(picture, [faces[WEARER].landmarks])[0]


@pytest.fixture(scope="module")
def eyes(faces):
    """Centres of both eyes, px, (2, 2)."""
    marks = faces[WEARER].landmarks
    return np.stack([marks[36:42].mean(0), marks[42:48].mean(0)])


def darkened(photo, eyes, share):
    """The photo with ``share`` (H, W) of the lenses' tone over it."""
    below = (np.indices(photo.shape[:2])[0] - eyes[:, 1].mean()) / np.ptp(eyes[:, 0])
    tone = DARK * (1 + below[..., None]).clip(0.5, 1.8)
    return np.round(photo * (1 - share[..., None]) + tone * share[..., None]).astype(np.uint8)


@pytest.fixture(scope="module")
def worn(photo, eyes):
    """The photo with sunglasses drawn on a face."""
    along = eyes[1] - eyes[0]
    apart = float(np.linalg.norm(along))
    turn = float(np.degrees(np.arctan2(along[1], along[0])))
    share = np.zeros(photo.shape[:2], np.uint8)
    half = (round(apart * 0.40), round(apart * 0.29))
    for eye in eyes:
        centre = tuple(np.round(eye + [0, apart * 0.05]).astype(int).tolist())
        cv2.ellipse(share, centre, half, turn, 0, 360, 255, -1, cv2.LINE_AA)
    left, right = (tuple(np.round(eye - [0, apart * 0.05]).astype(int).tolist()) for eye in eyes)
    cv2.line(share, left, right, 255, max(2, round(apart * 0.06)), cv2.LINE_AA)
    return darkened(photo, eyes, share / 255)


def test_nobody_in_the_photo_is_taken_for_a_wearer(photo, faces):
    targets = blending.prepare(photo, [face.landmarks for face in faces])
    assert [shades.find(target.lit) for target in targets] == [None] * 6


def test_eyes_in_the_shade_are_no_sunglasses(photo, eyes, faces):
    apart = float(np.linalg.norm(eyes[1] - eyes[0]))
    spots = np.zeros(photo.shape[:2], np.float32)
    for eye in eyes:
        cv2.circle(spots, tuple(np.round(eye).astype(int).tolist()), round(apart * 0.3), 0.9, -1)
    soft = cv2.GaussianBlur(spots, (0, 0), apart * 0.2)
    assert shades.find(target_of(darkened(photo, eyes, soft), faces).lit) is None


def test_they_are_found_where_they_are_and_as_dark_as_they_are(worn, eyes, faces):
    target = target_of(worn, faces)
    found = shades.find(target.lit)
    assert found is not None
    apart = np.linalg.norm(eyes[1] - eyes[0]) * target.frame.scale
    for lens, eye in zip(found.lenses, apply(target.frame.to_crop, eyes), strict=True):
        below = lens[lens[:, 1] > eye[1] + 0.1 * apart]
        away = np.linalg.norm((below - eye - [0, 0.05 * apart]) / apart, axis=1)
        assert 0.25 < away.min() < away.max() < 0.46  # drawn .29 and .40 from there
    np.testing.assert_allclose(found.middle, DARK / 255, atol=0.03)
    assert (found.slope > 0).all()
    assert found.hides[0] == 1
    assert found.hides[-1] == 0
    assert (np.diff(found.hides) <= 0).all()


def test_a_decoy_wears_them_and_nothing_of_the_eyes_behind(worn, eyes, faces, real_engine):
    target = target_of(worn, faces)
    wears = eyewear.of(target.lit)
    donor = bank.load()["male-white-26"]

    def swapped(wears):
        random = np.random.default_rng(0)
        return draws.swap(real_engine.pack, worn, target, [donor], 0.33, 4.0, random, [0.0], wears)

    (patch,), (blotched,) = swapped(wears)
    (bare,), (staring,) = swapped(None)
    x, y = np.round(eyes.mean(0) - patch.origin).astype(int)
    left = np.round(eyes[0] - patch.origin).astype(int)
    around = np.s_[left[1] - 5 : left[1] + 6, left[0] - 8 : left[0] + 9]
    assert patch.pixels[around].mean() < 1.5 * DARK.mean()
    assert patch.pixels[around].std() < 12  # a plain field
    assert bare.pixels[around].mean() > 2 * DARK.mean()
    nose = np.s_[y + 12 : y + 20, x - 3 : x + 4]
    apart = np.abs(patch.pixels[nose].astype(int) - bare.pixels[nose])
    assert apart.max() <= 2  # rounding
    assert blotched[0] < staring[0] + 0.01  # lenses are no patches on its skin


def test_who_goes_without_has_nothing_left_of_them(worn, eyes, faces):
    """Below a dark brim they would pass for a part of it, and an arc of them stay over the brows."""
    along = eyes[1] - eyes[0]
    rise = np.array([along[1], -along[0]])
    ends = [eyes[0] - along / 2, eyes[1] + along / 2]
    brim = np.array([ends[0], ends[1], ends[1] + 0.7 * rise, ends[0] + 0.7 * rise])
    shaded = cv2.fillPoly(worn.copy(), [np.round(brim).astype(np.int32)], DARK.tolist())
    target = target_of(shaded, faces)
    found = eyewear.of(target.lit)
    assert found is not None
    inside = fields.dilate(target.lit.part(outlines.region), -12) > 0
    lenses = (found.hides > 0.5) & inside
    bare = Lit(target.lit.pictures, torch.ones_like(target.lit.skin), target.lit.landmarks)
    alpha = [masks.swap_mask(target.lit, bare, target.barred, wears)[lenses] for wears in (True, False)]
    assert alpha[0].min() < 0.2
    assert alpha[1].min() > 0.9


def test_they_are_given_up_where_no_decoy_keeps_the_promise_with_them(worn, faces, real_engine, monkeypatch):
    face = real_engine.analyze(worn, [faces[WEARER].box.tolist()]).faces
    wearer = min(face, key=lambda one: np.abs(one.box - faces[WEARER].box).sum())
    seen = []
    swap = draws.swap

    def watched(*args):
        seen.append(args[-1] is not None)
        return swap(*args)

    monkeypatch.setattr(draws, "swap", watched)
    monkeypatch.setattr(P, "DRAW_ROUNDS", tuple((*row[:3], -1.0) for row in P.DRAW_ROUNDS))
    monkeypatch.setattr(P, "RESORT_ROUND", 1)  # all are drawn, whatever is foretold of them
    (decoy,) = real_engine.make_decoys(worn, [DecoyRequest(wearer, b"seed")])
    worn_rounds = sum(row[2] for row in P.DRAW_ROUNDS[: P.SHADES_ROUNDS])
    assert seen == [True] * worn_rounds + [False] * (P.REDRAW_ROUNDS - worn_rounds)
    assert decoy.kind == "swap"
    assert decoy.distance_to_original > decoy.threshold
