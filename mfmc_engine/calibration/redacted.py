"""Is a redacted face still recognised? By both recognisers, on every crop that a detector or a guess would make; and
by somebody who knows how it was hidden.

Run: ``python -m mfmc_engine.calibration.redacted ../shared/data/lfw --people 120 [--mobilefacenet FILE.onnx]``.
The probe is the redacted photo, the gallery the person's other photo. A crop is accepted below the threshold at which
1 % of strangers pass; strangers here are the redacted photos of everybody else.

Whoever knows the method hides the gallery's photos in the same way ("parrot recognition", Newton et al. 2005) and
compares like with like: by both recognisers, and by the colours that are left, place by place or as a palette. The
metric is learned from others' redacted photos (within-person covariance), the threshold is set on the strangers
themselves, at 1 % of them.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import dlib
import numpy as np
from tqdm import tqdm

from mfmc_engine import parameters as P
from mfmc_engine.calibration.lfw import Embed, Person, Subject, people, recognizers, subject
from mfmc_engine.compositing import paste
from mfmc_engine.donors.selection import generator
from mfmc_engine.engine import Engine
from mfmc_engine.swapping.redaction import redact
from mfmc_engine.types import FloatArray, Image


@dataclass(frozen=True, slots=True)
class Probe:
    """One redacted photo: embeddings (V, D) of each kind of crop, per recogniser; and the other photo's (D,)."""

    views: dict[tuple[str, str], FloatArray]  # (kind of crop, recogniser)
    gallery: dict[str, FloatArray]
    informed: dict[str, FloatArray]  # (2, K): what is left in both photos, redacted


def crops(engine: Engine, photo: Image, original: FloatArray) -> dict[str, list[FloatArray]]:
    """Landmarks (68, 2) px by which a face might be cut out of a redacted photo, by kind.

    ``known``: the attacker knows where the face's parts were; ``box``: only where the face was; ``detected``: our
    detector or dlib's HOG detector still finds one.
    """
    points = np.array([P.LFW_FIVE_POINTS], np.float32)
    found = {"known": [original], "box": [engine.pack.landmarker.mark(photo, points)[0]], "detected": []}
    found["detected"] += [face.landmarks for face in engine.analyze(photo).faces]
    predict = engine.pack.landmarker
    for box in dlib.get_frontal_face_detector()(photo, 1):
        low = np.array([box.left(), box.top()], np.float32)
        # Where dlib's box puts eyes, nose and mouth: the same shares as those of LFW's box.
        face = np.array(P.LFW_FACE_BOX, np.float32)
        scale = box.width() / (face[2] - face[0])
        found["detected"].append(predict.mark(photo, (points - face[:2]) * scale + low)[0])
    return found


def probe(engine: Engine, known: dict[str, Embed], person: Person) -> Probe:
    """One person's first photo, redacted, beside their second."""
    photo, other = (subject(engine, image) for image in person.images())
    hidden, copy = (concealed(one, f"{person.name} {i}".encode()) for i, one in enumerate((photo, other)))
    found = crops(engine, hidden, photo.face.landmarks)
    views = {
        (kind, name): np.array([embed(hidden, marks) for marks in all_marks])
        for kind, all_marks in found.items()
        for name, embed in known.items()
        if all_marks
    }
    informed = left(hidden, copy)
    blank = [concealed(one, b"", grey=True) for one in (photo, other)]
    for name, embed in known.items():
        for kind, pair in ((name, (hidden, copy)), (f"{name}, all grey", blank)):
            informed[kind] = np.stack(
                [embed(image, one.face.landmarks) for image, one in zip(pair, (photo, other), strict=True)]
            )
    return Probe(
        views, {name: embed(other.image, other.face.landmarks) for name, embed in known.items()}, informed
    )


def concealed(one: Subject, seed: bytes, grey: bool = False) -> Image:
    """A copy of the photo with its face redacted, or ``grey`` throughout where it would be: what is left to go by then
    is around the face."""
    patch = redact(one.image, one.face, generator(seed))
    if grey:
        patch.pixels[:] = 128
    hidden = one.image.copy()
    paste(hidden, patch.origin, patch.pixels, patch.alpha)
    return hidden


def left(*photos: Image) -> dict[str, FloatArray]:
    """(N, K) colours where the faces of redacted photos were: place by place, and from dark to light."""
    x0, y0, x1, y1 = (int(edge) for edge in P.LFW_FACE_BOX)
    side = P.REDACTED_CELLS
    cells = np.stack(
        [cv2.resize(photo[y0:y1, x0:x1], (side, side), interpolation=cv2.INTER_AREA) for photo in photos]
    )
    colours = cells.reshape(len(photos), -1, 3).astype(np.float32)
    order = np.argsort(colours @ np.array(P.LUMA, np.float32), axis=1)
    palette = np.take_along_axis(colours, order[..., None], axis=1)
    return {"colours": colours.reshape(len(photos), -1), "palette": palette.reshape(len(photos), -1)}


def metric(pairs: FloatArray) -> FloatArray:
    """(K, K) map under which the two photos of one person, (N, 2, K), differ equally in every direction."""
    apart = (pairs[:, 0] - pairs[:, 1]).astype(np.float64)
    within = apart.T @ apart / len(apart)
    within += P.REDACTED_RIDGE * np.trace(within) / len(within) * np.eye(len(within))
    values, vectors = np.linalg.eigh(within)
    return np.asarray(vectors / np.sqrt(values), np.float32)


def parrot(pairs: FloatArray) -> dict[str, float]:
    """How well (N, 2, K) pairs find each other: accepted where 1 % of strangers are, and named first of all N."""
    apart = np.linalg.norm(pairs[:, None, 0] - pairs[None, :, 1], axis=2)
    own, strangers = np.diag(apart), apart[~np.eye(len(apart), dtype=bool)]
    accepted = own < np.quantile(strangers, P.EVAL_FMR)
    return {
        "accepted": round(float(accepted.mean()), 4),
        "named first": round(float((apart.argmin(1) == np.arange(len(apart))).mean()), 4),
    }


def report(probes: list[Probe], names: list[str]) -> dict[str, object]:
    """Accepted shares, of the person and of strangers, for each kind of crop and recogniser."""
    figures: dict[str, object] = {"photos": len(probes)}
    for kind in ("known", "box", "detected"):
        for name in names:
            own: list[bool] = []
            strangers: list[bool] = []
            for i, one in enumerate(probes):
                views = one.views.get((kind, name))
                if views is None:
                    continue
                for j, other in enumerate(probes):
                    near = np.linalg.norm(views - other.gallery[name], axis=1).min() < P.LFW_THRESHOLDS[name]
                    (own if i == j else strangers).append(bool(near))
            figures[f"{kind}, {name}"] = {
                "crops": len(own),
                "accepted": round(float(np.mean(own)), 4) if own else None,
                "strangers": round(float(np.mean(strangers)), 4) if strangers else None,
            }
    return figures


def knowing(probes: list[Probe], others: list[Person], engine: Engine) -> dict[str, object]:
    """What somebody who knows the method gets out of the probes, having learned on ``others``."""
    photos = [[subject(engine, image) for image in other.images()] for other in others]
    hidden = [
        left(*(concealed(one, f"{other.name} {i}".encode()) for i, one in enumerate(pair)))
        for other, pair in zip(others, photos, strict=True)
    ]
    figures: dict[str, object] = {
        "chance": {"accepted": P.EVAL_FMR, "named first": round(1 / len(probes), 4)}
    }
    for name in probes[0].informed:
        pairs = np.stack([one.informed[name] for one in probes])
        if hidden and name in hidden[0]:
            pairs = pairs @ metric(np.stack([one[name] for one in hidden]))
        figures[name] = parrot(pairs)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, default=120)
    parser.add_argument(
        "--others", type=int, default=240, help="people whom an attacker who knows the method learns on"
    )
    parser.add_argument("--mobilefacenet", type=Path)
    arguments = parser.parse_args()
    engine = Engine(threads=1)
    known = recognizers(engine, arguments.mobilefacenet)
    everybody = people(arguments.folder, arguments.people + arguments.others)
    chosen, others = everybody[: arguments.people], everybody[arguments.people :]
    probes = [probe(engine, known, person) for person in tqdm(chosen, disable=None)]
    figures = report(probes, list(known)) | {"knowing the method": knowing(probes, others, engine)}
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
