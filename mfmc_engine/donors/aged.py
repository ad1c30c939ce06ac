"""``donors age`` and ``donors fold``: the second and third step of making the bank, which widen its ages beyond those
of the portraits."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mfmc_engine import attributes, parameters
from mfmc_engine.donors.bank import METADATA, DonorBank
from mfmc_engine.donors.build import decode, encode, landmark_error
from mfmc_engine.donors.embedding import embed
from mfmc_engine.donors.folds import Folds
from mfmc_engine.donors.later import LaterYears
from mfmc_engine.donors.looks import beard, brow_darkness, skin_colour
from mfmc_engine.donors.morph import Morph
from mfmc_engine.donors.publish import add_note
from mfmc_engine.donors.recipes import VARIANTS, variant_of
from mfmc_engine.donors.traits import trait_vector
from mfmc_engine.types import FloatArray, Image

AGED = """
## Older and younger
{changed} donors were then made older by up to 45 years or, one in seven, younger by 20, by
`{command}`: the oldest-looking and the youngest-looking
of each gender, group, pose and expression. What a year does to shape, colour and the strength
of fine detail is one average over 2,130 photos of 840 people in LFW (mfmc_engine/donors/later.py): it shows nobody.
Distances after that step:

{table}
"""
FOLDED = """
## Folds
{older} donors, the oldest-looking of each of these, then got the folds of older people, and some the years as well, and
{added} of the others were added a second time as older ones (`*-later.webp`), by
`{command}`: of each, the fine lightness of {mix} of
{people} photos of LFW, drawn for each donor and mixed, on bare skin only (mfmc_engine/donors/folds.py). The photos
are in fold_sources.txt; none of the people of `evaluate --limit 200` is on them. {total} donors in all. Distances
after that step:

{table}
"""
TABLE = """| gender, group | mean distance | least distance | ages, youngest / median / oldest (estimated) |
|---|---|---|---|
"""
LATER = "-later"  # at the end of the id of a donor added a second time, as an older one
SHARES = (1.0, 0.75, 0.5, 0.25)  # of a change, tried in turn until it does not spoil the face

# A donor's picture and landmarks after a share of the change meant for it, and the strength of folds drawn on.
Change = Callable[[float], tuple[Image, NDArray[np.float64], float]]


def plan(bank: DonorBank) -> dict[int, float]:
    """Years to add to each row that changes, so that every variant of every gender and group has older donors."""
    years: dict[int, float] = {}
    for side, rows in _by_age(bank):
        later = parameters.LATER_YEARS[side]
        if len(rows) > len(later):  # the last one stays young
            years |= dict(zip(rows, later, strict=False))
            years[rows[-1]] = parameters.EARLIER_YEARS
    return years


def fold_plan(bank: DonorBank) -> dict[int, tuple[float, float]]:
    """Years to add to each row that changes and the strength of its folds; the younger ones stay as they are."""
    changes: dict[int, tuple[float, float]] = {}
    for side, rows in _by_age(bank):
        folded = parameters.FOLDED[side]
        if len(rows) > len(folded):
            changes |= dict(zip(rows, folded, strict=False))
    return changes


def second_plan(bank: DonorBank) -> dict[int, tuple[float, float]]:
    """The same for those that stay as they are, which are added a second time."""
    changes: dict[int, tuple[float, float]] = {}
    for side, rows in _by_age(bank):
        if len(rows) > len(parameters.FOLDED[side]):
            changes |= dict(
                zip(rows[len(parameters.FOLDED[side]) :], cycle(parameters.FOLDED_AGAIN), strict=False)
            )
    return changes


def _by_age(bank: DonorBank) -> list[tuple[str, list[int]]]:
    """The side that its faces are turned to and the rows of every variant of every gender and group, oldest first."""
    variants = [variant_of(yaw, mouth) for yaw, mouth in zip(bank.yaw, bank.mouth, strict=True)]
    found = []
    for gender, group in sorted(set(zip(bank.gender.tolist(), bank.group.tolist(), strict=True))):
        for variant in VARIANTS:
            rows = [
                row
                for row, own in enumerate(variants)
                if own == variant and (bank.gender[row], bank.group[row]) == (gender, group)
            ]
            found.append((variant[0], sorted(rows, key=lambda row: (-bank.age[row], bank.ids[row]))))
    return found


def age(fresh: Path, photos: Path, out: Path) -> int:
    """Read the bank in ``fresh``, write it to ``out`` with some donors older or younger; returns how many.

    A change that spoils a face (landmarks, gender, brows, pose or expression) is tried again with fewer years, at last
    left out. The same arguments give the same files.
    """
    bank, later = DonorBank(fresh), LaterYears.learn(photos)
    years = plan(bank)

    def change(row: int) -> Change:
        donor = bank[str(bank.ids[row])]
        return lambda share: (*later.apply(donor.image, donor.landmarks, share * years[row]), 0.0)

    changed, _ = _changed(bank, {row: change(row) for row in years}, fresh, out)
    command = f"python -m mfmc_engine donors age BANK --lfw {photos}"
    _publish(out, AGED, changed=changed, command=command)
    return changed


def fold(aged: Path, photos: Path, out: Path) -> int:
    """Read the bank in ``aged``, write it to ``out`` with folds on its older donors, and every younger one a second
    time as an older one; returns how many are new or changed. As ``age``."""
    bank, later, folds = DonorBank(aged), LaterYears.learn(photos), Folds.learn(photos)

    def change(row: int, years: float, strength: float) -> Change:
        donor = bank[str(bank.ids[row])]

        def apply(share: float) -> tuple[Image, NDArray[np.float64], float]:
            picture, landmarks = later.apply(donor.image, donor.landmarks, share * years)
            random = np.random.default_rng([parameters.FOLD_SEED, row])  # the same folds for every share
            folded = folds.apply(picture, landmarks.astype(np.float32), share * strength, random)
            return folded, landmarks, share * strength

        return apply

    older = {row: change(row, *by) for row, by in fold_plan(bank).items()}
    second = {row: change(row, *by) for row, by in second_plan(bank).items()}
    changed, added = _changed(bank, older, aged, out, second)
    command = f"python -m mfmc_engine donors fold BANK --lfw {photos}"
    _publish(
        out,
        FOLDED,
        older=changed,
        added=added,
        command=command,
        mix=parameters.FOLD_MIX,
        people=len(folds.maps),
        total=len(bank) + added,
    )
    return changed + added


def _changed(
    bank: DonorBank,
    changes: Mapping[int, Change],
    folder: Path,
    out: Path,
    second: Mapping[int, Change] = MappingProxyType({}),
) -> tuple[int, int]:
    """Write the bank in ``folder`` to ``out`` with changes to some rows and some rows a ``second`` time, changed, as
    donors of their own; returns how many rows changed and how many there are more. What is spoilt is left out."""
    with np.load(folder / METADATA) as stored:
        arrays = {name: stored[name].copy() for name in stored.files}
    pictures: dict[str, bytes] = {}
    for row, change in changes.items():
        webp = _noted(arrays, row, change)
        if webp:
            pictures[str(bank.ids[row])] = webp
    changed = len(pictures)
    arrays["id"] = arrays["id"].astype(f"<U{arrays['id'].itemsize // 4 + len(LATER)}")
    for row, change in second.items():
        longer = {name: np.concatenate([values, values[row : row + 1]]) for name, values in arrays.items()}
        longer["id"][-1] = f"{bank.ids[row]}{LATER}"
        webp = _noted(longer, -1, change)
        if webp:
            arrays = longer
            pictures[str(arrays["id"][-1])] = webp
    out.mkdir(parents=True, exist_ok=True)
    if out.resolve() != folder.resolve():
        for old in out.glob("*.webp"):
            old.unlink()
        for file in (*sorted(folder.glob("*.webp")), folder / "PROVENANCE.md"):
            shutil.copyfile(file, out / file.name)
    for id_, webp in pictures.items():
        (out / f"{id_}.webp").write_bytes(webp)
    np.savez_compressed(out / METADATA, allow_pickle=False, **arrays)
    return changed, len(pictures) - changed


def _noted(arrays: dict[str, NDArray], row: int, change: Change) -> bytes | None:
    """The file of a donor after the largest share of a change that does not spoil it, taken over into ``arrays``."""
    for share in SHARES:
        picture, landmarks, folds = change(share)
        webp = encode(picture)
        if _note(arrays, row, decode(webp), landmarks.astype(np.float32)):
            arrays["folds"][row] = folds
            return webp
    return None


def _publish(out: Path, note: str, **said: object) -> None:
    """Add ``note`` to the provenance of the bank in ``out`` and seal it."""
    with np.load(out / METADATA) as arrays:
        table = TABLE + _rows(arrays)
    add_note(out, note.format(table=table, **said))


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


def _rows(arrays: Mapping[str, NDArray]) -> str:
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
