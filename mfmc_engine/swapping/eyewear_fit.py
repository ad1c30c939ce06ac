"""Train what finds eyewear: ``python -m mfmc_engine.swapping.eyewear_fit --portraits DIR --lfw DIR``.

Spectacles and sunglasses are drawn before synthetic portraits (``evaluation.spectacles``); two in five pictures get
none. What may pass for some is there, too: eyes in deep shade, peaks of caps, strands of hair, and the folds and brows
of real people, every other one of LFW. The rest of LFW says how many are found; who wears what was told by eye
(eyewear_lfw.csv).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F
from tqdm import tqdm

from mfmc_engine import parameters as P
from mfmc_engine.donors.embedding import lfw_picture
from mfmc_engine.donors.portraits import Portraits, names_in
from mfmc_engine.evaluation import spectacles
from mfmc_engine.geometry import similarity
from mfmc_engine.landmarks import eye_centres
from mfmc_engine.landmarks.crops import cut
from mfmc_engine.swapping import eyewear_network
from mfmc_engine.swapping.eyewear_network import BAND, CLEAR, DARK, EYES, NOTHING, EyewearNetwork
from mfmc_engine.types import FloatArray, Image

Random = np.random.Generator
HERE: Final = Path(__file__).parent

LEFT_OUT: Final = HERE.parent / "donors" / "left_out.txt"
NOTHING_KNOWN: Final = {"worn": "nothing"}
SEEDS: Final = (2, 3)  # one a process
SAMPLES: Final = 7_000  # of each
EPOCHS: Final = 5
BATCH: Final = 32
STEP: Final = 2e-3
DECAY: Final = 1e-3
WARM_UP: Final = 0.05  # share of the steps that grow
SHARES: Final = (0.42, 0.28, 0.3)  # of pictures of people who wear nothing, clear and dark lenses
REAL: Final = 0.35  # of those with nothing that are real faces
SMALLEST: Final = 0.22  # of the band's resolution that photos have: faces of about 40 px
QUALITIES: Final = (40, 96)  # of JPEG
GREY: Final = 0.05  # share of pictures without colour
JITTER: Final = (2.5, 0.06, 0.05)  # px, share of the size, radians by which the eyes are found off
WHERE_WEIGHT, WORN_WEIGHT = 10.0, 0.5  # of where something is worn, a mean over all pixels, and of what


def band_of(image: Image, eyes: FloatArray) -> Image:
    """(*BAND, 3) of an image with eyes centred at ``eyes`` (2, 2)."""
    return cut(image, similarity(eyes.astype(np.float32), EYES), *BAND)


def with_distractors(band: Image, random: Random) -> Image:
    """What may pass for eyewear: shade in the sockets, a peak's shadow, strands, hard light on folds and brows."""
    out = band.astype(np.float32)
    rows, columns = np.mgrid[: BAND[0], : BAND[1]].astype(np.float32)
    if random.random() < 0.35:  # harder light
        smooth = cv2.GaussianBlur(out, (0, 0), random.uniform(2, 8))
        out = smooth + random.uniform(0.8, 2.5) * (out - smooth)
    if random.random() < 0.25:
        high, wide = random.uniform(6, 16), random.uniform(14, 30)
        lift = random.uniform(-8, 3)
        shade = sum(np.exp(-(((columns - x) / wide) ** 4) - ((rows - y - lift) / high) ** 4) for x, y in EYES)
        out *= (1 - random.uniform(0.2, 0.85) * np.asarray(shade))[..., None]
    if random.random() < 0.15:
        edge = random.uniform(2, 46) + random.normal(0, 0.05) * (columns - BAND[1] / 2)
        above = 0.5 - 0.5 * np.tanh((rows - edge) / random.uniform(1, 10))
        out *= (1 - random.uniform(0.3, 0.85) * above)[..., None]
    if random.random() < 0.15:
        for _ in range(random.integers(1, 12)):
            x = random.uniform(0, BAND[1]) + np.cumsum(random.normal(0, 3, 8))
            line = np.stack([x, np.linspace(-5, random.uniform(30, 110), 8)], 1).round().astype(np.int32)
            tone = (random.uniform(5, 120) * np.array([1, 0.85, 0.7])).tolist()
            cv2.polylines(out, [line], False, tone, int(random.integers(1, 4)), cv2.LINE_AA)
    if random.random() < 0.15:  # cut tight, and its edges drawn out
        left, right = (int(random.uniform(*ends)) for ends in ((18, 50), (BAND[1] - 50, BAND[1] - 18)))
        out[:, :left], out[:, right:] = out[:, left : left + 1], out[:, right - 1 : right]
    if random.random() < 0.3:  # side light
        out *= np.exp(random.normal(0, 0.5) * (columns / BAND[1] - 0.5))[..., None]
    return np.asarray(out.clip(0, 255), np.uint8)


def moved(band: FloatArray, random: Random) -> FloatArray:
    """``band`` (*BAND, C) as if the eyes had been found a little off."""
    shift, size, turn = (random.normal(0, sigma, 2) for sigma in JITTER)
    matrix = cv2.getRotationMatrix2D(
        (BAND[1] / 2, EYES[0, 1].item()), float(np.degrees(turn[0])), float(np.exp(size[0]))
    )
    matrix[:, 2] = matrix[:, 2] + shift
    if random.random() < 0.5:
        band = np.ascontiguousarray(band[:, ::-1])
    return np.asarray(cv2.warpAffine(band, matrix, BAND[::-1], borderMode=cv2.BORDER_REPLICATE), np.float32)


def as_taken(band: FloatArray, random: Random) -> Image:
    """Smaller or out of focus, grainy, in another light, compressed."""
    share = float(np.exp(random.uniform(np.log(SMALLEST), 0.1)))
    out: NDArray[Any] = band
    if share < 1:
        side = (round(BAND[1] * share), round(BAND[0] * share))
        out = cv2.resize(band, side, interpolation=cv2.INTER_AREA)
    if random.random() < 0.3:
        out = cv2.GaussianBlur(out, (0, 0), random.uniform(0.3, 1.2))
    out = out * np.exp(random.normal(0, 0.1, 3)) * random.uniform(0.5, 1.35)
    grey = out.mean(2, keepdims=True)
    out = grey + (0.0 if random.random() < GREY else random.uniform(0.6, 1.5)) * (out - grey)
    out = out + random.normal(0, random.uniform(0, 7), out.shape)
    small = np.asarray(out.clip(0, 255), np.uint8)
    _, packed = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(*QUALITIES))])
    taken = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))
    return np.asarray(cv2.resize(taken, BAND[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def sample(portraits: Image, real: Image, random: Random) -> tuple[Image, NDArray[np.uint8], int]:
    """A band (*BAND, 3), its frame and lens (*BAND, 2) of 255, and what is worn. ``portraits`` and ``real``, both
    (N, *BAND, 3), wear nothing."""
    worn = int(random.choice(3, p=SHARES))
    if worn == NOTHING and random.random() < REAL:
        return _real(real[random.integers(len(real))], random)
    bare = with_distractors(portraits[random.integers(len(portraits))], random)
    if worn == NOTHING:
        parts, picture = np.zeros((*BAND, 2), np.float32), bare
    else:
        drawn = (spectacles.clear if worn == CLEAR else spectacles.dark)(bare, EYES, random)
        parts, picture = np.stack([drawn.frame, drawn.lens], -1), drawn.picture
    both = moved(np.concatenate([picture.astype(np.float32), parts * 255], -1), random)
    return as_taken(both[..., :3], random), both[..., 3:].round().clip(0, 255).astype(np.uint8), worn


def _real(band: Image, random: Random) -> tuple[Image, NDArray[np.uint8], int]:
    picture = as_taken(moved(band.astype(np.float32), random), random)
    return picture, np.zeros((*BAND, 2), np.uint8), NOTHING


def train(
    bands: Image, parts: NDArray[np.uint8], worn: NDArray[np.int64], epochs: int = EPOCHS
) -> EyewearNetwork:
    """By AdamW in shrinking steps. ``bands`` (N, *BAND, 3), ``parts`` (N, *BAND, 2) of 255, ``worn`` (N,)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = EyewearNetwork().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimiser = torch.optim.AdamW(network.parameters(), STEP, weight_decay=DECAY)
        batches = [
            b.numpy()
            for _ in range(epochs)
            for b in torch.randperm(len(bands)).split(BATCH)
            if len(b) == BATCH
        ]
        shrink = growing_then_shrinking(optimiser, len(batches))
        for batch in tqdm(batches, desc="training", disable=None):
            x, y = (torch.from_numpy(of[batch]).permute(0, 3, 1, 2).float() / 255 for of in (bands, parts))
            what, where = network(x)
            loss = WHERE_WEIGHT * F.binary_cross_entropy_with_logits(where, y)
            loss = loss + WORN_WEIGHT * F.cross_entropy(what, torch.from_numpy(worn[batch]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            shrink.step()
    return network.eval()


def growing_then_shrinking(
    optimiser: torch.optim.Optimizer, steps: int
) -> torch.optim.lr_scheduler.OneCycleLR:
    """The length of each of so many steps, for WARM_UP of them growing up to STEP."""
    # it divides by how many grow, less one, which must not be none
    growing = max(WARM_UP, 2 / steps) if steps > 2 else WARM_UP
    return torch.optim.lr_scheduler.OneCycleLR(optimiser, STEP, steps, pct_start=growing)


def portrait_bands(folder: Path) -> Image:
    """(N, *BAND, 3) of all synthetic portraits that show no glasses."""
    portraits = Portraits.load(folder, names_in(LEFT_OUT.read_text()))
    return np.stack(
        [
            band_of(portraits.picture(i).astype(np.uint8), eye_centres(portraits.landmarks[i]))
            for i in tqdm(range(len(portraits)), desc="portraits", disable=None)
        ]
    )


def lfw_bands(folder: Path) -> tuple[list[str], Image]:
    """Names and bands (N, *BAND, 3) of all photos of LFW."""
    paths = sorted(folder.glob("*.jpg"))
    found = (lfw_picture(path) for path in tqdm(paths, desc="LFW", disable=None))
    return [path.stem for path in paths], np.stack(
        [band_of(image, eye_centres(marks)) for image, marks in found]
    )


def labels() -> dict[str, dict[str, str]]:
    """By the photo's name: what is ``worn`` (clear, dark, unsure; nothing where it is not listed), and how many
    ``times`` it stands among those that teach what is no eyewear."""
    with (HERE / "eyewear_lfw.csv").open(newline="") as file:
        return {row["photo"]: row for row in csv.DictReader(file)}


def samples(
    seed: int, count: int, portraits: Image, real: Image
) -> tuple[Image, NDArray[np.uint8], NDArray[np.int64]]:
    """``count`` of ``sample``, as ``train`` takes them."""
    random = np.random.default_rng(seed)
    rows = [sample(portraits, real, random) for _ in range(count)]
    bands, parts, worn = zip(*rows, strict=True)
    return np.stack(bands), np.stack(parts), np.array(worn, np.int64)


def told(network: EyewearNetwork, bands: Image) -> NDArray[np.float32]:
    """(N, 3) probabilities of what is worn."""
    with torch.inference_mode():
        batches = torch.from_numpy(bands).permute(0, 3, 1, 2).split(BATCH)
        levels = (network.encode(batch.float() / 255) for batch in batches)
        return np.asarray(torch.cat([network.what(of) for of in levels]).softmax(1).numpy(), np.float32)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, measure on people left out, write the weights and what was measured."""
    parser = argparse.ArgumentParser(
        prog="python -m mfmc_engine.swapping.eyewear_fit", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--portraits", type=Path, required=True)
    parser.add_argument("--lfw", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=SAMPLES, help="of each of two seeds")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--out", type=Path, default=HERE)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    names, photos = lfw_bands(options.lfw)
    known = labels()
    times = [int(known[name]["times"]) if name in known else 0 for name in names]
    real = np.concatenate([photos[np.array(times) >= n] for n in range(1, 1 + max(times))])
    portraits = portrait_bands(options.portraits)
    with ProcessPoolExecutor(len(SEEDS)) as pool:
        jobs = [pool.submit(samples, seed, options.samples, portraits, real) for seed in SEEDS]
        bands, parts, worn = zip(*(job.result() for job in jobs), strict=True)
    network = train(np.concatenate(bands), np.concatenate(parts), np.concatenate(worn), options.epochs)
    eyewear_network.save(network, options.out / "eyewear.npz")
    table = _table(names, known, told(network, photos))
    (options.out / "eyewear.md").write_text(PROVENANCE.format(rows=table))
    print(table)


def _table(names: Sequence[str], known: dict[str, dict[str, str]], probabilities: NDArray[np.float32]) -> str:
    """Per kind, the photos of people left out, and how many are told to wear something, and dark lenses."""
    people = sorted({name.rsplit("_", 1)[0] for name in names})
    left_out = set(people[1::2])
    rows = []
    for kind in ("nothing", "clear", "dark", "unsure"):
        of = [
            i
            for i, name in enumerate(names)
            if name.rsplit("_", 1)[0] in left_out and known.get(name, NOTHING_KNOWN)["worn"] == kind
        ]
        seen = probabilities[of]
        some = seen[:, NOTHING] < P.EYEWEAR_DOUBT
        rows.append(f"| {kind} | {len(of)} | {some.sum()} | {(some & (seen.argmax(1) == DARK)).sum()} |")
    return "\n".join(rows)


PROVENANCE = """# eyewear.npz
Where spectacles and dark lenses stand before eyes (`eyewear_network.py`), in half precision. Made by
`python -m mfmc_engine.swapping.eyewear_fit --portraits ../shared/data/synthetic_faces --lfw ../shared/data/lfw` from
eyewear drawn before synthetic portraits (`evaluation/spectacles.py`), and from photos of every other person of LFW who
wears none (Labeled Faces in the Wild, Huang et al. 2007): 14,000 pictures, five times each. Who wears what was told by
eye, on contact sheets in the order of this network's odds (eyewear_lfw.csv; what comes after the first 630 of 2,130 is
taken for nothing), so wearers whom it is sure to miss count as bare. Of the photos that taught what is none three show
clear glasses and four may. No photo, name or embedding is in the file.

People of LFW left out of the training, as their photos are there (90 px, edges drawn out):

| wears, by eye | photos | told to wear something | seems dark |
|---|---|---|---|
{rows}
"""


if __name__ == "__main__":
    main()
