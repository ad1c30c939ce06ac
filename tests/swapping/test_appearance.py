"""What is wrong with a decoy's looks is measured, and weighed against what it misses of the wishes, on real faces."""

import dataclasses

import numpy as np
import pytest
import torch

from mfmc_engine import attributes, draws, guarantee
from mfmc_engine import parameters as P
from mfmc_engine.donors import bank
from mfmc_engine.guarantee import Thresholds, Verdict
from mfmc_engine.swapping import appearance, blending, masks, swappers
from mfmc_engine.swapping.appearance import Looks
from mfmc_engine.types import Decoy, DecoyRequest


@pytest.fixture
def target(photo, faces):
    """The woman on the right, her eyes cast down."""
    return blending.prepare(photo, [faces[5].landmarks])[0]


def _painted(target, colour):
    """The face with a cheek painted over, and how blotched that makes it."""
    picture = target.lit.pictures.clone()
    x, y = target.landmarks[[31, 48, 3, 1]].mean(0).astype(int)
    picture[:, :, y - 9 : y + 9, x - 9 : x + 9] *= torch.tensor(colour).view(1, 3, 1, 1)
    shown = masks.swap_mask(target.lit, target.lit, target.barred)
    return appearance.blotches(picture, shown, target.lit, target.lit)[0].tolist()


def test_a_photo_is_not_blotched_beside_itself_and_a_patch_on_its_cheek_is(target):
    colours = (1, 1, 1), (0.5, 0.41, 0.3), (0.5, 0.5, 0.5), (0.65, 0.95, 1.8)
    clean, shade, grey, blue = (_painted(target, colour) for colour in colours)
    assert clean[0] < P.LOOKS_DARK
    assert clean[1] < P.LOOKS_HUE
    assert shade[0] > 2 * clean[0] + 0.02
    assert grey[0] > 2 * clean[0] + 0.02
    assert grey[1] > 2 * shade[1]  # in this photo shade is warm
    assert blue[1] > 2 * clean[1] + 0.02
    assert blue[0] < P.LOOKS_DARK


@pytest.mark.parametrize(("name", "column"), [("SHADE_LARGEST", 0), ("CAST_LARGEST", 1)])
def test_a_donors_dark_and_blue_patches_are_held_within_what_the_photos_skin_shows(
    photo, faces, monkeypatch, name, column
):
    donors = [
        bank.load()[f"female-black-{n}"] for n in ("47", "67", "63")
    ]  # blue lids, dark sides of the nose

    def blotched():
        target = blending.prepare(photo, [faces[5].landmarks])[0]
        warped = swappers.mesh_swapper(target, donors, 0.8)
        decoys, alpha = blending.blend(target, warped)
        return appearance.blotches(decoys, alpha, warped, target.lit)[:, column].mean()

    held = blotched()
    monkeypatch.setattr(P, name, (9.0, 9.0))
    assert blotched() > 1.15 * held


def test_a_mouth_that_opened_and_points_that_moved_are_a_misfit(faces):
    marks = faces[0].landmarks
    assert appearance.misfit(marks, marks) == 0
    opened, moved = marks.copy(), marks + [P.LOOKS_MOVED * np.linalg.norm(marks[45] - marks[36]), 0]
    opened[[65, 66, 67]] += [0, 8]
    assert appearance.misfit(marks, opened) > 1
    assert appearance.misfit(marks, moved.astype(np.float32)) > 0.9


def test_all_that_speaks_against_a_decoy_adds_to_the_cost():
    fine = Looks(0.0, P.DRAW_ROUNDS[0][0], 0.0, 0.0)
    assert fine.cost == 0
    for worse in (
        {"unlike": 20.0},
        {"share": 1.2},
        {"dark": 0.03},
        {"hue": 0.02},
        {"misfit": 1.0},
        {"seeming": 1.0},
    ):
        assert dataclasses.replace(fine, **worse).cost >= 0.99


def test_no_looks_make_up_for_a_promise_and_the_wish_is_weighed_against_them():
    limits = Thresholds()
    broken, linked, far = Verdict(0.59, 1, 1, 1), Verdict(0.7, 1, 1, 0.4), Verdict(0.7, 1, 1, 0.8)
    assert guarantee.best([broken, linked], [0.0, 99.0], limits) == 1
    assert guarantee.best([linked, far], [0.0, 1.0], limits) == 1
    assert guarantee.best([linked, far], [0.0, 99.0], limits) == 0
    nearly = Verdict(0.7, 1, 1, limits.apart - 0.01)
    assert guarantee.best([nearly, far], [0.0, 2.0], limits) == 0
    # once it is lost, how far it is missed counts no more
    assert guarantee.best([Verdict(0.7, 1, 1, 0.3), Verdict(0.7, 1, 1, 0.5)], [1.0, 1.1], limits) == 0
    assert guarantee.best([broken], [0.0], limits) is None


def test_an_ugly_decoy_loses_to_one_more_draw_and_is_still_better_than_pixels(
    photo, faces, real_engine, monkeypatch
):
    def one(seed: bytes) -> Decoy:
        return real_engine.make_decoys(photo, [DecoyRequest(faces[3], seed)])[0]

    seed = next(seed for seed in (bytes([number]) for number in range(40)) if one(seed).attempts == 1)
    request = [DecoyRequest(faces[3], seed)]
    measure, drawn = appearance.blotches, []

    def first_ugly(decoys, *others):
        drawn.append(len(decoys))
        return measure(decoys, *others) + (99.0 if len(drawn) == 1 else 0.0)

    taken = real_engine.make_decoys(photo, request)[0]
    monkeypatch.setattr(appearance, "blotches", first_ugly)
    other = real_engine.make_decoys(photo, request)[0]
    assert (taken.kind, taken.attempts) == ("swap", 1)
    assert other.kind == "swap"
    assert other.attempts > 1
    assert other.donor != taken.donor
    monkeypatch.setattr(appearance, "blotches", lambda *all_: measure(*all_) + 99.0)
    worst = real_engine.make_decoys(photo, request)[0]
    # after one such draw nothing is hoped for but from those of last resort, which are not left out
    last = sum(at_once for _, at_once, _ in P.DRAW_ROUNDS[P.RESORT_ROUND - 1 :])
    assert (worst.kind, worst.attempts) == ("swap", 1 + last)


def test_somebody_in_many_photos_does_not_change_complexion_for_the_wish(photo, faces, real_engine):
    """Two decoys elsewhere on the same picture: hardly a donor is far from both, yet the third looks like the man."""
    views = np.empty((0, 128), np.float32)
    for seed in (b"one", b"two", b"three"):
        decoy = real_engine.make_decoys(photo, [DecoyRequest(faces[3], seed, views)])[0]
        views = np.concatenate([views, decoy.views])
    assert decoy.kind == "swap"
    assert decoy.donor.startswith("male-white")
    assert decoy.distance_to_original > P.ORIGINAL_THRESHOLD


def test_the_engine_measures_what_it_takes(photo, faces, real_engine, monkeypatch):
    """Every attempt taken was looked at fully, and its cost was within what its round allows."""
    accepted = []
    accept = draws.Draws._accept

    def watched(draw, cases, acceptable):
        accept(draw, cases, acceptable)
        accepted.extend((case.chosen, acceptable) for case in cases if case.chosen)

    monkeypatch.setattr(draws.Draws, "_accept", watched)
    decoys = real_engine.make_decoys(photo, [DecoyRequest(face, bytes([i])) for i, face in enumerate(faces)])
    assert len(accepted) == sum(decoy.kind == "swap" for decoy in decoys) == 6
    for attempt, acceptable in accepted:
        assert attempt.seen_fully
        assert attempt.verdict.keeps(Thresholds())
        assert attempt.cost(Thresholds()) - attempt.looks.seeming <= acceptable
        assert attempt.looks.misfit > 0


def test_a_decoy_that_seems_of_another_gender_or_age_costs():
    donors = bank.load()
    face, estimate = donors.embeddings[0], attributes.load()(donors.embeddings)
    assert appearance.seeming(face, face) == 0
    cost = np.array([appearance.seeming(face, row) for row in donors.embeddings])
    same = (estimate.male > 0.5) == (estimate.male[0] > 0.5)
    assert cost[~same].min() > np.median(cost[same])
    years = np.abs(estimate.age - estimate.age[0])
    assert np.corrcoef(years[same], cost[same])[0, 1] > 0.7
