"""Making donors: warping, mixing, spreading out, writing."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfmc_engine.donors import bank as donor_bank
from mfmc_engine.donors.portraits import SIZE, Portraits, mirrored
from mfmc_engine.donors.recipes import variant_of
from mfmc_engine.donors.spread import spread_out
from mfmc_engine.donors.warp import Mesh, border, mesh_shape

PORTRAITS = Path(__file__).parents[3] / "shared" / "data" / "synthetic_faces"


@pytest.fixture(scope="module")
def donors() -> donor_bank.DonorBank:
    return donor_bank.load()


def test_warping_a_picture_onto_its_own_shape_changes_nothing(donors):
    donor = donors["female-white-00"]
    shape = mesh_shape(donor.landmarks, SIZE)
    picture = donor.image.astype(np.float32)
    np.testing.assert_allclose(Mesh(shape, SIZE).warp(picture, shape), picture, atol=0.05)


def test_warping_moves_landmarks_where_they_belong(donors):
    a, b = (donors[id_].landmarks.astype(float) for id_ in ("female-white-00", "male-black-05"))
    where = Mesh(mesh_shape(b, SIZE), SIZE).coordinates(mesh_shape(a, SIZE))
    for landmark in (8, 30, 36, 45, 48, 54):
        x, y = b[landmark]
        sampled = cv2.remap(where, np.float32([[x - 0.5]]), np.float32([[y - 0.5]]), cv2.INTER_LINEAR)[0, 0]
        assert np.linalg.norm(sampled - a[landmark]) < 1.0


def test_the_border_stays_where_it_is(donors):
    a, b = (donors[id_].landmarks for id_ in ("female-white-00", "male-black-05"))
    where = Mesh(mesh_shape(b, SIZE), SIZE).coordinates(mesh_shape(a, SIZE))
    np.testing.assert_allclose(where[0, :, 1], 0.5, atol=0.6)
    np.testing.assert_allclose(where[:, -1, 0], SIZE - 0.5, atol=0.6)
    assert len(border(SIZE)) == 16


def test_mirroring_twice_gives_the_face_back_and_once_swaps_its_sides(donors):
    landmarks = donors["male-asian-00"].landmarks
    turned = mirrored(landmarks)
    np.testing.assert_allclose(mirrored(turned), landmarks, atol=1e-4)
    assert turned[36, 0] < turned[45, 0]
    assert turned[0, 0] < turned[16, 0]


@pytest.mark.parametrize(
    ("yaw", "mouth", "variant"),
    [
        (0, 0.0, ("frontal", "neutral")),
        (-20, 0.2, ("left", "smiling")),
        (20, 0.01, ("right", "neutral")),
        (0, 0.07, None),
    ],
)
def test_variants_are_told_apart(yaw, mouth, variant):
    assert variant_of(yaw, mouth) == variant


@given(st.integers(0, 2**32), st.integers(2, 60), st.integers(1, 8))
def test_a_spread_out_choice_keeps_its_quotas(numbers, count, quota):
    rng = np.random.default_rng(numbers)
    kinds = rng.choice(["a", "b", "c"], count).tolist()
    chosen = spread_out(rng.normal(size=(count, 8)), kinds, {"a": quota, "b": 1})
    assert len(set(chosen)) == len(chosen)
    picked = [kinds[row] for row in chosen]
    assert picked.count("a") == min(quota, kinds.count("a"))
    assert picked.count("b") == min(1, kinds.count("b"))
    assert picked.count("c") == 0


def test_a_spread_out_choice_is_wider_than_a_random_one():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(400, 4))

    def least(rows):
        chosen = points[rows]
        return min(np.linalg.norm(a - b) for i, a in enumerate(chosen) for b in chosen[:i])

    spread = spread_out(points, ["x"] * 400, {"x": 20})
    assert least(spread) > 2 * np.mean([least(rng.choice(400, 20, replace=False)) for _ in range(20)])


@pytest.mark.shared
class TestWithPortraits:
    @pytest.fixture(autouse=True)
    def _portraits(self):
        if not PORTRAITS.is_dir():
            pytest.skip("../shared is absent")

    @pytest.fixture
    def few(self, tmp_path) -> Path:
        """A folder of 40 portraits of one gender and group."""
        with np.load(PORTRAITS / "meta.npz") as meta:
            rows = np.flatnonzero((meta["gender"] == "male") & (meta["group"] == "black"))[:40]
            np.savez(tmp_path / "meta.npz", **{name: meta[name][rows] for name in meta.files})
            for name in meta["name"][rows]:
                (tmp_path / str(name)).symlink_to(PORTRAITS / str(name))
        return tmp_path

    def test_building_twice_gives_the_same_files(self, few, tmp_path):
        from mfmc_engine.donors.build import build
        from mfmc_engine.donors.publish import publish

        banks = []
        for jobs in (1, 2):
            made = build(few, [], tmp_path / "cache", attempts=2, seed=3, jobs=jobs)
            publish(made, tmp_path / str(jobs), "a test")
            banks.append((tmp_path / str(jobs) / "SHA256SUMS").read_text())
        assert banks[0] == banks[1]
        bank = donor_bank.DonorBank(tmp_path / "1")
        bank.verify()
        assert len(bank) >= 1
        assert set(bank.gender) == {"male"}

    def test_a_portrait_left_out_is_not_mixed(self):
        everything = Portraits.load(PORTRAITS)
        fewer = Portraits.load(PORTRAITS, [str(everything.names[0]), str(everything.names[9])])
        assert len(fewer) == len(everything) - 2
        assert everything.names[9] not in fewer.names
