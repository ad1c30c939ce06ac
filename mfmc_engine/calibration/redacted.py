"""Is a pixelated face still recognised? By both recognisers, on every crop that a detector or a guess would make.

Run: ``python -m mfmc_engine.calibration.redacted ../shared/data/lfw --people 120 [--mobilefacenet FILE.onnx]``.
The probe is the redacted photo, the gallery the person's other photo. A crop is accepted below the threshold at which
1 % of strangers pass; strangers here are the redacted photos of everybody else.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import dlib
import numpy as np
from tqdm import tqdm

from mfmc_engine import parameters as P
from mfmc_engine.calibration.lfw import Embed, Person, people, recognizers, subject
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


def crops(engine: Engine, photo: Image, original: FloatArray) -> dict[str, list[FloatArray]]:
    """Landmarks (68, 2) px by which a face might be cut out of a redacted photo, by kind.

    ``known``: the attacker knows where the face's parts were; ``box``: only where the face was; ``detected``: MTCNN
    or dlib's HOG detector still finds one.
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
    patch = redact(photo.image, photo.face, generator(person.name.encode()))
    hidden = photo.image.copy()
    paste(hidden, patch.origin, patch.pixels, patch.alpha)
    found = crops(engine, hidden, photo.face.landmarks)
    views = {
        (kind, name): np.array([embed(hidden, marks) for marks in all_marks])
        for kind, all_marks in found.items()
        for name, embed in known.items()
        if all_marks
    }
    return Probe(views, {name: embed(other.image, other.face.landmarks) for name, embed in known.items()})


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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, default=120)
    parser.add_argument("--mobilefacenet", type=Path)
    arguments = parser.parse_args()
    engine = Engine(threads=1)
    known = recognizers(engine, arguments.mobilefacenet)
    chosen = people(arguments.folder, arguments.people)
    probes = [probe(engine, known, person) for person in tqdm(chosen, disable=None)]
    print(json.dumps(report(probes, list(known)), indent=1))


if __name__ == "__main__":
    main()
