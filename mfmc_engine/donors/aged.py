"""``donors age``: the second step of making the bank, which widens its ages beyond those of the portraits."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mfmc_engine import attributes, parameters
from mfmc_engine.donors.bank import METADATA, DonorBank
from mfmc_engine.donors.build import decode, encode, landmark_error
from mfmc_engine.donors.embedding import embed
from mfmc_engine.donors.later import LaterYears
from mfmc_engine.donors.looks import beard, brow_darkness, skin_colour
from mfmc_engine.donors.morph import Morph
from mfmc_engine.donors.publish import seal
from mfmc_engine.donors.recipes import VARIANTS, variant_of
from mfmc_engine.donors.traits import trait_vector
from mfmc_engine.types import FloatArray, Image

NOTE = """
## Older and younger
{older} donors were then made older by up to 45 years and {younger} younger by 20, by
`{command}`: the oldest-looking and the youngest-looking
of each gender, group, pose and expression. What a year does to shape, colour and the strength
of fine detail is one average over 2,130 photos of 840 people in LFW (mfmc_engine/donors/later.py): it shows nobody.
Distances after that step:

| gender, group | mean distance | least distance | ages, youngest / median / oldest (estimated) |
|---|---|---|---|
{rows}
"""


def plan(bank: DonorBank) -> dict[int, float]:
    """Years to add to each row that changes, so that every variant of every gender and group has older donors."""
    years: dict[int, float] = {}
    variants = [variant_of(yaw, mouth) for yaw, mouth in zip(bank.yaw, bank.mouth, strict=True)]
    for gender, group in sorted(set(zip(bank.gender.tolist(), bank.group.tolist(), strict=True))):
        for variant in VARIANTS:
            rows = [
                row
                for row, found in enumerate(variants)
                if found == variant and (bank.gender[row], bank.group[row]) == (gender, group)
            ]
            rows.sort(key=lambda row: (-bank.age[row], bank.ids[row]))
            later = parameters.LATER_YEARS[variant[0]]
            if len(rows) > len(later):  # the last one stays young
                years |= dict(zip(rows, later, strict=False))
                years[rows[-1]] = parameters.EARLIER_YEARS
    return years


def age(fresh: Path, photos: Path, out: Path) -> int:
    """Read the bank in ``fresh``, write it to ``out`` with some donors older or younger; returns how many.

    A change that spoils a face (landmarks, gender, brows, pose or expression) is tried again with fewer years, at last
    left out. The same arguments give the same files.
    """
    bank, change = DonorBank(fresh), LaterYears.learn(photos)
    with np.load(fresh / METADATA) as stored:
        arrays = {name: stored[name].copy() for name in stored.files}
    pictures: dict[str, bytes] = {}
    done = [0, 0]
    for row, wanted in plan(bank).items():
        donor = bank[str(bank.ids[row])]
        for share in (1.0, 0.75, 0.5, 0.25):
            picture, landmarks = change.apply(donor.image, donor.landmarks, share * wanted)
            webp = encode(picture)
            if _note(arrays, row, decode(webp), landmarks.astype(np.float32)):
                pictures[donor.id] = webp
                done[wanted < 0] += 1
                break
    out.mkdir(parents=True, exist_ok=True)
    if out.resolve() != fresh.resolve():
        for old in out.glob("*.webp"):
            old.unlink()
        for file in (*sorted(fresh.glob("*.webp")), fresh / "PROVENANCE.md"):
            shutil.copyfile(file, out / file.name)
    for id_, webp in pictures.items():
        (out / f"{id_}.webp").write_bytes(webp)
    np.savez_compressed(out / METADATA, allow_pickle=False, **arrays)
    command = f"python -m mfmc_engine donors age BANK --lfw {photos}"
    with (out / "PROVENANCE.md").open("a") as note:
        note.write(NOTE.format(older=done[0], younger=done[1], command=command, rows=_rows(arrays)))
    seal(out)
    return sum(done)


def _note(arrays: dict[str, NDArray], row: int, picture: Image, landmarks: FloatArray) -> bool:
    """Measure an aged donor and take it over into ``arrays``, unless the change spoilt it."""
    traits = trait_vector(landmarks)
    embedding = embed(picture, landmarks)
    looks = attributes.load()(embedding)
    male = float(looks.male[0])
    if (
        landmark_error(Morph(picture, landmarks.astype(np.float64), 0.0)) > parameters.DONOR_LANDMARK_ERROR
        or (male if arrays["gender"][row] == "male" else 1 - male) < parameters.DONOR_GENDER
        or brow_darkness(picture, landmarks) < parameters.DONOR_BROW_DARKNESS
        or variant_of(traits[0], traits[2]) != variant_of(arrays["yaw"][row], arrays["mouth"][row])
    ):
        return False
    for name, value in zip(("yaw", "pitch", "mouth", "smile", "eyes"), traits, strict=True):
        arrays[name][row] = value
    arrays["embedding"][row], arrays["landmarks"][row] = embedding, landmarks
    arrays["age"][row] = looks.age[0]
    arrays["skin"][row] = skin_colour(picture, landmarks)
    arrays["beard"][row] = beard(picture, landmarks, even_light=True)
    return True


def _rows(arrays: dict[str, NDArray]) -> str:
    lines = []
    for gender, group in sorted(set(zip(arrays["gender"].tolist(), arrays["group"].tolist(), strict=True))):
        own = (arrays["gender"] == gender) & (arrays["group"] == group)
        found, ages = arrays["embedding"][own].astype(np.float64), arrays["age"][own]
        apart = np.linalg.norm(found[:, None] - found[None], axis=2)[np.triu_indices(len(found), 1)]
        lines.append(
            f"| {gender} {group} | {apart.mean():.3f} | {apart.min():.3f} | "
            f"{ages.min():.0f} / {np.median(ages):.0f} / {ages.max():.0f} |"
        )
    return "\n".join(lines)
