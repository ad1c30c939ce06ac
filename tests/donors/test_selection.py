"""Which donors may replace a face, and in which order."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfmc_engine import parameters
from mfmc_engine.donors import bank as donor_bank
from mfmc_engine.donors.selection import Avoid, Wanted, allowed, distances, kin, mismatch, rank

seeds = st.binary(min_size=1, max_size=64)
thresholds = st.floats(0, 1.2)


@pytest.fixture(scope="module")
def bank() -> donor_bank.DonorBank:
    return donor_bank.load()


def near(bank, rng, count):
    """``count`` embeddings scattered round donors, so that thresholds cut the bank in two."""
    picked = bank.embeddings[rng.integers(len(bank), size=count)]
    noise = rng.normal(size=picked.shape)
    noise *= rng.uniform(0, 0.9, (count, 1)) / np.linalg.norm(noise, axis=1, keepdims=True)
    return (picked + noise).astype(np.float32)


@given(seed=seeds, numbers=st.integers(0, 2**32), original=thresholds, gallery=thresholds, decoy=thresholds)
@settings(max_examples=100, deadline=None)
def test_no_candidate_lies_within_a_threshold_and_every_other_donor_is_listed_once(
    bank, seed, numbers, original, gallery, decoy
):
    rng = np.random.default_rng(numbers)
    face = Wanted(near(bank, rng, 1)[0])
    people, decoys = near(bank, rng, int(rng.integers(0, 40))), near(bank, rng, int(rng.integers(0, 8)))
    ids = rank(bank, face, Avoid(original, people, gallery, decoys, decoy), seed)

    def clear(embedding):
        """One donor at a time, as the rank does not."""
        near = ((face.embedding[None], original), (people, gallery), (decoys, decoy))
        return all(
            (np.linalg.norm(embedding.astype(float) - rows, axis=1) > least).all() for rows, least in near
        )

    assert sorted(ids) == sorted(id_ for id_, donor in bank.items() if clear(donor.embedding))


@given(numbers=st.integers(0, 2**32), threshold=st.floats(0.2, 0.8))
@settings(max_examples=10, deadline=None)
def test_galleries_of_thousands_are_kept_away_from(bank, numbers, threshold):
    rng = np.random.default_rng(numbers)
    people = near(bank, rng, 6000)
    ids = rank(bank, Wanted(near(bank, rng, 1)[0]), Avoid(0.3, people, threshold), b"seed")
    for id_ in ids[:20]:
        assert np.linalg.norm(people.astype(float) - bank[id_].embedding, axis=1).min() > threshold


@given(
    seed=seeds, numbers=st.integers(0, 2**32), selection=st.sampled_from(["random", "farthest", "nearest"])
)
def test_the_same_seed_gives_the_same_order(bank, seed, numbers, selection):
    face = Wanted(near(bank, np.random.default_rng(numbers), 1)[0], male=0.9, age=40, yaw=5)
    assert rank(bank, face, Avoid(0.5), seed, selection) == rank(bank, face, Avoid(0.5), seed, selection)


def test_different_seeds_draw_different_donors(bank):
    face = Wanted(bank.embeddings[0], male=0.1)
    firsts = {rank(bank, face, Avoid(0.3), f"face {i}".encode())[0] for i in range(300)}
    assert len(firsts) >= parameters.DONOR_POOL_LEAST


def test_every_donor_of_the_pool_is_drawn_about_equally_often(bank):
    face = Wanted(bank.embeddings[0], male=0.1)
    firsts = [rank(bank, face, Avoid(0.3), f"face {i}".encode())[0] for i in range(2000)]
    _, counts = np.unique(firsts, return_counts=True)
    expected = 2000 / len(counts)
    assert np.all(np.abs(counts - expected) < 5 * np.sqrt(expected))


def test_an_impossible_threshold_leaves_nobody(bank):
    face = Wanted(bank.embeddings[0])
    assert rank(bank, face, Avoid(10.0), b"seed") == []
    assert rank(bank, face, Avoid(0.0, bank.embeddings, 0.0), b"seed") == []


@pytest.mark.parametrize("place", ["original", "gallery", "decoys"])
def test_an_embedding_that_is_not_a_number_allows_nobody(bank, place):
    broken = np.full((1, 128), np.nan, np.float32)
    face = Wanted(broken[0] if place == "original" else bank.embeddings[0])
    avoid = Avoid(0.3, gallery_distance=0.3, decoy_distance=0.3)
    if place != "original":
        avoid = replace(avoid, **{place: broken})
    assert rank(bank, face, avoid, b"seed") == []


@pytest.mark.parametrize("place", ["original", "gallery_distance", "decoy_distance"])
def test_a_threshold_that_is_not_a_number_allows_nobody(bank, place):
    avoid = Avoid(0.3, bank.embeddings[:1], 0.3, bank.embeddings[1:2], 0.3)
    assert rank(bank, Wanted(bank.embeddings[5]), avoid, b"seed")
    assert rank(bank, Wanted(bank.embeddings[5]), replace(avoid, **{place: float("nan")}), b"seed") == []


@pytest.mark.parametrize("male", [0.02, 0.98])
@pytest.mark.parametrize("yaw", [-14, 0, 14])
@pytest.mark.parametrize(("mouth", "smile"), [(0.01, 0.9), (0.15, 1.2)])
def test_the_pool_looks_like_the_face(bank, male, yaw, mouth, smile):
    face = Wanted(bank.embeddings[0], male=male, yaw=yaw, mouth=mouth, smile=smile)
    pool = [bank[id_] for id_ in rank(bank, face, Avoid(0.3), b"seed")[:12]]
    assert all(donor.gender == ("male" if male > 0.5 else "female") for donor in pool)
    assert all(abs(donor.yaw - yaw) < 12 for donor in pool)
    assert all(abs(donor.mouth - mouth) < 0.08 for donor in pool)


def test_group_age_and_skin_pull_the_pool(bank):
    black = np.array([0.0, 1.0, 0.0, 0.0], np.float32)
    plain = Wanted(bank.embeddings[0])
    for face, value in (
        (replace(plain, group=black), lambda donor: donor.group == "black"),
        (replace(plain, age=45.0), lambda donor: donor.age),
        (replace(plain, skin=np.array([40.0, 15.0, 20.0])), lambda donor: -donor.skin[0]),
    ):
        pool = [value(bank[id_]) for id_ in rank(bank, face, Avoid(0.0), b"seed")[:12]]
        assert np.mean(pool) > np.mean([value(donor) for donor in bank.values()])


def test_donors_of_the_faces_own_gender_and_group_come_before_all_others(bank):
    group = np.array([0.05, 0.0, 0.02, 0.93], np.float32)
    face = Wanted(bank.embeddings[0], male=0.02, group=group, yaw=-50.0, mouth=0.2)
    same = kin(bank, face)
    assert {(donor.gender, donor.group) for donor, own in zip(bank.values(), same, strict=True) if own} == {
        ("female", "white")
    }
    order = rank(bank, face, Avoid(0.3), b"seed")
    fits = dict(zip(bank.ids.tolist(), same.tolist(), strict=True))
    assert [fits[id_] for id_ in order] == sorted((fits[id_] for id_ in order), reverse=True)


def test_a_man_gets_no_womans_face_while_any_man_is_left(bank):
    group = np.array([0.0, 0.0, 0.0, 1.0], np.float32)
    face = Wanted(bank.embeddings[0], male=0.97, group=group, yaw=-50.0, age=70.0)
    further = np.where(bank.gender == "male", 100.0, 0.0)  # as where every man is foretold to be too near
    order = rank(bank, face, Avoid(0.3), b"seed", further=further)
    genders = [bank[id_].gender for id_ in order]
    assert genders == sorted(genders, reverse=True)
    unsure = [
        bank[id_].gender for id_ in rank(bank, replace(face, male=0.7), Avoid(0.3), b"seed", further=further)
    ]
    assert unsure != sorted(unsure, reverse=True)


def test_a_face_of_no_plain_gender_or_group_has_kin_on_both_sides(bank):
    face = Wanted(bank.embeddings[0], male=0.5, group=np.array([0.45, 0.0, 0.55, 0.0], np.float32))
    found = {
        (bank[i].gender, bank[i].group)
        for i, own in zip(bank.ids.tolist(), kin(bank, face), strict=True)
        if own
    }
    assert found == {(gender, group) for gender in ("female", "male") for group in ("asian", "latino")}


def test_who_may_be_a_woman_or_a_man_gets_neither_stubble_nor_the_plainest_of_either(bank):
    face = Wanted(bank.embeddings[0], male=0.6, beard=3.0)
    unsure, sure = kin(bank, face), kin(bank, replace(face, male=1.0))
    assert set(bank.gender[unsure]) == {"female", "male"}
    assert set(bank.gender[sure]) == {"male"}
    plainly = np.abs(bank.seen_male)
    assert plainly[unsure].max() < 3.0 < np.quantile(plainly[sure], 0.5)
    men = bank.gender == "male"
    assert bank.beard[unsure & men].max() < 2.0 < 6.0 < bank.beard[sure].max()
    plain, hardly = (int(np.argmin(np.abs(bank.seen_male - seen) + 100.0 * ~men)) for seen in (6.0, 1.0))
    costs = [mismatch(bank, Wanted(face.embedding, male=male))[[plain, hardly]] for male in (0.6, 1.0)]
    assert costs[0][0] > costs[0][1]
    assert costs[1][0] < costs[1][1]


def test_who_may_be_a_woman_gets_no_beard_while_anybody_else_is_left(bank):
    face = Wanted(bank.embeddings[0], male=0.64, beard=3.0)
    further = np.where(bank.beard < 6, 100.0, 0.0)  # as where all but the bearded are foretold to be too near

    def bearded(wanted):
        order = [bank[id_] for id_ in rank(bank, wanted, Avoid(0.3), b"seed", further=further)]
        return np.array([one.gender == "male" and one.beard > parameters.KIN_BEARD for one in order])

    unsure, man = bearded(face), bearded(replace(face, male=0.98))
    assert unsure.sum() > 20
    assert not unsure[: len(unsure) // 2].any()
    assert man[: len(man) // 2].sum() > 20


def test_a_trait_beyond_every_donor_does_not_outweigh_the_others(bank):
    turned = replace(Wanted(bank.embeddings[0], mouth=0.15), yaw=-60.0)
    at_the_limit = replace(turned, yaw=float(bank.yaw.min()))
    assert np.allclose(mismatch(bank, turned), mismatch(bank, at_the_limit))


def test_a_donor_said_to_be_unfit_comes_later(bank):
    face = Wanted(bank.embeddings[0], male=0.1)
    best = rank(bank, face, Avoid(0.3), b"seed", "nearest")[0]
    further = np.where(bank.ids == best, 100.0, 0.0)
    order = rank(bank, face, Avoid(0.3), b"seed", further=further)
    assert order.index(best) > parameters.DONOR_POOL_LEAST
    assert sorted(order) == sorted(rank(bank, face, Avoid(0.3), b"seed"))


def test_a_perfect_fit_costs_nothing(bank):
    donor = next(
        donor
        for donor in bank.values()
        if donor.id.startswith("female-latino") and not donor.folds and donor.seen_male < -parameters.PLAINLY
    )
    age = (donor.age + donor.seen_age) / 2
    face = Wanted(
        donor.embedding, 0.0, age, np.array([0, 0, 1, 0]), donor.yaw, donor.pitch, donor.mouth,
        donor.smile, donor.eyes, donor.skin,
    )  # fmt: skip
    assert mismatch(bank, face)[list(bank).index(donor.id)] == pytest.approx(0, abs=1e-9)
    assert mismatch(bank, face).min() >= 0


@pytest.mark.parametrize(("selection", "sign"), [("farthest", -1), ("nearest", 1)])
def test_farthest_and_nearest_sort_the_pool_by_distance(bank, selection, sign):
    face = Wanted(bank.embeddings[7], male=0.0)
    ids = rank(bank, face, Avoid(0.2), b"seed", selection)[: parameters.DONOR_POOL_LEAST]
    apart = [sign * np.linalg.norm(bank[id_].embedding - face.embedding) for id_ in ids]
    assert apart == sorted(apart)


def test_a_donor_exactly_at_the_threshold_is_not_allowed(bank):
    face = Wanted(bank.embeddings[3])
    exactly = float(distances(bank.embeddings[:1], face.embedding[None])[0, 0])
    assert not allowed(bank, face, Avoid(exactly))[0]
    assert allowed(bank, face, Avoid(np.nextafter(exactly, 0)))[0]
