"""Are decoys still recognised? Probes are decoys, the gallery is another photo of the same person.

Run: ``python -m mfmc_engine.evaluation.reidentification ../shared/data/lfw --limit 120 [--mobilefacenet FILE.onnx]``.
Thresholds are those of 1 % false matches between strangers in that set (its baseline.txt), so an accepted share of
1 % is what two strangers get. MobileFaceNet never takes part in choosing donors: it is the independent judge.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mfmc_engine import parameters as P
from mfmc_engine.compositing import compose
from mfmc_engine.donors.embedding import lfw_picture
from mfmc_engine.engine import Engine
from mfmc_engine.geometry import index_space, similarity
from mfmc_engine.landmarks import five_of
from mfmc_engine.quality import assess
from mfmc_engine.recognition.chips import extract_chips
from mfmc_engine.types import DecoyRequest, Face, FloatArray, Image

Embed = Callable[[Image, FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class Trial:
    """One person: distances of the other photo to the original and to its decoy, per recogniser."""

    kind: str
    attempts: int
    before: dict[str, float]
    after: dict[str, float]
    landmark_error: float  # mean over the 68 points, inter-ocular distances


def mobilefacenet(path: Path) -> Embed:
    """The recogniser in ``path``; alignment and normalisation as its README says."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    points = np.array(P.MOBILEFACENET_POINTS, np.float32)
    mean, deviation = np.array(P.IMAGENET_MEAN, np.float32), np.array(P.IMAGENET_DEVIATION, np.float32)

    def embed(image: Image, landmarks: FloatArray) -> FloatArray:
        aligned = cv2.warpAffine(image, index_space(similarity(five_of(landmarks), points)), (112, 112))
        batch = ((aligned.astype(np.float32) / 255 - mean) / deviation).transpose(2, 0, 1)[None]
        vector = session.run(None, {"input0": batch})[0][0]
        return np.asarray(vector / np.linalg.norm(vector), np.float32)

    return embed


def evaluate(folder: Path, limit: int, judge: Path | None, seed: int = 11) -> list[Trial]:
    """Trials of up to ``limit`` people of an LFW folder who have two photos, drawn with ``seed``."""
    engine = Engine(threads=1)
    recognizers: dict[str, Embed] = {
        "dlib": lambda image, marks: np.asarray(engine.pack.recognizer.embed(image, marks[None])[0])
    }
    if judge is not None:
        recognizers["mobilefacenet"] = mobilefacenet(judge)
    files = defaultdict(list)
    with (folder / "people.csv").open(newline="") as rows:
        for row in csv.DictReader(rows):
            files[row["person"]].append(folder / row["file"])
    people = sorted(person for person, paths in files.items() if len(paths) > 1)
    np.random.default_rng(seed).shuffle(people)
    return [_trial(engine, recognizers, person, files[person][:2]) for person in people[:limit]]


def _trial(engine: Engine, recognizers: dict[str, Embed], person: str, paths: list[Path]) -> Trial:
    image, other = (lfw_picture(path)[0] for path in paths)
    marks, other_marks = (_marks(engine, picture) for picture in (image, other))
    box = np.array(P.LFW_FACE_BOX, np.float32)
    quality = assess(box, marks, extract_chips(image, marks[None])[0])
    face = Face(box, 1.0, marks, recognizers["dlib"](image, marks), quality)
    decoy = engine.make_decoys(image, [DecoyRequest(face, person.encode())])[0]
    result = compose(image, [decoy], [0])
    anew = _marks(engine, result)
    before, after = {}, {}
    for name, embed in recognizers.items():
        gallery = embed(other, other_marks)
        before[name] = float(np.linalg.norm(embed(image, marks) - gallery))
        after[name] = float(np.linalg.norm(embed(result, anew) - gallery))
    apart = float(np.linalg.norm(marks[36:42].mean(0) - marks[42:48].mean(0)))
    error = float(np.linalg.norm(anew - marks, axis=1).mean()) / max(apart, 1e-6)
    return Trial(decoy.kind, decoy.attempts, before, after, error)


def _marks(engine: Engine, image: Image) -> FloatArray:
    """Landmarks of a prepared crop, whose face always lies in the same place."""
    return engine.pack.landmarker.mark(image, np.array([P.LFW_FIVE_POINTS], np.float32))[0]


def report(trials: list[Trial]) -> dict[str, object]:
    """Shares and means over all trials, redactions included."""
    errors = [trial.landmark_error for trial in trials if trial.kind == "swap"]
    return {
        "people": len(trials),
        "swapped": float(np.mean([trial.kind == "swap" for trial in trials])),
        "attempts": float(np.mean([trial.attempts for trial in trials])),
        "accepted": {
            name: {
                "threshold": threshold,
                "before": float(np.mean([trial.before[name] < threshold for trial in trials])),
                "after": float(np.mean([trial.after[name] < threshold for trial in trials])),
            }
            for name, threshold in P.LFW_THRESHOLDS.items()
            if name in trials[0].before
        },
        "landmark_error": {
            "median": float(np.median(errors)) if errors else None,
            "p95": float(np.quantile(errors, 0.95)) if errors else None,
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=120)
    parser.add_argument("--mobilefacenet", type=Path)
    arguments = parser.parse_args()
    start = time.perf_counter()
    figures = report(evaluate(arguments.folder, arguments.limit, arguments.mobilefacenet))
    print(json.dumps({**figures, "seconds": round(time.perf_counter() - start, 1)}, indent=1))


if __name__ == "__main__":
    main()
