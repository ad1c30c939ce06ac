"""Building the donor bank from a folder of synthetic portraits."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from tqdm import tqdm

from mfmc_engine import attributes, parameters
from mfmc_engine.donors.ageing import Ageing
from mfmc_engine.donors.embedding import embed, portrait_embeddings, predict_landmarks
from mfmc_engine.donors.looks import beard, skin_colour
from mfmc_engine.donors.morph import ExpectedFace, Morph, Source, face_mask, morph
from mfmc_engine.donors.portraits import SIZE, Portraits, flaws, mirrored
from mfmc_engine.donors.recipes import VARIANTS, Pantry, Pick, Recipe, variant_of
from mfmc_engine.donors.spread import spread_out
from mfmc_engine.donors.traits import interocular, trait_vector
from mfmc_engine.donors.warp import Mesh, mesh_shape
from mfmc_engine.errors import EngineError
from mfmc_engine.types import FloatArray, Image

EXPECTED_FROM = 400  # portraits are enough to regress the expected face of one gender and group


@dataclass(frozen=True)
class Candidate:
    """A rendered donor that passed every check but diversity. Angles in degrees, age in years."""

    recipe: Recipe
    sources: tuple[str, ...]  # file names of the portraits mixed, those of the texture first
    webp: bytes
    landmarks: FloatArray  # (68, 2) px
    embedding: FloatArray  # (128,)
    traits: FloatArray  # (5,) yaw, pitch, mouth, smile, eyes
    age: float
    skin: FloatArray  # (3,) CIE Lab
    beard: float  # looks.beard
    variant: tuple[str, str]
    source_distance: float  # embedding, to the closest of all portraits
    source_pixels: float  # of 255, to the closest portrait mixed


@dataclass(frozen=True)
class Kitchen:
    """All that one gender and group's candidates are made from."""

    gender: str
    portraits: Portraits
    embeddings: FloatArray  # (N, 128) of all portraits
    expected: ExpectedFace
    ageing: Ageing

    def _source(self, pick: Pick) -> Source:
        shape = self.portraits.landmarks[pick.index]
        return Source(
            self.portraits.picture(pick.index, pick.mirror), mirrored(shape) if pick.mirror else shape
        )

    def cook(self, recipe: Recipe) -> Candidate | None:
        """Render ``recipe``; None if the face looks wrong, copies a portrait or belongs to no variant."""
        texture = [self._source(pick) for pick in recipe.texture]
        shape = [self._source(pick) for pick in recipe.shape]
        face = morph(texture, shape, self.expected, self.ageing, recipe.strength, recipe.years)
        yaw, pitch, mouth, smile, eyes = trait_vector(face.landmarks)
        variant = variant_of(yaw, mouth)
        if (
            variant is None
            or face.disagreement > parameters.DONOR_DISAGREEMENT
            or landmark_error(face) > parameters.DONOR_LANDMARK_ERROR
        ):
            return None
        pixels = source_difference(face, texture)
        webp = encode(face.picture)
        picture = decode(webp)  # what will be used is what is measured
        embedding = embed(picture, face.landmarks)
        distance = float(np.linalg.norm(self.embeddings - embedding, axis=1).min())
        if distance < parameters.DONOR_SOURCE_DISTANCE or pixels < parameters.DONOR_SOURCE_PIXELS:
            return None
        looks = attributes.load()(embedding)
        male = float(looks.male[0])
        if (male if self.gender == "male" else 1 - male) < parameters.DONOR_GENDER:
            return None
        return Candidate(
            recipe,
            tuple(str(self.portraits.names[pick.index]) for pick in (*recipe.texture, *recipe.shape)),
            webp,
            face.landmarks.astype(np.float32),
            embedding,
            np.array([yaw, pitch, mouth, smile, eyes], np.float32),
            float(looks.age[0]),
            skin_colour(picture, face.landmarks),
            beard(picture, face.landmarks, even_light=True),
            variant,
            distance,
            pixels,
        )


def encode(picture: Image) -> bytes:
    buffer = BytesIO()
    PillowImage.fromarray(picture).save(buffer, "WEBP", quality=parameters.DONOR_WEBP_QUALITY, method=6)
    return buffer.getvalue()


def decode(webp: bytes) -> Image:
    with PillowImage.open(BytesIO(webp)) as file:
        return np.asarray(file.convert("RGB"))


def landmark_error(face: Morph) -> float:
    """Mean distance between a morph's landmarks and those the 68-point model finds, in inter-ocular distances."""
    points = face.landmarks
    centre, half = (points.min(0) + points.max(0)) / 2, np.ptp(points, axis=0).max() / 2
    found = predict_landmarks(face.picture, (*(centre - half), *(centre + half)))
    return float(np.linalg.norm(found - points, axis=1).mean() / interocular(points))


def source_difference(face: Morph, sources: Sequence[Source]) -> float:
    """Least mean absolute difference (of 255) inside the face between a morph and its sources, in the morph's shape."""
    mesh = Mesh(mesh_shape(face.landmarks, SIZE), SIZE)
    inside = face_mask(face.landmarks, -4, 1)[..., 0] > 0.5
    warped = (mesh.warp(source.picture, mesh_shape(source.landmarks, SIZE)) for source in sources)
    return min(float(np.abs(picture - face.picture)[inside].mean()) for picture in warped)


_kitchen: Kitchen  # set in each worker process, so that it is inherited rather than sent with every recipe


def _open(kitchen: Kitchen) -> None:
    global _kitchen
    _kitchen = kitchen


def _cook(recipe: Recipe) -> Candidate | None:
    return _kitchen.cook(recipe)


@dataclass(frozen=True)
class Stock:
    """The portraits fit for mixing, measured once."""

    portraits: Portraits
    embeddings: FloatArray  # (N, 128)
    aligned: NDArray[np.uint8]  # (N, SIZE, SIZE, 3)
    fit: NDArray[np.bool_]  # (N,) forehead visible, evenly lit, gender label believed
    lightness: NDArray[np.float64]  # (N,) CIE L* of the skin
    ageing: dict[str, Ageing]  # by gender

    @classmethod
    def take(cls, folder: Path, leave_out: list[str], cache: Path) -> Stock:
        everything = Portraits.load(folder)
        keep = ~np.isin(everything.names, leave_out)
        embeddings = portrait_embeddings(folder, cache)
        if len(embeddings) != len(everything):
            raise EngineError(f"{cache} holds {len(embeddings)} embeddings for {len(everything)} portraits")
        portraits = everything.subset(keep)
        embeddings = embeddings[keep]
        aligned = portraits.aligned()
        face = portraits.mean_landmarks
        male = attributes.load()(embeddings).male
        sure = np.where(portraits.gender == "male", male, 1 - male) >= parameters.DONOR_SOURCE_GENDER
        covered, uneven = flaws(aligned, face)
        fit = sure & (covered <= parameters.DONOR_HAIR_SHARE) & (uneven <= parameters.DONOR_SIDE_LIGHT)
        ageing = {
            gender: Ageing.learn(portraits, aligned, np.flatnonzero(fit & (portraits.gender == gender)), face)
            for gender in np.unique(portraits.gender).tolist()
        }
        for gender, group in _cells(portraits):
            rows = np.flatnonzero(fit & (portraits.gender == gender) & (portraits.group == group))
            fit[rows[np.argsort(covered[rows], kind="stable")][parameters.DONOR_SOURCES :]] = False
        lightness = np.array([skin_colour(picture, face)[0] for picture in aligned], np.float64)
        return cls(portraits, embeddings, aligned, fit, lightness, ageing)


def _cells(portraits: Portraits) -> list[tuple[str, str]]:
    """Every gender and group, sorted."""
    return sorted(set(zip(portraits.gender.tolist(), portraits.group.tolist(), strict=True)))


def cell_candidates(
    stock: Stock, gender: str, group: str, attempts: int, rng: np.random.Generator, jobs: int
) -> Iterator[Candidate]:
    """Candidates of one gender and group, from ``attempts`` recipes for each variant."""
    portraits = stock.portraits
    rows = np.flatnonzero((portraits.gender == gender) & (portraits.group == group))
    sample = rows[:: max(1, len(rows) // EXPECTED_FROM)]
    expected = ExpectedFace(portraits.landmarks[sample], stock.aligned[sample], portraits.mean_landmarks)
    rows = rows[stock.fit[rows]]
    pantry = Pantry(portraits, rows, stock.lightness[rows])
    drawn = [pantry.recipe(variant, rng) for variant in VARIANTS for _ in range(attempts)]
    recipes = [recipe for recipe in drawn if recipe is not None]
    kitchen = Kitchen(gender, portraits, stock.embeddings, expected, stock.ageing[gender])
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, context, initializer=_open, initargs=(kitchen,)) as pool:
        found = pool.map(_cook, recipes, chunksize=4)
        for candidate in tqdm(found, desc=f"{gender} {group}", total=len(recipes), disable=None):
            if candidate is not None:
                yield candidate


def build(
    folder: Path, leave_out: list[str], cache: Path, attempts: int, seed: int, jobs: int
) -> dict[str, Candidate]:
    """Donors by id, ``parameters.DONOR_QUOTA`` of each variant in every gender and group where data allow.

    The same arguments give the same donors, whatever ``jobs`` is.
    """
    stock = Stock.take(folder, leave_out, cache)
    quota = {(side, mouth): parameters.DONOR_QUOTA[side] for side, mouth in VARIANTS}
    donors: dict[str, Candidate] = {}
    for number, (gender, group) in enumerate(_cells(stock.portraits)):
        rng = np.random.default_rng([seed, number])
        candidates = list(cell_candidates(stock, gender, group, attempts, rng, jobs))
        if not candidates:
            raise EngineError(f"no donor could be made for {gender} {group}: too few usable portraits")
        embeddings = np.stack([candidate.embedding for candidate in candidates])
        chosen = spread_out(embeddings, [candidate.variant for candidate in candidates], quota)
        for place, row in enumerate(chosen):
            donors[f"{gender}-{group}-{place:02d}"] = candidates[row]
    return donors
