"""Fit what tells covered faces from bare ones: ``python -m mfmc_engine.swapping.cover_fit --lfw DIR --portraits DIR``.

The bare faces are LFW's people and synthetic portraits, the covered ones the same with things drawn before them
(``evaluation.covers``), at several sizes and compressed as photos are. The landmarks are those that the engine
would swap a picture by, so a covered face is marked as one behind a mask is. What is found is measured on people left
out of the fit, then the shipped weights are fitted on everybody.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from mfmc_engine import parameters as P
from mfmc_engine import perception
from mfmc_engine.evaluation.covers import CLOTHS, COVERS, THINGS, Colour, Colours, Cover
from mfmc_engine.imaging import decode
from mfmc_engine.landmarks import eye_centres
from mfmc_engine.packs import load_pack
from mfmc_engine.packs.pack import Pack
from mfmc_engine.swappable import to_swap
from mfmc_engine.swapping import blending
from mfmc_engine.swapping.covered import CoverEstimator, features
from mfmc_engine.swapping.lit import Lit
from mfmc_engine.types import Face, FloatArray, Image

Values = NDArray[np.float64]
Random = np.random.Generator

OVER_NOSE_OR_MOUTH: Final = ("mask", "black mask", "mask below the nose", "scarf", "phone", "cup")
ELSEWHERE: Final = ("cap", "sunglasses")  # such faces are swapped as they were: they count as bare
SIZES: Final = (0.35, 0.5, 0.7, 1.0, 1.4)  # of LFW's pictures, whose faces are about 110 px
PORTRAIT_SIZES: Final = (0.25, 0.35, 0.5, 0.7, 1.0)  # of the portraits, whose faces are about 170 px
COVERS_EACH: Final = 4  # a person
HUELESS: Final = 8000  # saturation times value, each of 255, below which a colour has hardly any hue
SKIN_HUES: Final = (172, 22)  # from, to, round the circle of 180
FOLDS: Final = 5
HIDDEN: Final = 96  # units
# What covers of skin's hues weigh: as much as others, and more dark faces are taken for covered; left out,
# half as many are told
SKIN_LIKE: Final = 0.3
# Of the fit. With 64 units, half of them dropped or ten times the decay one cover in a hundred more is missed; more
# epochs find no more
DROPOUT: Final = 0.3
DECAY: Final = 0.1
STEP: Final = 3e-3
BATCH: Final = 256
EPOCHS: Final = 20
# LFW's photos that are not bare: hands and a cup before the mouth
BEHIND: Final = ("Celine_Dion_0003", "Jean-David_Levitte_0002", "Steven_Seagal_0001")
PADDING: Final = 0.2  # of the side; the detector misses faces that fill a picture
EXPOSURES: Final = (0.5, 1.3)
GREY: Final = 0.05  # share of pictures without colour
QUALITIES: Final = (55, 96)  # of JPEG
RECOLOURED: Final = 5  # variants of each face in other light, as warm lamps and cameras make it
CAST: Final = 0.1  # log units, of each channel
SATURATION: Final = (0.6, 1.8)
CONTRAST: Final = (0.8, 1.5)
GAIN: Final = (0.6, 1.5)
OWN_COLOUR: Final = 0.5  # share of covers in colours that the drawing has; others have any


def colours_of(random: Random) -> Colours:
    """One for cloths and one for things: half of the time a usual one, else any hue."""
    if random.random() < OWN_COLOUR:
        cloth, thing = (of[int(random.integers(len(of)))] for of in (CLOTHS, THINGS))
        return Colours((cloth,), (thing,))
    any_hue = np.array([[[random.integers(180), random.integers(256), random.integers(25, 251)]]], np.uint8)
    red, green, blue = cv2.cvtColor(any_hue, cv2.COLOR_HSV2RGB)[0, 0].tolist()
    colour: Colour = (red, green, blue)
    return Colours((colour,), (colour,))


def covered(photo: Image, marks: FloatArray, cover: Cover, colours: Colours, random: Random) -> Image:
    """``photo`` with a cover whose flat colour got the light, the folds and the grain that drawn ones lack."""
    drawn = photo.copy()
    cover.draw(drawn, marks, random, colours)
    left, right = eye_centres(marks)
    apart = float(np.hypot(*(right - left)))
    shape = photo.shape[:2]

    def waves(size: float, strength: float) -> Values:
        coarse = random.normal(0, strength, [2 + int(side / size) for side in shape])
        return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC))

    light = waves(apart, random.uniform(0, 0.25)) + waves(0.2 * apart, random.uniform(0, 0.12))
    grain = random.normal(0, random.uniform(1, 6), (*shape, 1))
    changed = np.abs(drawn.astype(int) - photo).max(2) > 0
    soft = cv2.GaussianBlur(changed.astype(np.float32), (0, 0), 0.01 * apart + 0.5)[..., None]
    lit = np.clip(drawn * np.exp(light)[..., None] + grain, 0, 255)
    return np.asarray((photo + soft * (np.where(changed[..., None], lit, photo) - photo)).round(), np.uint8)


def as_taken(photo: Image, random: Random) -> Image:
    """``photo`` exposed anew, now and then without colour, compressed."""
    taken = np.clip(photo * random.uniform(*EXPOSURES) if random.random() < 0.5 else photo, 0, 255)
    if random.random() < GREY:
        taken = np.repeat(taken.mean(2, keepdims=True), 3, 2)
    quality = int(random.integers(*QUALITIES))
    _, packed = cv2.imencode(
        ".jpg", taken.round().astype(np.uint8)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return np.ascontiguousarray(np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))[..., ::-1])


def resized(photo: Image, size: float) -> Image:
    """``photo`` at a share of its size, with its edges drawn out."""
    side = round(photo.shape[0] * size)
    smaller = cv2.resize(photo, (side, side), interpolation=cv2.INTER_AREA if size < 1 else cv2.INTER_CUBIC)
    room = round(PADDING * side)
    return np.asarray(cv2.copyMakeBorder(smaller, room, room, room, room, cv2.BORDER_REPLICATE))


def in_the_middle(pack: Pack, photo: Image) -> Face | None:
    """The face nearest the middle; LFW's people stand there."""
    faces = perception.analyze(pack, photo, ()).faces
    middle = np.array(photo.shape[1::-1]) / 2

    def off(face: Face) -> float:
        x0, y0, x1, y1 = face.box
        return float(np.hypot((x0 + x1) / 2 - middle[0], (y0 + y1) / 2 - middle[1]))

    return min(faces, key=off, default=None)


def as_swapped(pack: Pack, photo: Image) -> Lit | None:
    """The face in the middle as a swap of it would see it; None if none is found, or if it cannot be swapped anyway."""
    face = in_the_middle(pack, photo)
    ready = to_swap(pack, photo, [face])[0] if face else None
    if not isinstance(ready, Face):
        return None
    return blending.prepare(photo, [ready.landmarks])[0].lit


def recoloured(target: Lit, random: Random) -> Lit:
    """A target as another camera would have it in another light."""

    def around(middle: Tensor, share: float) -> Tensor:
        return middle + share * (picture - middle)

    picture = target.pictures * torch.from_numpy(np.exp(random.normal(0, CAST, 3)).astype(np.float32)).view(
        3, 1, 1
    )
    picture = around(picture.mean(1, keepdim=True), random.uniform(*SATURATION))
    picture = around(picture.mean(), random.uniform(*CONTRAST))
    return Lit((picture * random.uniform(*GAIN)).clamp(0, 1), target.skin, target.landmarks)


@dataclass(frozen=True)
class Sample:
    """N faces as they are swapped."""

    features: Values  # (N, 1 + RECOLOURED, K), first those of the face as it is
    covered: NDArray[np.bool_]  # (N,)
    kind: NDArray[np.str_]  # (N,) of cover; "" of a bare face
    hue: NDArray[np.int64]  # (N,) group of the cover's colour, see ``hue_of``; -1 without
    like_skin: NDArray[np.bool_]  # (N,) whether it is of skin's hues, and more than grey
    person: NDArray[np.str_]  # (N,)

    def __getitem__(self, keep: NDArray[np.bool_]) -> Sample:
        return Sample(*(values[keep] for values in vars(self).values()))


Row = tuple[Values, bool, str, int, bool, str]


def sample_of(rows: Sequence[Row]) -> Sample:
    """All of what ``rows_of`` tells."""
    return Sample(*(np.array(values) for values in zip(*rows, strict=True)))


@dataclass(frozen=True)
class Subject:
    """One person: the pictures to draw covers on and to leave bare, and how their size is changed."""

    name: str
    first: Path
    others: tuple[Path, ...]  # left bare
    sizes: tuple[float, ...]


def lfw_subjects(folder: Path) -> list[Subject]:
    """Everybody in LFW with their bare photos."""
    photos: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.jpg")):
        if path.stem not in BEHIND:
            photos.setdefault(path.stem.rsplit("_", 1)[0], []).append(path)
    return [Subject(name, paths[0], tuple(paths[1:]), SIZES) for name, paths in photos.items()]


def portrait_subjects(folder: Path, of_each: int) -> list[Subject]:
    """As many synthetic portraits of either gender of each group, so that no group is known less well."""
    with np.load(folder / "meta.npz") as meta:
        names, kinds = meta["name"], np.char.add(meta["group"], meta["gender"])
    random = np.random.default_rng(0)
    chosen = [random.permutation(names[kinds == kind])[:of_each] for kind in np.unique(kinds)]
    return [Subject(str(name), folder / name, (), PORTRAIT_SIZES) for name in np.concatenate(chosen)]


@cache
def _pack() -> Pack:
    return load_pack("builtin", "cpu", 1)


def rows_of(subject: Subject) -> list[Row]:
    """Bare and covered faces of one person; those that would be redacted anyway are left out."""
    random = np.random.default_rng(list(subject.name.encode()))
    found: list[Row] = []

    def add(photo: Image, kind: str = "", colour: Colour | None = None) -> None:
        target = as_swapped(_pack(), photo)
        if target is None:
            return
        looks = [target, *(recoloured(target, random) for _ in range(RECOLOURED))]
        hue, skin = (-1, False) if colour is None else (hue_of(colour), like_skin(colour))
        row = np.array([features(one) for one in looks])
        found.append((row, kind in OVER_NOSE_OR_MOUTH, kind, hue, skin, subject.name))

    first = decode(subject.first)
    for path in subject.others or (subject.first,):
        add(as_taken(resized(decode(path), random.choice(subject.sizes)), random))
    whole = resized(first, 1.0)
    face = in_the_middle(_pack(), whole)
    if face is None:
        return found
    add(whole)
    covers = [cover for cover in COVERS if cover.name in OVER_NOSE_OR_MOUTH + ELSEWHERE]
    for number in random.permutation(len(covers))[:COVERS_EACH]:
        cover, colours = covers[number], colours_of(random)
        bare = resized(first, random.choice(subject.sizes))
        marks = face.landmarks * (bare.shape[0] / whole.shape[0])
        (colour,) = colours.things if cover.name in ("phone", "cup") else colours.cloths
        drawn = covered(bare, marks.astype(np.float32), cover, colours, random)
        add(as_taken(drawn, random), cover.name, CLOTHS[2] if cover.name == "black mask" else colour)
    return found


def hue_of(colour: Colour) -> int:
    """0 of what has hardly any hue, else from 1 (red) to 6 (magenta)."""
    hue, strength = _hue_and_strength(colour)
    return 0 if strength < HUELESS else 1 + (hue + 15) % 180 // 30


def like_skin(colour: Colour) -> bool:
    """Whether a colour has skin's hue. Warm light makes faces as red: such covers are hardest to tell."""
    hue, strength = _hue_and_strength(colour)
    return strength >= HUELESS and (hue > SKIN_HUES[0] or hue < SKIN_HUES[1])


def _hue_and_strength(colour: Colour) -> tuple[int, int]:
    """From 0 to 179, saturation times value."""
    hue, saturation, value = cv2.cvtColor(np.array([[colour]], np.uint8), cv2.COLOR_RGB2HSV)[0, 0].tolist()
    return hue, saturation * value


def fit(sample: Sample) -> CoverEstimator:
    """A perceptron by AdamW (Loshchilov and Hutter 2019) in shrinking steps, with dropout (Srivastava et al. 2014).

    Bare and covered faces weigh as much in all, but for SKIN_LIKE.
    """
    rows, truth = np.concatenate(list(sample.features)), np.repeat(sample.covered, sample.features.shape[1])
    mean, spread = rows.mean(0), rows.std(0) + 1e-6
    design = torch.from_numpy(((rows - mean) / spread).astype(np.float32))
    target = torch.from_numpy(truth.astype(np.float32))
    each = torch.where(target > 0, 0.5 / target.mean(), 0.5 / (1 - target.mean()))
    each[torch.from_numpy(np.repeat(sample.like_skin, sample.features.shape[1]))] *= SKIN_LIKE
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        hidden, last = nn.Linear(len(mean), HIDDEN), nn.Linear(HIDDEN, 1)
        network = nn.Sequential(hidden, nn.Tanh(), nn.Dropout(DROPOUT), last, nn.Flatten(0))
        optimiser = torch.optim.AdamW(network.parameters(), STEP, weight_decay=DECAY)
        batches = [batch for _ in range(EPOCHS) for batch in torch.randperm(len(rows)).split(BATCH)]
        shrink = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, len(batches))
        for batch in batches:
            optimiser.zero_grad()
            loss = F.binary_cross_entropy_with_logits(network(design[batch]), target[batch], each[batch])
            loss.backward()
            optimiser.step()
            shrink.step()
    inner, shift, outer = (
        of.detach().numpy().astype(np.float64) for of in (hidden.weight.T, hidden.bias, last.weight[0])
    )
    inner /= spread[:, None]
    return CoverEstimator(inner, shift - mean @ inner, outer, last.bias.item())


def held_out(sample: Sample, unseen_hues: bool = False) -> Values:
    """(N,) log-odds of every face by a fit that never saw its person, nor, if so asked, its cover's group of hues."""
    people, owner = np.unique(sample.person, return_inverse=True)
    fold = np.random.default_rng(0).permutation(np.arange(len(people)) % FOLDS)[owner]
    odds = np.empty(len(owner))
    for out in range(FOLDS):
        others = fold != out
        for hue in np.unique(sample.hue) if unseen_hues else [None]:
            test = ~others if hue is None else ~others & (sample.hue == hue)
            if test.any():
                train = others if hue in (None, -1) else others & (sample.hue != hue)
                odds[test] = fit(sample[train])(sample.features[test, 0])
    return odds


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit, measure on people left out, write the weights and their provenance."""
    parser = argparse.ArgumentParser(
        prog="python -m mfmc_engine.swapping.cover_fit", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--lfw", type=Path, required=True)
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--people", type=int, help="of LFW, fewer than all: to see whether it runs")
    parser.add_argument("--of-each", type=int, default=20, help="portraits of either gender of each group")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args(arguments)
    subjects = lfw_subjects(options.lfw)[: options.people]
    subjects += portrait_subjects(options.portraits, options.of_each)
    with ProcessPoolExecutor(options.workers) as pool:
        found = tqdm(pool.map(rows_of, subjects, chunksize=4), total=len(subjects))
        rows = [row for rows in found for row in rows]
    sample = sample_of(rows)
    table = _table(sample, held_out(sample), held_out(sample, unseen_hues=True))
    estimator = fit(sample)
    inner, shift, outer = (
        values.astype(np.float32) for values in (estimator.inner, estimator.shift, estimator.outer)
    )
    np.savez(options.out / "covered.npz", inner=inner, shift=shift, outer=outer, bias=estimator.bias)
    (options.out / "PROVENANCE.md").write_text(PROVENANCE.format(rows=table))
    print(table)


def _table(sample: Sample, seen: Values, unseen: Values) -> str:
    """Per kind of cover, how many there are and the shares beyond the threshold."""
    rows = []
    kinds = {kind or "nothing": sample.kind == kind for kind in ("", *ELSEWHERE)}
    kinds |= {kind: (sample.kind == kind) & ~sample.like_skin for kind in OVER_NOSE_OR_MOUTH}
    for kind, of in (kinds | {"any of these, of skin's hues": sample.covered & sample.like_skin}).items():
        shares = [f"{np.mean(odds[of] > P.COVERED_ODDS):.3f}" if of.any() else "-" for odds in (seen, unseen)]
        rows.append(f"| {kind} | {of.sum()} | {' | '.join(shares)} |")
    return "\n".join(rows)


PROVENANCE = """# covered.npz
The log-odds that something stands before a face's nose or mouth, by what `covered.features` reads off it.
Made by `python -m mfmc_engine.swapping.cover_fit --lfw ../shared/data/lfw --portraits ../shared/data/synthetic_faces`
from LFW's 2,130 photos of 840 people, all taken for bare faces but for three behind hands and a cup, from 160
synthetic portraits (20 of either gender of each of four groups, as labelled by their source), and from things drawn
before them (`evaluation/covers.py`): half of these in usual colours, half in any, with light, folds and grain; at five
sizes, with exposures from half to 1.3, one picture in twenty without colour, compressed; each face again in five kinds
of other light. Caps and sunglasses count as bare. Faces that are redacted anyway, as many behind masks are whose
landmarks are in doubt, are not in the sample. Covers of skin's hues weigh less: faces in warm light are as red.
A perceptron with one hidden layer, by AdamW with dropout and a fixed seed. No photo, name or embedding is in the file.

Share beyond the threshold of those left that would be swapped, held out by person in five folds; in the last column
the fit did not see covers of the same sixth of the colour circle (or greys) either:

| behind | faces | told covered | of unseen hues |
|---|---|---|---|
{rows}

Drawn covers are cruder than real ones.
"""


if __name__ == "__main__":
    main()
