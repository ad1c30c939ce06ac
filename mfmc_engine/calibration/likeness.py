"""What a parameter of swaps does to how much decoys tell of a person, all else the same: donors, people, noise.

Run: ``python -m mfmc_engine.calibration.likeness ../shared/data/lfw --mobilefacenet FILE.onnx "LIGHT_SIGMA=4"``, with
as many settings as wished; one that changes several parameters parts them by semicolons. Two photos each of people who
have three get the same two donors with every setting. Printed are the cosines between what recognisers see of the two
decoys and of the third photo, those between the two decoys, the share of the photo's contrast in lightness that the
skin keeps, and how many years older than the photo the evaluation's judge takes decoys for: the means by the parameters
in force, and how far each setting's depart from these. An evaluation, whose draws answer to every change, needs ten
times as many people to tell as small a difference.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from mfmc_engine import parameters as P
from mfmc_engine import swappable
from mfmc_engine.calibration.lfw import Embed, Subject, people, recognizers, subject
from mfmc_engine.compositing import paste
from mfmc_engine.donors import bank, looks, selection
from mfmc_engine.donors.bank import Donor
from mfmc_engine.draws import swap
from mfmc_engine.engine import Engine
from mfmc_engine.evaluation.faceres.age_gender import AgeGender
from mfmc_engine.evaluation.recognizers import distances
from mfmc_engine.swapping import blending, fields, mesh
from mfmc_engine.swapping.blending import Target
from mfmc_engine.swapping.patch import Patch
from mfmc_engine.types import FloatArray, Image

Setting = Mapping[str, Any]
APART = 0.8  # Euclidean, that donors lie from the face: about what is drawn
REACH = 40  # best-fitting donors among which two are looked for


def setting(text: str) -> Setting:
    """Values by name from ``NAME=VALUE;NAME=VALUE``; ValueError of what is no parameter or no value."""
    found = {}
    for part in text.split(";"):
        name, _, value = part.partition("=")
        if not hasattr(P, name):
            raise ValueError(f"no parameter {name!r}")
        try:
            found[name] = ast.literal_eval(value)
        except (SyntaxError, ValueError) as error:
            raise ValueError(f"no value for {name}: {value!r}") from error
    return found


@contextmanager
def in_force(changed: Setting) -> Iterator[None]:
    """The parameters with some of them ``changed``, for as long as this lasts."""
    before = {name: getattr(P, name) for name in changed}
    try:
        for name, value in changed.items():
            setattr(P, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(P, name, value)


def swapped(
    engine: Engine,
    embed: Mapping[str, Embed],
    judge: AgeGender,
    photos: Sequence[Subject],
    donors: Sequence[Donor],
) -> dict[str, float]:
    """The figures of one person by the parameters in force: ``photos`` but for the last get a donor each."""
    seen, kept, older = {name: list[FloatArray]() for name in embed}, [], []
    for photo, donor in zip(photos, donors, strict=False):
        random = selection.generator(b"likeness")
        (target,) = blending.prepare(photo.image, [photo.face.landmarks])
        (patch,), _ = swap(engine.pack, photo.image, target, [donor], P.DRAW_ROUNDS[0][0], random)
        assert isinstance(patch, Patch)  # a card's pixels would have to be fetched
        decoy = photo.image.copy()
        paste(decoy, patch.origin, patch.pixels, patch.alpha)
        kept.append(_contrast(target, decoy) / _contrast(target, photo.image))
        before, after = (judge.features(image, photo.face.landmarks)[1] for image in (photo.image, decoy))
        older.append(after - before)
        for name, look in embed.items():
            seen[name].append(look(decoy, photo.face.landmarks).ravel())
    figures = {"contrast": float(np.mean(kept)), "years older": float(np.mean(older))}
    for name, look in embed.items():
        decoys, other = np.stack(seen[name]), look(photos[-1].image, photos[-1].face.landmarks).reshape(1, -1)
        figures[f"{name}, other photo"] = 1 - float(distances(decoys, other, "cosine").mean())
        figures[f"{name}, two decoys"] = 1 - float(distances(decoys[:1], decoys[1:], "cosine")[0, 0])
    return figures


def _contrast(target: Target, image: Image) -> float:
    """Standard deviation of the brightness of a face's clear skin, of full scale."""
    picture = blending.to_tensor([mesh.crop(image, target.frame)])
    grey, skin = fields.luminance(picture), target.lit.clear_skin()
    mean = fields.mean(grey, skin)
    return float(fields.mean((grey - mean) ** 2, skin).sqrt())


def two_donors(photo: Subject) -> list[Donor]:
    """The two that fit a face best, of those that lie ``APART`` from it; fewer where there are no more."""
    donors, face = bank.load(), photo.face
    wanted = looks.describe(photo.image, face.landmarks, face.embedding)
    order = selection.by_fit(donors, wanted)[:REACH]
    far = order[np.linalg.norm(donors.embeddings[order] - face.embedding, axis=1) > APART]
    return [donors[str(donors.ids[row])] for row in far[:2]]


def report(found: Sequence[Sequence[Mapping[str, float]]], names: Sequence[str]) -> str:
    """A line for each of the ``names`` of settings and each figure; ``found`` by person and setting."""
    width = max(map(len, names))
    rows = [f"{len(found)} people; below the first setting differences from it, and their standard errors"]
    for key in found[0][0]:
        values = np.array([[figures[key] for figures in person] for person in found])
        rows.append(f"{key}\n  {names[0]:{width}}  {values[:, 0].mean():.4f}")
        change = values[:, 1:] - values[:, :1]
        error = change.std(0, ddof=1) / len(found) ** 0.5
        for name, mean, spread in zip(names[1:], change.mean(0), error, strict=True):
            rows.append(f"  {name:{width}}  {mean:+.4f}  {spread:.4f}")
    return "\n".join(rows)


def main() -> None:
    """Swap, look, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("settings", nargs="*", metavar="NAME=VALUE[;NAME=VALUE ...]")
    parser.add_argument("--mobilefacenet", type=Path, help="an ONNX file; without it dlib judges alone")
    parser.add_argument("--people", type=int, default=90)
    arguments = parser.parse_intermixed_args()
    try:
        settings = [{}, *map(setting, arguments.settings)]
    except ValueError as error:
        parser.error(str(error))
    torch.set_num_threads(1)
    engine = Engine(threads=1)
    embed, judge, found = recognizers(engine, arguments.mobilefacenet), AgeGender(), []
    for person in tqdm(people(arguments.folder, arguments.people, photos=3), disable=None):
        photos = [subject(engine, image) for image in person.images()]
        donors = two_donors(photos[0])
        if len(donors) < 2 or any(swappable.obstacle(photo.face) for photo in photos):
            continue
        rows = []
        for changed in settings:
            with in_force(changed), torch.inference_mode():
                rows.append(swapped(engine, embed, judge, photos, donors))
        found.append(rows)
    if len(found) < 2:
        parser.error(
            f"{len(found)} people in {arguments.folder} can be swapped thrice; two are needed at least"
        )
    print(report(found, ["in force", *arguments.settings]))


if __name__ == "__main__":
    main()
