"""Spectacles are found on a face, told from lids and folds, and worn by its decoys."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mfmc_engine import draws
from mfmc_engine import parameters as P
from mfmc_engine.donors import bank
from mfmc_engine.donors.candidates import Candidate
from mfmc_engine.geometry import apply
from mfmc_engine.guarantee import Thresholds
from mfmc_engine.recognition.space import DLIB
from mfmc_engine.swapping import blending, eyewear, glasses
from mfmc_engine.swapping.appearance import Looks
from mfmc_engine.types import Gallery

WEARER = 3  # the man in red


def spectacles(photo, marks, half, bars=1.0):
    """The photo with rims drawn on a face, ``half`` as wide and high in distances between the eyes, held by a bridge
    and temples so opaque; and the middles of the rims, (2, 2) px."""
    painted = photo.copy()
    left, right = marks[36:42].mean(0), marks[42:48].mean(0)
    along = right - left
    apart = float(np.linalg.norm(along))
    turn = float(np.degrees(np.arctan2(along[1], along[0])))
    below = np.array([-along[1], along[0]]) * 0.05
    dark, breadth = (40, 30, 25), max(2, round(apart * 0.06))
    bare = painted.copy()
    width, height = half

    def line(start, end):
        ends = (tuple(np.round(p).astype(int).tolist()) for p in (start, end))
        cv2.line(painted, *ends, dark, breadth, cv2.LINE_AA)

    for eye, side in ((left, -1), (right, 1)):
        line(eye + along * width * side, eye + along * 0.9 * side)
    line(left + along * (width + 0.01), right - along * (width + 0.01))
    painted = np.rint(bare + bars * (painted.astype(float) - bare)).astype(np.uint8)
    for eye in (left, right):
        centre = tuple(np.round(eye + below).astype(int).tolist())
        axes = (round(apart * width), round(apart * height))
        cv2.ellipse(painted, centre, axes, turn, 0, 360, dark, breadth, cv2.LINE_AA)
    return painted, np.stack([left + below, right + below])


@pytest.fixture(scope="module")
def worn(photo, faces):
    """The photo with horn-rimmed glasses drawn on a face, and the middles of their rims, (2, 2) px."""
    return spectacles(photo, faces[WEARER].landmarks, (0.36, 0.30))


def wearing(photo, faces):
    return blending.prepare(photo, [faces[WEARER].landmarks])[0]


def test_nobody_in_the_photo_is_taken_for_a_wearer(photo, faces):
    targets = blending.prepare(photo, [face.landmarks for face in faces])
    assert [eyewear.of(target.lit) for target in targets] == [None] * 6


def test_glasses_are_found_where_they_are(worn, faces):
    painted, middles = worn
    target = wearing(painted, faces)
    found = glasses.find(target.lit)
    assert found is not None
    apart = np.linalg.norm(middles[1] - middles[0])
    for rim, middle in zip(found.rims, apply(target.frame.to_crop, middles), strict=True):
        away = np.linalg.norm(rim - middle, axis=1) / (apart * target.frame.scale)
        assert 0.25 < away.min() < away.max() < 0.40  # drawn .30 and .36 from there
    bridge = found.bars[0]
    assert len(found.bars) == 3  # and both temples
    np.testing.assert_allclose(bridge.mean(0), apply(target.frame.to_crop, middles).mean(0), atol=6)
    assert (found.tone < -0.8).all()  # less than half as light as skin
    assert found.hides[0] == 1
    assert found.hides[-1] == 0
    assert (np.diff(found.hides) <= 0).all()


def test_rings_close_round_the_eyes_are_glasses_where_something_holds_them(photo, faces):
    """Bags and folds run round eyes as narrow rims do, but hang on nothing."""
    for bars, held in ((0.4, True), (0.1, False)):
        painted, _ = spectacles(photo, faces[WEARER].landmarks, (0.34, 0.29), bars)
        assert (glasses.find(wearing(painted, faces).lit) is not None) == held


def decoys(pack, picture, faces, worn):
    target = wearing(picture, faces)
    donor = bank.load()["male-white-26"]
    random = np.random.default_rng(0)
    patches, _ = draws.swap(
        pack, picture, target, [donor], 0.33, 4.0, random, [0.0], eyewear.of(target.lit) if worn else None
    )
    whole = np.zeros_like(picture, np.float32)
    (x, y), (rows, columns) = patches[0].origin, patches[0].alpha.shape
    share = patches[0].alpha[..., None] / 255
    region = picture[y : y + rows, x : x + columns]
    whole[y : y + rows, x : x + columns] = patches[0].pixels * share + region * (1 - share)
    return target, whole


def test_a_decoy_wears_the_persons_glasses_but_not_their_eyes(worn, photo, faces, real_engine):
    painted, middles = worn
    target, with_them = decoys(real_engine.pack, painted, faces, True)
    _, without = decoys(real_engine.pack, painted, faces, False)
    found = glasses.find(target.lit)
    below = [rim[np.argsort(rim[:, 1])[-12:]] for rim in found.rims]
    rims = np.round(apply(target.frame.to_photo, np.concatenate(below)) - 0.5).astype(int)
    on, off = (picture[rims[:, 1], rims[:, 0]].mean() for picture in (with_them, without))
    assert on < 0.6 * off
    assert on < 1.5 * painted[rims[:, 1], rims[:, 0]].mean() + 20
    eye = np.round(middles[0]).astype(int)
    around = slice(eye[1] - 4, eye[1] + 5), slice(eye[0] - 6, eye[0] + 7)
    assert np.abs(with_them[around] - without[around]).mean() < 6
    assert np.abs(with_them[around] - photo[around]).mean() > 12


def test_to_lose_them_is_plain_to_see():
    worn, lost = (Looks(0.0, P.DRAW_ROUNDS[0][0], 0.0, 0.0, lost=cost) for cost in (0.0, P.LOOKS_GLASSES))
    assert worn.cost == 0
    assert lost.cost > 1


@pytest.mark.parametrize(("rounds", "hopeful"), [(None, False), (P.GLASSES_ROUNDS, True)])
def test_a_decoy_in_glasses_is_worth_a_draw_that_may_do_later(faces, monkeypatch, rounds, hopeful):
    """Of a donor that costs more than the first round takes, but less than the one in which glasses are given up."""
    own = rounds and SimpleNamespace(rounds=rounds, lost=P.LOOKS_GLASSES)
    monkeypatch.setattr(draws.eyewear, "of", lambda lit: own)
    nobody = np.empty((0, 128), np.float32)
    case = draws.Case(faces[0], np.random.default_rng(0), nobody)
    pack, target = SimpleNamespace(space=DLIB, device="cpu"), SimpleNamespace(lit=None)
    drawing = draws.Draws(pack, None, [case], [target], Gallery(), Thresholds())
    candidate = Candidate(SimpleNamespace(id="donor"), spare=0.1, unlike=2.0 * P.LOOKS_UNLIKE)
    first = P.DRAW_ROUNDS[0]
    chance = drawing._chances(0, 1, first[0], first[3])(candidate)
    assert (chance > P.DRAW_CHANCE) == hopeful
    last = P.DRAW_ROUNDS[P.GLASSES_ROUNDS]
    without = drawing._chances(0, P.GLASSES_ROUNDS + 1, last[0], last[3])(candidate)
    assert (without > P.DRAW_CHANCE) == (not hopeful)  # what is lost with them counts, too


@given(st.integers(0, 2**32 - 1))
def test_a_ring_that_stands_out_is_found_all_round(seed):
    random = np.random.default_rng(seed)
    count, radii = int(random.integers(12, 49)), int(random.integers(8, 30))
    turn = np.arange(count) * 2 * np.pi / count
    size = random.uniform(0.3, 0.7) * radii
    ring = np.round(size + 0.2 * size * np.sin(turn * random.integers(1, 3) + random.uniform(0, 6)))
    ring = ring.clip(0, radii - 1).astype(int)
    assume(np.abs(np.diff(np.append(ring, ring[0]))).max() <= P.GLASSES_STEP)  # paths go no faster
    strength = random.uniform(-0.1, 0.1, (count, radii))
    strength[np.arange(count), ring] = 0.5

    path = glasses.closed_path(strength)

    assert (np.abs(path - ring) <= 1).mean() > 0.95
    steps = np.abs(np.diff(np.append(path, path[0])))
    assert steps.max() <= P.GLASSES_STEP
