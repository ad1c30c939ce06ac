"""How far from somebody's pictures a face may be and still become theirs by a claim (parameters.CLAIM_LIMIT).

Run: ``python scripts/claim_limit.py ../shared/data/lfw`` (2,130 photos of 840 people; about five minutes on one core).
All pairs of photos of one person, and all pairs of strangers, by dlib's ResNet. Prints, as JSON, the distance at which
as large a share of the one is refused as of the other let through (equal error rate), and both shares elsewhere.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import dlib
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mfmc_engine import parameters as P  # noqa: E402
from mfmc_engine.calibration.thresholds import equal_error  # noqa: E402
from mfmc_engine.packs.builtin import dlib_weights  # noqa: E402

# How the crops are prepared, and where the face then is, px: ../shared/data/lfw/README.md
SIDE, PAD, BOX = 180, 60, (75, 85, 225, 235)


def embeddings(files: list[Path]) -> np.ndarray:
    """(N, 128) float32, by the networks that the builtin pack uses, run by dlib itself."""
    network = dlib.face_recognition_model_v1(str(dlib_weights("dlib_face_recognition_resnet_model_v1.dat")))
    predictor = dlib.shape_predictor(str(dlib_weights("shape_predictor_68_face_landmarks.dat")))
    found = []
    for file in files:
        picture = np.asarray(Image.open(file).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC))
        picture = np.pad(picture, ((PAD, PAD), (PAD, PAD), (0, 0)), mode="edge")
        shape = predictor(picture, dlib.rectangle(*BOX))
        found.append(np.array(network.compute_face_descriptor(picture, shape), np.float32))
    return np.array(found)


def distances(people: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances of all pairs of one person, and of all pairs of two; each sorted."""
    squares = (points**2).sum(1)
    everything = np.sqrt(np.maximum(0, squares[:, None] + squares[None] - 2 * points @ points.T))
    upper = np.triu(np.ones_like(everything, bool), 1)
    same = people[:, None] == people[None]
    return np.sort(everything[upper & same]), np.sort(everything[upper & ~same])


def shares(own: np.ndarray, strangers: np.ndarray, limit: float) -> dict[str, float]:
    return {
        "limit": round(float(limit), 3),
        "own_refused": round(float((own > limit).mean()), 4),
        "strangers_let_through": round(float((strangers <= limit).mean()), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    files = sorted(folder.glob("*.jpg"))
    people = np.array([file.stem.rsplit("_", 1)[0] for file in files])
    own, strangers = distances(people, embeddings(files))
    report = {
        "photos": len(files),
        "own_pairs": len(own),
        "stranger_pairs": len(strangers),
        "equal_error": shares(own, strangers, equal_error(own, strangers)),
        "others": [shares(own, strangers, at) for at in (P.MATCH_THRESHOLD, P.CLAIM_THRESHOLD, 0.7, 0.75)],
        "in_use": shares(own, strangers, P.CLAIM_LIMIT),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
