"""The shipped donor bank keeps what it promises."""

import shutil
from collections import Counter
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest

from mfmc_engine import parameters
from mfmc_engine.donors import bank as donor_bank
from mfmc_engine.donors import traits
from mfmc_engine.donors.aged import LATER
from mfmc_engine.donors.embedding import embed
from mfmc_engine.donors.looks import skin_colour
from mfmc_engine.donors.recipes import VARIANTS, variant_of
from mfmc_engine.donors.selection import distances
from mfmc_engine.donors.traits import trait_vector
from mfmc_engine.errors import DonorBankError

FACES = Path(str(files("mfmc_engine.donors") / "faces"))
PORTRAITS = Path(__file__).parents[3] / "shared" / "data" / "synthetic_faces"
CELLS = [(gender, group) for gender in ("female", "male") for group in ("asian", "black", "latino", "white")]


@pytest.fixture(scope="module")
def bank() -> donor_bank.DonorBank:
    return donor_bank.load()


def test_there_are_enough_donors_of_every_gender_and_group(bank):
    assert len(bank) >= 256
    count = Counter((donor.gender, donor.group) for donor in bank.values())
    assert sorted(count) == CELLS
    assert min(count.values()) >= 40


@pytest.mark.parametrize(("gender", "group"), CELLS)
def test_every_pose_and_expression_is_there(bank, gender, group):
    found = Counter(
        variant_of(donor.yaw, donor.mouth)
        for donor in bank.values()
        if (donor.gender, donor.group) == (gender, group)
    )
    assert all(found[variant] >= 3 for variant in VARIANTS), found


@pytest.mark.parametrize(("gender", "group"), CELLS)
def test_donors_of_one_gender_and_group_are_no_look_alikes(bank, gender, group):
    rows = (bank.gender == gender) & (bank.group == group)
    embeddings = bank.embeddings[rows]
    first, second = np.triu_indices(rows.sum(), 1)
    apart = distances(embeddings, embeddings)[first, second]
    assert apart.mean() >= 0.58
    once = np.array([str(id_).removesuffix(LATER) for id_ in bank.ids[rows]])
    assert apart[once[first] != once[second]].min() >= 0.25  # one donor at two ages may look alike


def test_the_bank_stays_small():
    assert sum(file.stat().st_size for file in FACES.iterdir()) <= 8 * 2**20


def test_every_file_is_what_its_checksum_says(bank):
    bank.verify()
    listed = {line.split("  ")[1] for line in (FACES / "SHA256SUMS").read_text().splitlines()}
    assert {file.name for file in FACES.iterdir()} == listed | {"SHA256SUMS", "PROVENANCE.md"}


def test_traits_are_those_of_the_landmarks(bank):
    measured = trait_vector(bank.landmarks)
    stored = np.stack([bank.yaw, bank.pitch, bank.mouth, bank.smile, bank.eyes], -1)
    np.testing.assert_allclose(measured, stored, atol=2e-3)


def test_pictures_and_landmarks_fit_the_frame(bank):
    assert bank.landmarks.shape == (len(bank), 68, 2)
    assert bank.landmarks.min() > 0
    assert bank.landmarks.max() < 256
    np.testing.assert_allclose(traits.interocular(bank.landmarks), 64, atol=8)
    for donor in bank.values():
        assert donor.image.shape == (256, 256, 3)
        assert donor.image.dtype == np.uint8


def test_embeddings_and_skin_are_those_of_the_pictures(bank):
    for donor in list(bank.values())[::40]:
        assert np.linalg.norm(embed(donor.image, donor.landmarks) - donor.embedding) < 0.02
        assert np.linalg.norm(skin_colour(donor.image, donor.landmarks) - donor.skin) < 1.5


def test_another_detector_sees_a_face_in_every_frontal_donor(bank):
    import dlib

    detector = dlib.get_frontal_face_detector()
    frontal = [donor for donor in bank.values() if abs(donor.yaw) < 8][::4]
    assert all(len(detector(np.ascontiguousarray(donor.image))) == 1 for donor in frontal)


def test_inner_faces_are_crisp(bank):
    """Blurred morphs have no fine detail: compare with the same picture after a blur of one pixel."""
    for donor in list(bank.values())[::10]:
        x, y = donor.landmarks[27].astype(int)
        face = cv2.cvtColor(donor.image, cv2.COLOR_RGB2GRAY)[y - 30 : y + 70, x - 45 : x + 45]
        sharp = cv2.Laplacian(face, cv2.CV_64F).var()
        assert sharp > 3 * cv2.Laplacian(cv2.GaussianBlur(face, (0, 0), 1), cv2.CV_64F).var()


def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FACES, tmp_path / "faces"))


def test_a_changed_picture_is_refused(tmp_path):
    folder = copied(tmp_path)
    picture = folder / "male-white-00.webp"
    picture.write_bytes((folder / "male-white-01.webp").read_bytes())
    damaged = donor_bank.DonorBank(folder)
    assert damaged["male-white-01"].image.shape == (256, 256, 3)
    with pytest.raises(DonorBankError, match=r"male-white-00\.webp"):
        _ = damaged["male-white-00"].image
    with pytest.raises(DonorBankError, match=r"male-white-00\.webp"):
        damaged.verify()


def test_a_missing_picture_is_refused(tmp_path):
    folder = copied(tmp_path)
    (folder / "male-white-00.webp").unlink()
    with pytest.raises(DonorBankError, match=r"lacks male-white-00\.webp"):
        donor_bank.DonorBank(folder).verify()


def test_changed_metadata_is_refused(tmp_path):
    folder = copied(tmp_path)
    with (folder / "bank.npz").open("ab") as file:
        file.write(b"!")
    with pytest.raises(DonorBankError, match=r"bank\.npz"):
        donor_bank.DonorBank(folder)


def test_a_folder_without_a_bank_is_named(tmp_path):
    with pytest.raises(DonorBankError, match=str(tmp_path)):
        donor_bank.DonorBank(tmp_path)


def test_nobody_can_paint_on_the_shared_pictures(bank):
    with pytest.raises(ValueError, match="read-only"):
        bank["male-white-00"].image[:] = 0
    with pytest.raises(ValueError, match="read-only"):
        bank.embeddings[:] = 0


def test_provenance_stands_beside_the_bank(bank):
    note = (FACES / "PROVENANCE.md").read_text()
    assert "computer-generated" in note
    assert f"{len(bank)} donors in all" in note


@pytest.mark.shared
class TestAgainstThePortraits:
    @pytest.fixture(autouse=True)
    def _portraits(self):
        if not PORTRAITS.is_dir():
            pytest.skip("../shared is absent")

    def picture(self, name: str) -> np.ndarray:
        return cv2.imread(str(PORTRAITS / name))[:, :, ::-1]

    def test_every_donor_mixes_three_or_more_portraits_of_its_gender_and_group(self, bank):
        with np.load(PORTRAITS / "meta.npz") as meta:
            label = {n: (g, k) for n, g, k in zip(meta["name"], meta["gender"], meta["group"], strict=True)}
        for donor, sources in zip(bank.values(), bank.sources, strict=True):
            assert len(set(sources)) >= 3
            assert {label[name] for name in sources} == {(donor.gender, donor.group)}

    def test_no_source_is_left_out_for_its_glasses(self, bank):
        listed = (files("mfmc_engine.donors") / "left_out.txt").read_text().split()
        assert not set(bank.sources.ravel()) & set(listed)

    def test_no_donor_copies_a_portrait(self, bank, real_engine):
        """Neither to the recogniser nor pixel by pixel, plain or mirrored."""
        recognizer = real_engine.pack.recognizer  # dlib's network as ``embed``, several times as fast
        with np.load(PORTRAITS / "meta.npz") as meta:
            landmarks = dict(zip(meta["name"], meta["landmarks"].astype(float), strict=True))
        for donor, sources in list(zip(bank.values(), bank.sources, strict=True))[::20]:
            for name in sources:
                portrait = self.picture(name)
                seen = recognizer.embed(np.ascontiguousarray(portrait), landmarks[name][None])[0]
                assert np.linalg.norm(seen - donor.embedding) > 0.25
                inner = np.s_[60:200, 70:186]
                for view in (portrait, portrait[:, ::-1]):
                    difference = np.abs(view[inner].astype(float) - donor.image[inner]).mean()
                    assert difference > parameters.DONOR_SOURCE_PIXELS
